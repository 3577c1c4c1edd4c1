"""From an event to its targets: rules are matched once, deliveries are stored, made, and tried again."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from msgspec.structs import replace

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import Clock, iso, now
from boatyard.services.events import patterns, schedules, sending
from boatyard.services.events.records import (
    DELIVERIES,
    RULES,
    TARGETS,
    Delivery,
    Rule,
)
from boatyard.state import space
from boatyard.state.database import DatabaseClosed, Reader, Transaction

log = logging.getLogger(__name__)
T = TypeVar("T")
MAXIMUM_ATTEMPTS = 185
MAXIMUM_AGE = 24 * 3600
LONGEST_PAUSE = 300.0
THREADS = 4
_running: WeakKeyDictionary[Installation, Deliverer] = WeakKeyDictionary()


def wake(installation: Installation) -> None:
    """Have deliveries and schedules looked at now."""
    deliverer = _running.get(installation)
    if deliverer is not None:
        deliverer.wake()


def start(installation: Installation) -> None:
    """Begin to deliver, what the last server left first."""
    _running[installation] = Deliverer(installation)


def stop(installation: Installation) -> None:
    """End after the deliveries in hand."""
    deliverer = _running.pop(installation, None)
    if deliverer is not None:
        deliverer.stop()


def route(installation: Installation, tx: Transaction, event: dict[str, Any], bus: str) -> None:
    """Stores a delivery for every target of every enabled rule of the bus that the event matches.

    Done again for the same event it changes nothing.
    """
    for rule in matching(tx, event, bus):
        store(tx, rule, event)
    tx.after_commit(lambda: wake(installation))


def matching(rx: Reader, event: dict[str, Any], bus: str) -> list[Rule]:
    """The enabled rules of a bus that an event matches."""
    where = {"account": event["account"], "region": event["region"], "bus": bus}
    return [
        rule
        for rule in RULES.select(rx, where)
        if rule.state == "ENABLED" and rule.pattern and patterns.compiled(rule.pattern)(event)
    ]


def store(tx: Transaction, rule: Rule, event: dict[str, Any]) -> None:
    """Stores the deliveries of one event to a rule's targets."""
    where = {"account": rule.account, "region": rule.region, "bus": rule.bus, "rule": rule.name}
    for target in TARGETS.select(tx, where):
        delivery = Delivery(
            id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{event['id']} {rule.arn} {target.id}")),
            account=rule.account,
            region=rule.region,
            rule_name=rule.name,
            rule_arn=rule.arn,
            target=target.definition,
            event=event,
            created=time.time(),
            due=0.0,
        )
        DELIVERIES.put(tx, delivery)


