"""The pages that promise something name the tests that keep it: those tests must be there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r"`((?:[\w/]*test_\w+\.py)?)(?:::(\w+))?`")
PAGES = ("docs/security.md", "docs/durability.md")


def named_tests(text: str) -> list[tuple[str, str]]:
    """The tests that a page names: file ("" where the page goes on with the last one) and function ("" for all)."""
    return [(file, function) for file, function in NAMED.findall(text) if file or function]


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_promise_names_is_there(page: str) -> None:
    named = named_tests((ROOT / page).read_text())
    assert len(named) > 20
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    functions = "\n".join(sources.values())
    for file, function in named:
        found = [text for name, text in sources.items() if name.endswith(f"/{file}")] if file else [functions]
        found += [sources[file]] if file in sources else []
        assert found, file
        assert not function or any(f"def {function}(" in text for text in found), f"{file}::{function}"
