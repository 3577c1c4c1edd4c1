"""Model archives: packed whole, unpacked safely."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from boatyard.containers.foreign_files import opened_folder
from boatyard.services.sagemaker import archives


def archive_of(*members: tarfile.TarInfo) -> io.BytesIO:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    content.seek(0)
    return content


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    info.size = 1 if kind == tarfile.REGTYPE else 0
    return info


def test_what_is_packed_comes_out_again(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "tree.pkl").write_bytes(b"tree")
    (model / "code" / "a.py").write_text("a")
    (model / "link").symlink_to("tree.pkl")
    os.mkfifo(model / "pipe")
    with opened_folder(model) as folder:
        assert archives.pack(folder, tmp_path / "model.tar.gz") == 2
    target = tmp_path / "out"
    with (tmp_path / "model.tar.gz").open("rb") as content:
        archives.unpack(content, target)
    assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*")) == [
        "code",
        "code/a.py",
        "link",
        "tree.pkl",
    ]
    assert (target / "link").read_bytes() == b"tree"


@pytest.mark.parametrize(
    "bad",
    [
        member("../outside"),
        member("/etc/outside"),
        member("a/../../outside"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.SYMTYPE, "../../outside"),
        member("hard", tarfile.LNKTYPE, "../outside"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
)
def test_entries_that_could_leave_the_folder_are_refused_by_name(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    target = tmp_path / "model"
    target.mkdir()
    with pytest.raises(archives.BadArchive, match=bad.name):
        archives.unpack(archive_of(member("good"), bad), target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(archives.BadArchive, match="not a gzipped tar archive"):
        archives.unpack(io.BytesIO(b"no archive at all"), tmp_path)
