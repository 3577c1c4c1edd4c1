"""An engine keeps the stores that its containers stand on, although the setting names another one."""

from __future__ import annotations

from pathlib import Path

from boatyard.containers.service import PodmanService


def stores(data: Path, *present: Path) -> list[str]:
    """What is written into storage.conf for the present stores."""
    service = PodmanService(data, lambda: list(present))
    service.directory.mkdir(parents=True, exist_ok=True)
    return service._all_stores()


def test_a_store_of_before_is_kept_while_it_is_there(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    data = tmp_path / "data"
    assert stores(data, first) == [str(first)]
    assert stores(data, second) == [str(second), str(first)]
    assert stores(data) == [str(second), str(first)]
    first.rmdir()
    assert stores(data, second) == [str(second)]
