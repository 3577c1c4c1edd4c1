"""The links in messages: to confirm a subscription and to end it; the token in them is what allows it."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.services.sns.records import SUBSCRIPTIONS
from boatyard.services.sns.subscriptions import confirm


def _confirm(installation: Installation, topic: str, token: str) -> dict[str, str]:
    with installation.database.transaction() as tx:
        return {"SubscriptionArn": confirm(tx, topic, token).arn}


def _unsubscribe(installation: Installation, topic: str, token: str) -> dict[str, str]:
    with installation.database.transaction() as tx:
        subscription = confirm(tx, topic, token)
        SUBSCRIPTIONS.delete(tx, subscription.topic, subscription.id)
    return {"Unsubscribed": subscription.arn}


_ACTIONS = {"/_boatyard/sns/confirm": _confirm, "/_boatyard/sns/unsubscribe": _unsubscribe}


async def _follow(scope: Scope, receive: Receive, send: Send) -> None:
    """GET with TopicArn and Token in the query."""
    action = _ACTIONS.get(scope["path"])
    if action is None or scope["method"] != "GET":
        raise ApiError("NotFound", "There is no such link.", status=404)
    query = parse_qs(scope["query_string"].decode("latin-1"))
    topic, token = query.get("TopicArn", [""])[0], query.get("Token", [""])[0]
    loop = asyncio.get_running_loop()
    answer = await loop.run_in_executor(None, action, scope["installation"], topic, token)
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


ROUTES = {"/_boatyard/sns/": _follow}
