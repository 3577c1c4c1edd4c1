"""The pages hang together: links lead somewhere, the picture is current, and what the pages name is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("blueprints/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
SETTING = re.compile(r"\bBOATYARD_[A-Z_]+\b")


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_settings_that_pages_name_are_there() -> None:
    from boatyard.settings import Settings

    known = {f"BOATYARD_{name.upper()}" for name in Settings.model_fields} | {"BOATYARD_CONFIGURATION"}
    named = {name for page in PAGES for name in SETTING.findall(page.read_text()) if not name.endswith("_")}
    assert named - known == set()


def test_the_picture_is_current() -> None:
    source = ROOT / "docs" / "pictures" / "pipeline.py"
    specification = importlib.util.spec_from_file_location("docs_pictures_pipeline", source)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert source.with_name("pipeline.svg").read_text() == module.draw(), f"run: python {source.relative_to(ROOT)}"
    template = (ROOT / "blueprints" / "byo-algorithm" / "templates" / "02-pipeline.yml").read_text()
    stages = re.findall(r"^        - Name: (\S+)\n          Actions:", template, re.MULTILINE)
    assert stages == [name for name, _, _ in module.STAGES]


def test_the_figures_are_those_that_were_measured() -> None:
    from bench import report, results

    written = report.PAGE.read_text()
    assert all(report.begin(name) in written for name in report.HEADINGS)
    assert written == report.page(written, results.read()), "run: make bench"
