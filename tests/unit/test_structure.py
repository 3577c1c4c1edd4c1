"""The house's rules, read off the source: who may import whom, how long things get, what every module says first."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from boatyard.services import PACKAGES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "boatyard"
LINES_OF_A_FILE = 500
LINES_OF_A_FUNCTION = 50
BELOW_SERVICES = ("api", "identity", "state", "workflows", "containers", "settings")
FLOORS = {"cli": 0, "demo": 0, "gateway": 1, "keeping": 1, "services": 2, **dict.fromkeys(BELOW_SERVICES, 3)}
"""A part imports those of its own floor and of the floors below it."""
NAMES_OF_SERVICES = "boatyard.services"
"""The list of packages alone (`PACKAGES`), which the registry and the gateway find the services by."""


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _all_sources() -> Iterator[Path]:
    for folder in ("boatyard", "tests", "images", "blueprints", "bench", "tools", "docs"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    """The modules of boatyard that a module imports, at its top or in a function."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("boatyard."))
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("boatyard"):
            # `from boatyard.services import s3` names a package, `... import PACKAGES` what is in it.
            for each in node.names:
                named = (PACKAGE.parent / f"{node.module}.{each.name}".replace(".", "/")).with_suffix("")
                inside = named.is_dir() or named.with_suffix(".py").exists()
                yield f"{node.module}.{each.name}" if inside else str(node.module)


def _part(module: str) -> str:
    return [*module.split("."), ""][1]


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_imports_go_down_only() -> None:
    wrong = [
        f"{_module(path)} imports {imported}"
        for path in _sources()
        for imported in _imports(path)
        if imported != NAMES_OF_SERVICES and FLOORS.get(_part(imported), 9) < FLOORS.get(_part(_module(path)), 9)
    ]
    assert wrong == []


def test_services_do_not_import_one_another() -> None:
    wrong = []
    for path in sorted((PACKAGE / "services").glob("*/**/*.py")):
        own = ".".join(_module(path).split(".")[:3])
        wrong += [
            f"{_module(path)} imports {imported}"
            for imported in _imports(path)
            if imported.startswith("boatyard.services.") and not f"{imported}.".startswith(f"{own}.")
        ]
    assert wrong == []


def test_relative_imports_are_left_to_what_runs_in_containers() -> None:
    """They would escape the two tests above; CodeBuild's agent is copied into builds, where no boatyard is."""
    found = {
        path.parent
        for path in _sources()
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    }
    assert found <= {PACKAGE / "services" / "codebuild" / "agent"}


def test_every_module_opens_with_a_docstring() -> None:
    assert [str(path) for path in _sources() if not ast.get_docstring(_tree(path))] == []


def test_files_are_short() -> None:
    assert [str(path) for path in _all_sources() if path.read_bytes().count(b"\n") >= LINES_OF_A_FILE] == []


def test_functions_are_short() -> None:
    long = [
        f"{_module(path)}.{node.name}"
        for path in _sources()
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > LINES_OF_A_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("package", sorted(set(PACKAGES.values())))
def test_every_service_says_what_differs_from_aws(package: str) -> None:
    assert importlib.import_module(f"boatyard.services.{package}").NOTES
