"""A file from a stranger: whatever it holds, all of it is checked before anything is put in place."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boatyard.api.installation import IMPORTING, ImportUnfinished, Installation
from boatyard.keeping.importing import ImportFailed, import_file
from boatyard.settings import Settings
from tests.unit.keeping.conftest import quiet

Members = list[tuple[tarfile.TarInfo, bytes]]
VOLUME = "sagemaker/notebook-instances/abc-1/volume"
OTHER_VOLUME = "sagemaker/notebook-instances/other/volume"
BLOB = "blobs/s3-objects/00/" + "0" * 32


def _read(file: Path) -> Members:
    with tarfile.open(file) as tar:
        found = []
        for each in tar.getmembers():
            content = tar.extractfile(each) if each.isreg() else None
            found.append((each, content.read() if content is not None else b""))
    return found


def _write(file: Path, members: Members) -> None:
    with tarfile.open(file, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for information, content in members:
            information.size = len(content)
            tar.addfile(information, io.BytesIO(content))


def _with(members: Members, *more: tuple[str, Any]) -> Members:
    """The members with others before the manifest, which names them too."""
    *before, (last, manifest) = members
    told = json.loads(manifest)
    for name, what in more:
        information = tarfile.TarInfo(name)
        content = b""
        if isinstance(what, bytes):
            content = what
            told[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        else:
            information.type, information.linkname = what
            told[name] = {"kind": "link", "target": what[1]} if what[0] == tarfile.SYMTYPE else {"kind": "folder"}
        before.append((information, content))
    return [*before, (last, json.dumps(told).encode())]


HOSTILE: dict[str, list[tuple[str, Any]]] = {
    "parent": [("../evil", b"x")],
    "parent of a blob": [("blobs/../../evil", b"x")],
    "parent in a volume": [(f"{VOLUME}/../../../../../evil", b"x")],
    "absolute": [("/tmp/evil", b"x")],
    "absolute in a volume": [(f"{VOLUME}//evil", b"x")],
    "another file": [("config.toml", b"x")],
    "lock": [("lock", b"x")],
    "git configuration": [("git/abc.git/config", b"[core]\n\tfsmonitor = touch /tmp/evil\n")],
    "git hook": [("git/abc.git/hooks/post-update", b"#!/bin/sh\n")],
    "git alternates": [("git/abc.git/objects/info/alternates", b"/root\n")],
    "a link among the blobs": [(BLOB, (tarfile.SYMTYPE, "/etc/passwd"))],
    "the state as a link": [("credentials", (tarfile.SYMTYPE, "/etc/passwd"))],
    "a hard link": [(f"{VOLUME}/hard", (tarfile.LNKTYPE, "/etc/passwd"))],
    "a device": [(f"{VOLUME}/device", (tarfile.CHRTYPE, ""))],
    "a pipe": [(f"{VOLUME}/pipe", (tarfile.FIFOTYPE, ""))],
    "a volume as a link": [(OTHER_VOLUME, (tarfile.SYMTYPE, "/etc"))],
    "a link below a link": [
        (f"{VOLUME}/way", (tarfile.SYMTYPE, "/tmp")),
        (f"{VOLUME}/way/evil", (tarfile.SYMTYPE, "/etc")),
    ],
    "a name twice": [(BLOB, b"one"), (BLOB, b"two")],
    "a blob in another's folder": [("blobs/00/" + "1" * 32, b"x")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
def test_hostile_members_are_refused(
    members: list[tuple[str, Any]], exported: Path, elsewhere: Settings, tmp_path: Path
) -> None:
    _write(exported, _with(_read(exported), *members))
    before = {each.name for each in tmp_path.iterdir()}
    with pytest.raises(ImportFailed, match=f"no export of boatyard.*{re.escape(repr(members[-1][0]))}"):
        import_file(elsewhere, exported, say=quiet, moved=quiet)
    assert {each.name for each in elsewhere.data_directory.iterdir()} == {"lock"}
    assert {each.name for each in tmp_path.iterdir()} - before <= {"elsewhere"}


def test_nothing_is_written_through_a_link_of_the_file_itself(
    exported: Path, elsewhere: Settings, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link, below = (f"{VOLUME}/way", (tarfile.SYMTYPE, str(outside))), (f"{VOLUME}/way/evil", b"x")
    _write(exported, _with(_read(exported), link, below))
    with pytest.raises(ImportFailed):
        import_file(elsewhere, exported, say=quiet, moved=quiet)
    assert list(outside.iterdir()) == []
    assert {each.name for each in elsewhere.data_directory.iterdir()} == {"lock"}


def _changed(name: str) -> Callable[[Members], Members]:
    return lambda members: [
        (each, content[:-1] + bytes([content[-1] ^ 1]) if each.name.startswith(name) else content)
        for each, content in members
    ]


def _newer(what: str, value: Any) -> Callable[[Members], Members]:
    def change(members: Members) -> Members:
        (first, head), *rest = members
        return [(first, json.dumps({**json.loads(head), what: value}).encode()), *rest]

    return change


DAMAGE: dict[str, tuple[Callable[[Members], Members], str]] = {
    "an object's content": (_changed("blobs/"), "damaged: 1 of its parts"),
    "the key": (_changed("sealing-key"), "sealing-key"),
    "a part is missing": (lambda members: [each for each in members if each[0].name != "sealing-key"], "sealing-key"),
    "no manifest": (lambda members: members[:-1], "cut short"),
    "more behind the manifest": (lambda members: [*members, members[1]], "goes on behind"),
    "no head": (lambda members: members[1:], "does not begin as one"),
    "a newer format": (_newer("format", 99), "newer boatyard"),
    "a newer schema": (_newer("schemas", {"s3": 99}), "newer boatyard.*s3 is at version 99"),
    "a schema from the future": (_newer("schemas", {"teleportation": 1}), "newer boatyard.*teleportation"),
}


@pytest.mark.parametrize(("change", "said"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_found_before_anything_is_put_in_place(
    change: Callable[[Members], Members], said: str, exported: Path, elsewhere: Settings
) -> None:
    _write(exported, change(_read(exported)))
    with pytest.raises(ImportFailed, match=said):
        import_file(elsewhere, exported, say=quiet, moved=quiet)
    assert {each.name for each in elsewhere.data_directory.iterdir()} == {"lock"}


def test_files_that_are_no_archive_or_only_a_part_of_one_are_refused(exported: Path, elsewhere: Settings) -> None:
    whole = exported.read_bytes()
    plain = gzip.decompress(whole)
    for content in (b"", b"hello", whole[: len(whole) // 2], plain, gzip.compress(plain[:5000])):
        exported.write_bytes(content)
        with pytest.raises(ImportFailed):
            import_file(elsewhere, exported, say=quiet, moved=quiet)
    exported.unlink()
    with pytest.raises(ImportFailed, match="There is no file"):
        import_file(elsewhere, exported, say=quiet, moved=quiet)


def test_only_an_empty_directory_is_filled(exported: Path, elsewhere: Settings) -> None:
    elsewhere.data_directory.mkdir()
    (elsewhere.data_directory / "engine").mkdir()
    (elsewhere.data_directory / "thesis.tex").write_text("mine")
    with pytest.raises(ImportFailed, match=r"not empty \(thesis.tex\)"):
        import_file(elsewhere, exported, say=quiet, moved=quiet)
    (elsewhere.data_directory / "thesis.tex").unlink()
    import_file(elsewhere, exported, say=quiet, moved=quiet)
    with pytest.raises(ImportFailed, match="replaces nothing"):
        import_file(elsewhere, exported, say=quiet, moved=quiet)


def test_a_server_does_not_start_on_an_import_that_was_cut_off(
    exported: Path, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, marked, rename = elsewhere.data_directory, [], Path.rename

    def watched(self: Path, target: Path) -> Path:
        marked.append((data / IMPORTING).exists())
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", watched)
        import_file(elsewhere, exported, say=quiet, moved=quiet)
    assert marked
    assert all(marked), "while parts are put in place the directory says so"
    # What a power cut leaves before the last part is there.
    (data / "state.db").unlink()
    (data / IMPORTING).touch()
    (data / "import-00000000").mkdir()
    with pytest.raises(ImportUnfinished, match="begins anew"):
        Installation(elsewhere)
    import_file(elsewhere, exported, say=quiet, moved=quiet)
    assert not list(data.glob("import*"))
    installation = Installation(elsewhere)
    assert installation.root_call().invoke("s3", "ListBuckets")["Buckets"][0]["Name"] == "kept"
    installation.close()
