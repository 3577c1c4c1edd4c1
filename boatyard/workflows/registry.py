"""The workflows there are, by the name that is stored with their runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

OnFailure = Callable[[Any, list[Any], BaseException], None]


@dataclass(frozen=True, slots=True)
class Definition:
    """A workflow's function, and what tells the record that it broke."""

    name: str
    function: Callable[..., None]
    on_failure: OnFailure | None


_definitions: dict[str, Definition] = {}


def workflow(name: str, *, on_failure: OnFailure | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function(work, *args) as a workflow; the name is stored and must never change.

    `on_failure(installation, args, error)` is called when the function raises what it did not expect.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        _definitions[name] = Definition(name, function, on_failure)
        return function

    return register


def definition(name: str) -> Definition | None:
    """The workflow of that name, None when no module that was imported defines it."""
    return _definitions.get(name)