class Deliverer:
    """One thread that sees what is due, and a few that deliver it."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._woken = threading.Event()
        self._stopping = False
        self._lock = threading.Lock()
        self._in_hand: set[str] = set()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="event delivery")
        self._clock = Clock()
        self._set_schedules_anew(overdue=True)
        self._thread = threading.Thread(target=self._run, name="event deliveries", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def stop(self) -> None:
        """End; deliveries in hand are made again at the next start if they do not end in time."""
        self._stopping = True
        self._woken.set()
        self._thread.join(5)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                if self._clock.was_set():
                    self._set_schedules_anew(overdue=False)
                self._fire_schedules()
                pause = self._hand_out()
            except DatabaseClosed:
                return
            except Exception:
                log.exception("Events could not be delivered")
                pause = 1.0
            self._woken.wait(pause)

    def _hand_out(self) -> float:
        """Gives what is due to the pool; the seconds until something else is due."""
        with self._installation.database.reading() as rx:
            waiting = DELIVERIES.select(rx, order="due", limit=500)
            timed = RULES.select(rx, after=("due", 0.0), limit=1)
        moment = time.time()
        times = [rule.due for rule in timed if rule.due is not None]
        for delivery in waiting:
            # What is further away than the longest pause was put off before the clock was set back.
            if moment < delivery.due <= moment + LONGEST_PAUSE:
                times.append(delivery.due)
                continue
            with self._lock:
                if delivery.id in self._in_hand:
                    continue
                self._in_hand.add(delivery.id)
            self._pool.submit(self._deliver, delivery)
        return min(60.0, max(0.001, min(times, default=moment + 60.0) - time.time()))

    def _deliver(self, delivery: Delivery) -> None:
        try:
            self._attempt(delivery)
        except DatabaseClosed:
            return
        except Exception:
            if not self._stopping:
                log.exception("The event %s could not be delivered to %s", delivery.event["id"], delivery.target["Arn"])
        finally:
            with self._lock:
                self._in_hand.discard(delivery.id)

    def _attempt(self, delivery: Delivery) -> None:
        with self._installation.database.reading() as rx:
            if DELIVERIES.get(rx, delivery.id) != delivery:
                return
        # Each waits while the disk is full: what was delivered must not be delivered again.
        error, again = self._patiently(lambda: self._send(delivery))
        self._patiently(lambda: self._record(delivery, error, again))

    def _patiently(self, function: Callable[[], T]) -> T:
        directory = self._installation.data_directory
        return space.patiently(function, directory, lambda: self._stopping, "The delivery of an event")

    def _send(self, delivery: Delivery) -> tuple[ApiError | None, bool]:
        """Hands the event to its target: what went wrong, and whether that may pass."""
        try:
            sending.send(self._installation, delivery)
        except ApiError as failure:
            return failure, sending.is_passing(failure)
        except Exception as failure:
            if self._stopping or space.is_full(failure):
                raise
            log.exception("The target %s failed", delivery.target["Arn"])
            return ApiError("InternalException", str(failure)), True
        return None, False

    def _record(self, delivery: Delivery, error: ApiError | None, again: bool) -> None:
        with self._installation.database.transaction() as tx:
            if error is None:
                DELIVERIES.delete(tx, delivery.id)
            elif again and not _too_late(delivery):
                due = time.time() + _pause(delivery.attempts)
                DELIVERIES.put(tx, replace(delivery, attempts=delivery.attempts + 1, due=due))
                tx.after_commit(self.wake)
            else:
                DELIVERIES.delete(tx, delivery.id)
                log.warning(
                    "The rule %s gave up delivering the event %s to %s: %s",
                    delivery.rule_arn,
                    delivery.event["id"],
                    delivery.target["Arn"],
                    error,
                )

    def _set_schedules_anew(self, *, overdue: bool) -> None:
        """Schedules go on from now whose time is further away than it can be; with `overdue`, those that are late too.

        The first is so after the clock was set back: a rate of five minutes would be silent for hours.
        """
        moment = now().timestamp()
        with self._installation.database.transaction() as tx:
            for rule in RULES.select(tx, after=("due", 0.0)):
                following = _next(rule)
                late = overdue and (rule.due or moment) < moment
                if late or (following.due is not None and rule.due is not None and rule.due > following.due):
                    RULES.put(tx, following)

    def _fire_schedules(self) -> None:
        moment = time.time()
        with self._installation.database.reading() as rx:
            due = [rule for rule in RULES.select(rx, after=("due", 0.0), limit=100) if (rule.due or moment) <= moment]
        if not due:
            return
        with self._installation.database.transaction() as tx:
            for rule in due:
                if RULES.get(tx, rule.account, rule.region, rule.bus, rule.name) == rule:
                    store(tx, rule, scheduled_event(rule))
                    RULES.put(tx, _next(rule))


def _too_late(delivery: Delivery) -> bool:
    policy = delivery.target.get("RetryPolicy", {})
    # Not by the clock, which may have been set, or no server ran: how long it has been tried for.
    tried = sum(_pause(attempt) for attempt in range(delivery.attempts + 1))
    return bool(
        delivery.attempts + 1 > policy.get("MaximumRetryAttempts", MAXIMUM_ATTEMPTS)
        or tried > policy.get("MaximumEventAgeInSeconds", MAXIMUM_AGE)
    )


def _pause(attempts: int) -> float:
    return float(min(LONGEST_PAUSE, 0.5 * 2.0**attempts))


def _next(rule: Rule) -> Rule:
    following = schedules.parse(rule.schedule or "").next_after(now())
    return replace(rule, due=None if following is None else following.timestamp())


def scheduled_event(rule: Rule) -> dict[str, Any]:
    """The event that a schedule sends.

    Follows the EventBridge user guide, "Creating a rule that runs on a schedule".
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule.account,
        "time": iso(now()),
        "region": rule.region,
        "resources": [rule.arn],
        "detail": {},
    }
