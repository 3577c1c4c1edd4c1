"""Which function does which operation: found by name in the packages of boatyard.services."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from boatyard.services import PACKAGES

if TYPE_CHECKING:
    from boatyard.api.call import Call

Operation = Callable[["Call", dict[str, Any]], dict[str, Any] | None]


def module(service: str, name: str) -> ModuleType | None:
    """A module of a service's package, None where the package has no such module."""
    package = f"boatyard.services.{PACKAGES[service]}"
    if importlib.util.find_spec(package) is None:
        return None
    full = f"{package}.{name}" if name else package
    try:
        found = importlib.util.find_spec(full)
    except ModuleNotFoundError:
        return None
    return importlib.import_module(full) if found is not None else None


def modules(service: str, attribute: str, default: tuple[str, ...]) -> Iterator[ModuleType]:
    """The modules that a package names in an attribute such as OPERATION_MODULES, else the default ones."""
    package = module(service, "")
    if package is None:
        return
    for name in getattr(package, attribute, default):
        found = module(service, name)
        if found is not None:
            yield found


@cache
def operation_modules(service: str) -> tuple[ModuleType, ...]:
    """Where the operations of a service are."""
    return tuple(modules(service, "OPERATION_MODULES", ("operations",)))


@cache
def find(service: str, operation: str) -> Operation | None:
    """The function that does an operation, None when boatyard does not do it."""
    if service not in PACKAGES:
        return None
    method = xform_name(operation)
    for each in operation_modules(service):
        function = each.__dict__.get(method)
        if callable(function) and getattr(function, "__module__", None) == each.__name__:
            return function  # type: ignore[no-any-return]
    return None
