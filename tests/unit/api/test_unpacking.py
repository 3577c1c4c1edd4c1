"""Archives made to break out: whatever they hold, nothing is written or linked outside their folder."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from boatyard.api import tars, zips
from boatyard.api.unpacking import BadArchive, Limits, TooLarge

LIMITS = Limits(1 << 20, entries=50)
PARTS = ["..", ".", "", "a", "b", "c", "\n", "\x00", "ü", "x" * 256, "\\", "C:", "~", "\udc80", "\r", "a\\..", "A"]
names = st.lists(st.sampled_from(PARTS) | st.text(max_size=5), min_size=1, max_size=5).map("/".join)
plain = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=3).map("/".join)
destinations = st.sampled_from(["/etc/passwd", "..", "../..", "a/..", "a/b/..", "b/../..", ".", "c", "/", ""]) | names


@dataclass
class Entry:
    """One entry of an archive."""

    name: str
    kind: str
    content: bytes = b""
    destination: str = ""
    mode: int = 0o644


entries = st.lists(
    st.builds(
        Entry,
        name=plain | names,
        kind=st.sampled_from(["file"] * 4 + ["folder", "link", "link", "hard link", "device", "pipe"]),
        content=st.binary(max_size=20),
        destination=plain | destinations,
        mode=st.integers(0, 0o7777),
    ),
    min_size=1,
    max_size=7,
)
KINDS = {
    "file": stat.S_IFREG,
    "folder": stat.S_IFDIR,
    "link": stat.S_IFLNK,
    "device": stat.S_IFCHR,
    "pipe": stat.S_IFIFO,
}
TYPES = {"file": b"0", "folder": b"5", "link": b"2", "hard link": b"1", "device": b"3", "pipe": b"6"}


def zip_of(members: list[Entry], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(content, "w", method) as archive:
        warnings.filterwarnings("ignore", "Duplicate name")
        for member in members:
            info = zipfile.ZipInfo("name")
            info.filename = member.name.encode("utf-8", "replace").decode() + ("/" if member.kind == "folder" else "")
            info.compress_type = method
            info.external_attr = (KINDS.get(member.kind, stat.S_IFREG) | member.mode) << 16
            linked = member.destination.encode("utf-8", "replace")
            archive.writestr(info, linked if member.kind == "link" else member.content)
    return content.getvalue()


def tar_of(members: list[Entry]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
        for member in members:
            info = tarfile.TarInfo(member.name.encode("utf-8", "replace").decode())
            info.type, info.mode = TYPES[member.kind], member.mode
            info.linkname = member.destination.encode("utf-8", "replace").decode()
            info.size = len(member.content) if member.kind == "file" else 0
            archive.addfile(info, io.BytesIO(member.content))
    return content.getvalue()


def unzip(content: bytes, target: Path, limits: Limits = LIMITS) -> None:
    with zips.opened(io.BytesIO(content), limits) as found:
        zips.unpack(found, target)


def untar(content: bytes, target: Path, limits: Limits = LIMITS) -> None:
    tars.unpack(io.BytesIO(content), target, limits)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder to unpack into; what is beside it is as it was afterwards, and nothing in it leads there."""
    with tempfile.TemporaryDirectory() as name:
        outside = Path(name) / "outside"
        (outside / "a").mkdir(parents=True)
        (outside / "canary").write_text("as it was")
        target = outside / "a" / "target"
        yield target
        found = sorted(str(path.relative_to(outside)) for path in outside.rglob("*") if target not in path.parents)
        assert found in (["a", "a/target", "canary"], ["a", "canary"])
        assert (outside / "canary").read_text() == "as it was"
        for path in target.rglob("*"):
            assert path.resolve().is_relative_to(target.resolve()), path
            mode = path.lstat().st_mode
            assert stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode), path
            assert mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX) == 0 or stat.S_ISDIR(mode), path


