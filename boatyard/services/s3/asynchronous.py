"""PutObject of what is small, on the event loop: those that come at the same time share one write to the disk."""

from __future__ import annotations

from functools import partial
from typing import Any

from boatyard.api.bodies import arrived
from boatyard.api.call import Call, Params
from boatyard.services.s3.content import INLINE_LIMIT
from boatyard.services.s3.objects import begin_put, put_answer, take_in
from boatyard.services.s3.writing import publish_in
from boatyard.state.short_reads import MustWait


async def put_object(call: Call, params: Params) -> dict[str, Any]:
    """Stores an object whose body has come already and goes into its row; MustWait for any other."""
    body = params.get("Body")
    if body is not None and (body.length is None or body.length > INLINE_LIMIT):
        raise MustWait
    database = call.installation.database
    with database.short.only():
        draft, choice, writer = begin_put(call, params)
    await arrived(body)
    with database.short.only():
        draft, segment, content = take_in(writer, params, draft, choice)
    write = partial(
        publish_in, call=call, params=params, draft=draft, segments=[segment], content=content, reason="PutObject"
    )
    return put_answer(*await database.group.do(write))
