"""The reference is what the code says, and says something of everything."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py as a module."""
    specification = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["operations.md", "resource-types.md", "settings.md", "commands.md"])
def test_a_page_is_current(generate: ModuleType, page: str) -> None:
    written = (ROOT / "docs" / "reference" / page).read_text()
    assert written == generate.PAGES[page](), "run: python docs/generate.py"


def test_everything_is_documented(generate: ModuleType) -> None:
    assert generate.undocumented() == []