def files_of(target: Path) -> dict[str, bytes]:
    return {
        path.relative_to(target).as_posix(): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def expected(members: list[Entry]) -> dict[str, bytes] | None:
    """The files that an archive of plain files and folders unpacks to: the last of a name counts. None: refused."""
    found: dict[str, bytes] = {}
    folders: set[str] = set()
    for member in members:
        path = PurePosixPath(member.name)
        above = (
            {str(each) for each in (path, *path.parents)} if member.kind == "folder" else set(map(str, path.parents))
        )
        if above & found.keys() or (member.kind == "file" and str(path) in folders):
            return None
        folders |= above
        if member.kind == "file":
            found[str(path)] = member.content
    return found


@given(entries)
@example([Entry("c", "link", destination="a/b/.."), Entry("a/b", "link", destination=".."), Entry("a/x", "file")])
@example([Entry("a", "link", destination="../outside"), Entry("a/b", "file", b"written through a link")])
@example([Entry("a", "link", destination="."), Entry("a", "file", b"in the place of a link")])
@example([Entry("a", "link", destination="a")])
def test_no_zip_breaks_out(members: list[Entry]) -> None:
    with folder() as target:
        try:
            unzip(zip_of(members), target)
        except BadArchive as refused:
            assert str(refused).isprintable() or "overlap" in str(refused)  # noqa: PT017


@given(entries)
@example([Entry("c", "link", destination="a/b/.."), Entry("a/b", "link", destination=".."), Entry("a/x", "file")])
@example([Entry("a", "link", destination=".."), Entry("b", "hard link", destination="a/canary")])
@example([Entry("a", "file", b"1"), Entry("b", "hard link", destination="a"), Entry("b", "file", b"2")])
@example([Entry("a", "hard link", destination="../../canary")])
def test_no_tar_breaks_out(members: list[Entry]) -> None:
    with folder() as target:
        try:
            untar(tar_of(members), target)
        except BadArchive as refused:
            assert str(refused).isprintable()  # noqa: PT017


simple = st.lists(
    st.builds(Entry, name=plain, kind=st.sampled_from(["file", "folder"]), content=st.binary(max_size=9)), min_size=1
)


@pytest.mark.parametrize(("pack", "unpack"), [(zip_of, unzip), (tar_of, untar)])
@given(members=simple)
def test_what_is_packed_comes_out(
    pack: Callable[[list[Entry]], bytes], unpack: Callable[[bytes, Path], None], members: list[Entry]
) -> None:
    wanted = expected(members)
    with folder() as target:
        if wanted is None:
            with pytest.raises(BadArchive, match="as a file and as a folder"):
                unpack(pack(members), target)
        else:
            unpack(pack(members), target)
            assert files_of(target) == wanted


GOOD = [Entry("a/b", "file", b"b" * 700), Entry("c", "link", destination="a/b"), Entry("d", "file", b"d")]


@pytest.mark.parametrize(("pack", "unpack"), [(zip_of, unzip), (tar_of, untar)])
@given(data=st.data())
def test_a_damaged_archive_is_refused_or_unpacked_and_nothing_else(
    pack: Callable[[list[Entry]], bytes], unpack: Callable[[bytes, Path], None], data: st.DataObject
) -> None:
    good = pack(GOOD)
    # A tar's bytes are changed below the packing, whose checksum would notice everything.
    content = bytearray(gzip.decompress(good) if pack is tar_of else good)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(1, len(content)) | st.just(len(content))) :]
    with folder() as target, suppress(BadArchive):
        unpack(gzip.compress(bytes(content), 1) if pack is tar_of else bytes(content), target)


def test_an_archive_unpacks_to_no_more_than_its_limits(tmp_path: Path) -> None:
    large = [Entry(f"file{number}", "file", bytes(300_000)) for number in range(4)]
    many = [Entry(f"file{number}", "file") for number in range(51)]
    for pack, unpack in ((zip_of, unzip), (tar_of, untar)):
        with pytest.raises(TooLarge, match="unpacks to more than 1 MiB"):
            unpack(pack(large), tmp_path / "large")
        assert sum(len(content) for content in files_of(tmp_path / "large").values()) <= 1 << 20
        with pytest.raises(BadArchive, match="more than 50 entries"):
            unpack(pack(many), tmp_path / "many")


