"""Which of the host's apt sources the base environment is made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from boatyard.containers.bootstrap import sources
from boatyard.containers.errors import SetupFailed

DEB822 = """# a comment
Types: deb
URIs: http://deb.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://third.party/apt
Suites: stable
Components: main

Types: deb
Enabled: no
URIs: http://deb.example/off
Suites: bookworm
Components: main
"""


def test_only_the_releases_own_stanzas(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    found = sources(tmp_path, "bookworm")
    assert "deb.example/debian" in found
    assert "third.party" not in found
    assert "/off" not in found


def test_one_line_style(tmp_path: Path) -> None:
    lines = [
        "deb [signed-by=/usr/share/keyrings/a.gpg] http://deb.example/ubuntu noble main universe",
        "deb http://deb.example/ubuntu noble-updates main",
        "deb http://third.party/apt stable main",
        "# deb http://deb.example/ubuntu noble multiverse",
    ]
    (tmp_path / "sources.list").write_text("\n".join(lines))
    assert sources(tmp_path, "noble").splitlines() == lines[:2]


def test_nothing_to_be_made_from(tmp_path: Path) -> None:
    with pytest.raises(SetupFailed, match="no image registry"):
        sources(tmp_path, "bookworm")
