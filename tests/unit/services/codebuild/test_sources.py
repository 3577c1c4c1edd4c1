"""Sources that are zips, but cannot be unpacked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from boatyard.services.codebuild.builds.sources import SourceError, unzip
from tests.unit.zips import encrypted, one_path_below_another


@pytest.mark.parametrize("made", [encrypted, one_path_below_another])
def test_a_source_that_cannot_be_unpacked_is_told_apart(tmp_path: Path, made: Callable[[], bytes]) -> None:
    (tmp_path / "source.zip").write_bytes(made())
    with pytest.raises(SourceError, match="The source cannot be unpacked: "):
        unzip(tmp_path / "source.zip", tmp_path / "src")
