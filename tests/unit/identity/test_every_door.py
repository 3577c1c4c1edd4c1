"""No way in without being asked: every way that a request can take to an operation leads through `authorize`."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.invoke import invoke
from boatyard.api.models import service_model
from boatyard.gateway import asynchronous
from boatyard.services import PACKAGES

ROOT = Path(__file__).parents[3]
HANDLERS = {
    "/_boatyard/health": "tells the version alone",
    "/_boatyard/reset": "the root's signature",
    "/_boatyard/permissions": "the root's signature",
    "/_boatyard/tasks/": "the root's signature",
    "/v2/credentials/": "the secret address of a container, asked from its own network",
    "/_boatyard/sns/": "the token in the message of the subscription",
    "/2018-06-01/runtime/": "the address of the function's own container",
    "/_boatyard/lambda/code/": "the token in what GetFunction answered",
    "/v2/": "authorize",
    "/v1/repos/": "authorize",
}
"""Every path that is no operation of an AWS API, and what lets a request through there."""


class Asked(Exception):
    """The question was put."""


@pytest.fixture
def doorkeeper(call: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """A call whose permission is asked for by an exception, so that nothing is done."""

    def authorize(self: Call, service: str, operation: str, params: dict[str, Any]) -> None:
        raise Asked(f"{service}:{operation}")

    monkeypatch.setattr(Call, "authorize", authorize)
    return call


def _operations() -> Iterator[tuple[str, str]]:
    for service in PACKAGES:
        yield from ((service, name) for name in service_model(service).operation_names)


def test_every_operation_is_asked_about_before_it_is_done(doorkeeper: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the parameters: none of the functions is reached."""

    def reached(call: Call, params: dict[str, Any]) -> None:
        raise AssertionError("done without being asked about")

    monkeypatch.setattr("boatyard.api.validation.validate", lambda model, params: None)
    monkeypatch.setattr("boatyard.api.registry.find", lambda service, operation: reached)
    for service, operation in _operations():
        with pytest.raises(Asked, match=f"^{service}:{operation}$"):
            invoke(doorkeeper, service, operation, {})


def test_operations_on_the_event_loop_come_from_the_door_too() -> None:
    """They are done with what `admit` has let through, which alone makes an `Admitted`."""
    assert any(asynchronous.find(*each) for each in _operations())
    makers = [
        path.name for path in sorted((ROOT / "boatyard").rglob("*.py")) if re.search(r"\bAdmitted\(", path.read_text())
    ]
    assert makers == ["invoke.py"]
    assert set(signature(asynchronous.perform).parameters) == {"admitted", "handler", "threads"}


def test_every_other_path_is_known_and_guarded(call: Call) -> None:
    """A new route is red here until it is said what guards it; those that say `authorize` call it."""
    from boatyard.gateway.routes import Routes

    routes = Routes(call.installation)._prefixes
    assert {prefix for prefix, _, _ in routes} == set(HANDLERS)
    for prefix, _, handler in routes:
        if HANDLERS[prefix] == "authorize":
            source = Path(importlib.import_module(handler.__module__).__file__ or "").read_text()
            assert "call.authorize(" in source, prefix


def test_only_the_two_doors_call_operations() -> None:
    """The door looks operations up, and asks; what reads tags for policies does; the gateway looks if one is there."""
    callers = set()
    for path in sorted((ROOT / "boatyard").rglob("*.py")):
        source = path.read_text()
        for node in ast.walk(ast.parse(source)) if "registry.find" in source else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("registry.find",):
                callers.add(str(path.relative_to(ROOT / "boatyard")))
    assert callers == {"api/invoke.py", "gateway/app.py", "identity/resource_tags.py"}
