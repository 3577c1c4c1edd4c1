"""Functions that one service offers to others beside AWS's operations, by name.

Services do not import one another. What AWS does between its services without an operation (CodePipeline taking
a repository's archive) is registered here by the owner and looked up by whoever needs it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from boatyard.api import registry

_exports: dict[str, Callable[..., Any]] = {}


def register(name: str, function: Callable[..., Any]) -> None:
    """Offer a function as `service.purpose`."""
    _exports[name] = function


def get(name: str) -> Callable[..., Any]:
    """The function of that name; the owner's `exports` module is imported if need be. LookupError if none."""
    if name not in _exports:
        found = registry.module(name.split(".", 1)[0], "exports")
        if found is not None and name not in _exports:
            importlib.reload(found)
    try:
        return _exports[name]
    except KeyError:
        raise LookupError(f"no service offers {name}") from None
