"""Operations that run on the event loop: a package lists them in ASYNC_OPERATIONS, operation name to module name.

The module has a coroutine function of the operation's usual name, called with the call and the parameters. Operations
that only read a few records are named in QUICK_OPERATIONS (docs/decisions/0011-quick-operations.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from functools import cache
from typing import Any

from botocore import xform_name

from boatyard.api import registry
from boatyard.api.call import Call
from boatyard.api.invoke import Admitted
from boatyard.services import PACKAGES
from boatyard.state.short_reads import MustWait

Handler = Callable[[Call, dict[str, Any]], Awaitable[dict[str, Any] | None]]


@cache
def find(service: str, operation: str) -> Handler | None:
    """The coroutine function of an operation; None for the many that run in a thread."""
    if service not in PACKAGES:
        return None
    package = registry.module(service, "")
    name = getattr(package, "ASYNC_OPERATIONS", {}).get(operation)
    module = registry.module(service, name) if name else None
    handler: Handler | None = getattr(module, xform_name(operation), None)
    return handler


@cache
def is_quick(service: str, operation: str) -> bool:
    """Whether an operation only reads a few records: such are done on the event loop, without a change of threads."""
    return service in PACKAGES and operation in getattr(registry.module(service, ""), "QUICK_OPERATIONS", ())


async def perform(admitted: Admitted, handler: Handler, threads: Executor) -> dict[str, Any]:
    """Do an operation by its coroutine function; where that must wait, by a thread and the ordinary function."""
    try:
        return await handler(admitted.call.within(admitted.service), admitted.params) or {}
    except MustWait:
        return await asyncio.get_running_loop().run_in_executor(threads, admitted)
