"""What is known of a container's end without asking the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from boatyard.containers.conmon import Monitor
from boatyard.containers.connection import Connection
from boatyard.containers.container import Container
from boatyard.containers.specification import Exit


class Asked(Exception):
    """The engine was asked."""


class Silent:
    """A connection on which nothing may be asked."""

    def call(self, function: Callable[[Any], Any], *, patient: bool = False) -> Any:
        raise Asked

    absent_is_none = call


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """A container of which the engine says nothing, with folders for what its monitor writes."""
    (tmp_path / "run" / "libpod" / "exits").mkdir(parents=True)
    (tmp_path / "storage" / "overlay-containers" / "c" / "userdata").mkdir(parents=True)
    monitor = Monitor("c", tmp_path / "storage", tmp_path / "run", "overlay")
    return Container(cast(Connection, Silent()), "c", "name", {}, monitor)


def test_a_good_end_is_known_while_the_engine_clears_the_container_away(container: Container, tmp_path: Path) -> None:
    (tmp_path / "run" / "libpod" / "exits" / "c").write_text("0")
    assert container.wait() == Exit(0)
    assert not container.running
    assert container.may_have_ended


@pytest.mark.parametrize(("written", "killed_for_memory"), [("137", False), ("", False), ("0", True), (None, False)])
def test_the_engine_is_asked_for_any_other_end(
    container: Container, tmp_path: Path, written: str | None, killed_for_memory: bool
) -> None:
    if written is not None:
        (tmp_path / "run" / "libpod" / "exits" / "c").write_text(written)
    if killed_for_memory:
        (tmp_path / "storage" / "overlay-containers" / "c" / "userdata" / "oom").touch()
    with pytest.raises(Asked):
        container.wait()