def test_a_zip_whose_entries_share_their_bytes_is_refused(tmp_path: Path) -> None:
    """The zip bomb that is made of entries which overlap: the ratio of one is deflate's, of all together it is not."""
    content = bytearray(zip_of([Entry("a", "file", bytes(1 << 19))]))
    start = content.index(b"PK\x01\x02")
    directory, end = bytes(content[start : content.index(b"PK\x05\x06")]), content[content.index(b"PK\x05\x06") :]
    copies = 300
    end[8:12] = copies.to_bytes(2, "little") * 2
    end[12:16] = (copies * len(directory)).to_bytes(4, "little")
    bomb = bytes(content[:start]) + directory * copies + bytes(end)
    with pytest.raises(BadArchive, match=r"overlap|unpacked"):
        unzip(bomb, tmp_path / "out", Limits(1 << 40, entries=1000))


def test_a_zip_that_says_its_directory_is_huge_is_refused_before_it_is_read() -> None:
    content = zip_of([Entry("a", "file")])
    padded = bytearray(bytes(zips.LARGEST_DIRECTORY + 100) + content)
    end = padded.rindex(b"PK\x05\x06")
    padded[end + 12 : end + 16] = (zips.LARGEST_DIRECTORY + 50).to_bytes(4, "little")
    with (
        pytest.raises(BadArchive, match="list of entries is larger than 32 MiB"),
        zips.opened(io.BytesIO(padded), LIMITS),
    ):
        pass


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bound_are_refused(tmp_path: Path, method: int) -> None:
    """Python unpacks a piece of bzip2 or LZMA whole: a few bytes become gigabytes in memory."""
    with pytest.raises(BadArchive, match=f"method {method}"):
        unzip(zip_of([Entry("a", "file", b"x")], method), tmp_path)


def header(kind: bytes, size: int, name: str = "x") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK])
def test_a_tar_with_a_huge_header_is_refused_before_it_is_read(tmp_path: Path, kind: bytes) -> None:
    bomb = gzip.compress(header(kind, 8 << 20) + bytes(8 << 20), 1)
    with pytest.raises(BadArchive, match="headers of more than 4 MiB"):
        untar(bomb, tmp_path)


def test_a_tar_with_headers_upon_headers_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress((header(tarfile.XHDTYPE, 512) + b"12 path=abc\n".ljust(512, b"\0")) * 3000, 1)
    with pytest.raises(BadArchive, match="gzipped tar"):
        untar(bomb, tmp_path)


@pytest.mark.parametrize("record", [b"mtime=1e30", b"mtime=nan", b"mtime=-5", b"path=a\x00b", b"path=../x", b"size=x"])
def test_extended_headers_with_impossible_values_do_no_harm(tmp_path: Path, record: bytes) -> None:
    line = b"%d %s\n" % (len(record) + 4, record)
    content = (
        header(tarfile.XHDTYPE, len(line)) + line.ljust(512, b"\0") + header(tarfile.REGTYPE, 0, "a") + bytes(1024)
    )
    try:
        untar(gzip.compress(content), tmp_path / "out")
    except BadArchive:
        assert b"mtime" not in record
    assert list(tmp_path.rglob("*")) in ([], [tmp_path / "out"], [tmp_path / "out", tmp_path / "out" / "a"])


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchive):
        untar(gzip.compress(header(tarfile.GNUTYPE_SPARSE, 0, "a") + bytes(1024)), tmp_path)


def test_a_full_disk_is_not_the_archives_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, mode: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(OSError, match="No space left"):
        unzip(zip_of(GOOD), tmp_path)
