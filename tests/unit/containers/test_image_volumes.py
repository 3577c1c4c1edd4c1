"""Volumes that images declare below mounted folders."""

from __future__ import annotations

from pathlib import Path

from boatyard.containers.image_volumes import uncovered
from boatyard.containers.specification import Mount


def test_a_volume_below_a_mount_is_the_mounts_own_folder(tmp_path: Path) -> None:
    mounts = [Mount(tmp_path, "/opt/ml"), Mount(tmp_path, "/opt/ml/input", read_only=True)]
    declared = ["/opt/ml/model/", "/opt/ml/input/data", "/opt/ml", "/var/lib/data", "/opt/ml/../../etc"]
    assert uncovered(mounts, declared) == [
        Mount(tmp_path / "data", "/opt/ml/input/data", read_only=True),
        Mount(tmp_path / "model", "/opt/ml/model"),
    ]
    assert (tmp_path / "model").is_dir()


def test_what_is_in_the_way_is_left(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to("/etc")
    (tmp_path / "file").touch()
    declared = ["/opt/ml/elsewhere", "/opt/ml/elsewhere/ssl", "/opt/ml/file"]
    assert uncovered([Mount(tmp_path, "/opt/ml")], declared) == []
    assert uncovered([Mount(tmp_path / "file", "/opt/ml")], ["/opt/ml/model"]) == []
