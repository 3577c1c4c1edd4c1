"""Asynchronous invocations: an event is kept until its function has dealt with it or its tries are used up."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

from boatyard.api import json_text
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import Countdown, now
from boatyard.services.lambda_.functions.names import require_settings
from boatyard.services.lambda_.invocations.instance import Invocation
from boatyard.services.lambda_.invocations.operations import choose_version
from boatyard.services.lambda_.invocations.pool import pool_of
from boatyard.services.lambda_.records import EVENTS, LATEST, Event
from boatyard.workflows import Work, workflow

log = logging.getLogger(__name__)
SERVICE = "lambda.amazonaws.com"
PAUSES_SECONDS = (60, 120)
THROTTLED_SECONDS = 1.0
LONGEST_AGE_SECONDS = 21_600


@workflow("lambda.event")
def run_event(work: Work, event_id: str) -> None:
    """Invoke, and again after one and two minutes when the function fails; a throttled try is not counted."""
    with work.installation.database.reading() as rx:
        event = EVENTS.get(rx, event_id)
    if event is None:
        return
    config = _config(work, event)
    attempts = 1 + config.get("MaximumRetryAttempts", 2)
    age = Countdown(event.accepted + timedelta(seconds=config.get("MaximumEventAgeInSeconds", LONGEST_AGE_SECONDS)))
    for attempt in range(attempts):
        outcome = work.step(f"attempt {attempt + 1}", _attempt, work, event, age)
        if outcome["error"] is None or outcome.get("final"):
            break
        if attempt + 1 < attempts:
            pause = timedelta(seconds=PAUSES_SECONDS[min(attempt, 1)])
            if pause.total_seconds() > age.left:
                break
            work.sleep_until(now() + pause)
    with work.installation.database.transaction() as tx:
        EVENTS.delete(tx, event_id)


def _config(work: Work, event: Event) -> dict[str, int]:
    call = work.installation.service_call(SERVICE, event.account, event.region)
    try:
        with work.installation.database.reading() as rx:
            settings = require_settings(rx, call, event.function)
    except ApiError:
        return {}
    return settings.retries.get(event.qualifier or LATEST, {})


def _attempt(work: Work, event: Event, age: Countdown) -> dict[str, Any]:
    """One try: {"error": None} or what went wrong."""
    installation = work.installation
    call = installation.service_call(SERVICE, event.account, event.region)
    while True:
        work.check()
        try:
            with installation.database.reading() as rx:
                function = choose_version(rx, call, event.function, event.qualifier or None)
                reserved = require_settings(rx, call, event.function).concurrency
        except ApiError as error:
            log.warning("The event %s has no function any more: %s", event.id, error)
            return {"error": error.code, "final": True}
        try:
            suffix = f":{event.qualifier}" if event.qualifier else ""
            invocation = Invocation(event.payload, 0.0, event.id, arn=f"{function.unqualified_arn}{suffix}")
            outcome, _ = pool_of(installation).invoke(function, invocation, reserved)
        except ApiError as error:
            if error.code == "ServiceException":
                work.check()
                log.warning("The event %s cannot be handed to %s: %s", event.id, event.function, error)
                return {"error": error.code}
            if error.code != "TooManyRequestsException" or age.left < 0:
                return {"error": error.code, "final": True}
            work.wait(("lambda", "capacity"), ready=lambda: False, timeout=THROTTLED_SECONDS)
            continue
        work.check()
        if outcome.error is None:
            return {"error": None}
        log.info("The event %s failed in %s: %s", event.id, event.function, outcome.payload[:500])
        return {"error": outcome.error, "payload": _shortened(outcome.payload)}


def _shortened(payload: bytes) -> str:
    try:
        return json.dumps(json_text.read(payload))[:2000]
    except ValueError:
        return payload[:2000].decode(errors="replace")
