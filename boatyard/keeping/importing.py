"""`boatyard import`: checks all of an export before anything of it is put in place, then puts it there as a whole."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import sqlite3
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import filelock
import msgspec

import boatyard
from boatyard.api import registry
from boatyard.api.installation import IMPORTING, import_records
from boatyard.keeping.archive import (
    FORMAT,
    HEAD,
    JSON_LIMIT,
    MANIFEST,
    MANIFEST_LIMIT,
    SECRETS,
    STATE,
    Head,
    Member,
    checked,
)
from boatyard.services import PACKAGES
from boatyard.services.codecommit.git import Git
from boatyard.state.database import Database
from boatyard.state.schema import NewerDatabase, check_known

if TYPE_CHECKING:
    from boatyard.settings import Settings

PREFIX = "import-"
_CHUNK = 1 << 20
# What may be there before an import: `boatyard setup` and `boatyard doctor` leave an engine and logs.
_HARMLESS = frozenset({"engine", "logs", "lock", "ephemeral"})
# state.db last: until it is there nothing can be taken for a whole data directory.
_PARTS = (*SECRETS, "blobs", "git", "sagemaker", STATE)
_HEAD = re.compile(r"ref: refs/heads/[^\s~^:?*\[\\]+\n?")
Say = Callable[[str], None]
Moved = Callable[[int, int], None]


class ImportFailed(Exception):
    """The file cannot be imported, and nothing was; the message says why and what to do."""


def import_file(settings: Settings, file: Path, *, say: Say, moved: Moved) -> Head:
    """Fill an empty data directory with what an export holds; its head. ImportFailed leaves it as it was."""
    data = settings.data_directory
    _check_empty(data)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(data):
        marker, staging = data / IMPORTING, data / f"{PREFIX}{secrets.token_hex(4)}"
        _clear(data)
        marker.touch()
        staging.mkdir(mode=0o700)
        try:
            head = _unpack(settings, file, staging, say, moved)
            say("Looking at the database")
            _prepare(staging)
            # Whatever was written is on disk before the first part is put in place.
            os.sync()
            for name in _PARTS:
                if (staging / name).exists():
                    (staging / name).rename(data / name)
        except BaseException:
            _clear(data)
            marker.unlink(missing_ok=True)
            raise
        shutil.rmtree(staging, ignore_errors=True)
        os.sync()
        marker.unlink()
    return head


def _check_empty(data: Path) -> None:
    if not data.exists() or (data / IMPORTING).exists():
        return
    found = sorted(each.name for each in data.iterdir() if each.name not in _HARMLESS)
    if found:
        shown = ", ".join(found[:4]) + (", ..." if len(found) > 4 else "")
        raise ImportFailed(
            f"{data} is not empty ({shown}): an import replaces nothing. Choose another directory with "
            "--data-directory, or empty this one with 'boatyard reset'."
        )


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    lock = filelock.FileLock(str(data / "lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise ImportFailed(f"A boatyard server works on {data}. Stop it with 'boatyard down'.") from None
    try:
        yield
    finally:
        lock.release()


def _clear(data: Path) -> None:
    """Remove what this import, or one that was cut off, has put there."""
    if not (data / IMPORTING).exists():
        return
    for leftover in [*data.glob(f"{PREFIX}*"), *(data / name for name in (*_PARTS, f"{STATE}-wal", f"{STATE}-shm"))]:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)


def _unpack(settings: Settings, file: Path, staging: Path, say: Say, moved: Moved) -> Head:
    """Every member, by the rules of `archive` and with the digests of the manifest; ImportFailed otherwise."""
    try:
        total = file.stat().st_size
        with file.open("rb") as packed, closing(tarfile.open(fileobj=packed, mode="r|gz", bufsize=_CHUNK)) as tar:
            reader = _Reader(staging, lambda: moved(packed.tell(), total))
            head = reader.head(tar)
            _check_head(settings, head)
            say(f"Reading the export of {head.created} by boatyard {head.version}")
            reader.members(tar)
    except (tarfile.TarError, EOFError, zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ImportFailed(f"{file} is damaged or cut short ({error}). Nothing was imported.") from error
    except FileNotFoundError as error:
        raise ImportFailed(f"There is no file {error.filename}.") from None
    except OSError as error:
        if isinstance(error, PermissionError):
            raise
        raise ImportFailed(f"{file} cannot be imported: {error}. Nothing was imported.") from error
    return head


def _check_head(settings: Settings, head: Head) -> None:
    if head.format > FORMAT:
        raise ImportFailed(
            f"The export was written by a newer boatyard ({head.version}; this one is {boatyard.__version__}). Install "
            "that version, then import again."
        )
    import_records()
    try:
        check_known(head.schemas)
    except NewerDatabase as newer:
        raise ImportFailed(
            f"The export was written by a newer boatyard ({head.version}; this one is {boatyard.__version__}): {newer}"
        ) from None
    if (head.account, head.region) != (settings.account_id, settings.region):
        raise ImportFailed(
            f"The export is of the account {head.account} in {head.region}, and the settings here say "
            f"{settings.account_id} in {settings.region}. Set BOATYARD_ACCOUNT_ID={head.account} and "
            f"BOATYARD_REGION={head.region} (or account_id and region in the configuration file) for the server and "
            "all commands, then import again."
        )


class _Reader:
    """Writes members below one folder, which is new and holds no links until all files are there."""

    def __init__(self, staging: Path, progress: Callable[[], None]) -> None:
        self._staging = staging
        self._progress = progress
        self._found: dict[str, Member] = {}
        self._links: list[tarfile.TarInfo] = []
        self._folders: list[tarfile.TarInfo] = []

    def head(self, tar: tarfile.TarFile) -> Head:
        """The first member."""
        first = tar.next()
        if first is None or first.name != HEAD or not first.isreg() or first.size > JSON_LIMIT:
            raise ImportFailed("The file is no export of boatyard: it does not begin as one.")
        content = self._bytes(tar, first)
        self._found[HEAD] = Member(size=len(content), sha256=hashlib.sha256(content).hexdigest())
        return msgspec.json.decode(content, type=Head)

    def members(self, tar: tarfile.TarFile) -> None:
        """All others, and that they are those of the manifest at the end."""
        manifest: dict[str, Member] | None = None
        while (each := tar.next()) is not None:
            if manifest is not None:
                raise ImportFailed("The file is no export of boatyard: it goes on behind its manifest.")
            if each.name == MANIFEST and each.isreg() and each.size <= MANIFEST_LIMIT:
                manifest = msgspec.json.decode(self._bytes(tar, each), type=dict[str, Member])
            else:
                self._member(tar, each)
        if manifest is None:
            raise ImportFailed("The file is cut short: its manifest is missing. Nothing was imported.")
        wrong = sorted(name for name in self._found.keys() | manifest if self._found.get(name) != manifest.get(name))
        if wrong:
            raise ImportFailed(
                f"The file is damaged: {len(wrong)} of its parts are not what its manifest says, the first is "
                f"{wrong[0]}. Nothing was imported."
            )
        self._finish()

    @staticmethod
    def _bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        content = tar.extractfile(member)
        assert content is not None
        return content.read()

    def _member(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        entry = checked(member.name)
        if entry is None or member.name in self._found:
            raise ImportFailed(
                f"The file is no export of boatyard: it holds {member.name[:200]!r}. Nothing was imported."
            )
        self._progress()
        path = self._staging / member.name
        if member.isreg() and not member.issparse():
            path.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content is not None
            self._found[member.name] = _write(path, content)
            _own(path, member, entry.in_volume)
        elif entry.in_volume and member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            self._folders.append(member)
            self._found[member.name] = Member(kind="folder")
        elif entry.in_volume and member.issym() and not entry.is_volume:
            self._links.append(member)
            self._found[member.name] = Member(kind="link", target=member.linkname)
        else:
            raise ImportFailed(f"The file is no export of boatyard: {member.name[:200]!r} is no plain file.")

    def _finish(self) -> None:
        """Links at last, when nothing is written below them any more; then the folders' owners."""
        names = {link.name for link in self._links}
        for link in self._links:
            if any(str(parent) in names for parent in PurePosixPath(link.name).parents):
                raise ImportFailed(f"The file is no export of boatyard: {link.name[:200]!r} is below a link.")
            path = self._staging / link.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(link.linkname)
            if os.geteuid() == 0:
                os.lchown(path, link.uid, link.gid)
        for folder in self._folders:
            _own(self._staging / folder.name, folder, True)
        for repository in (self._staging / "git").glob("*.git"):
            _complete_repository(repository)


def _write(path: Path, content: IO[bytes]) -> Member:
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while piece := content.read(_CHUNK):
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    return Member(size=size, sha256=digest.hexdigest())


def _own(path: Path, member: tarfile.TarInfo, in_volume: bool) -> None:
    """The owner and mode that a notebook's user gave a file; never what would lend anybody's rights."""
    if in_volume:
        path.chmod(member.mode & 0o1777)
        if os.geteuid() == 0:
            os.chown(path, member.uid, member.gid, follow_symlinks=False)


def _complete_repository(directory: Path) -> None:
    """What a bare repository has beside its objects and references: made here, for configuration can hold commands."""
    (directory / "refs").mkdir(exist_ok=True)
    head = (directory / "HEAD").read_text() if (directory / "HEAD").exists() else ""
    (directory / "HEAD").unlink(missing_ok=True)
    Git(directory).initialise()
    if _HEAD.fullmatch(head) and ".." not in head:
        (directory / "HEAD").write_text(head)
    code, _, said = Git(directory).attempt("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
    if code:
        raise ImportFailed(f"The export's git repository {directory.name} is damaged: {said}. Nothing was imported.")


def _prepare(staging: Path) -> None:
    """The database as this boatyard has it, with what was under way elsewhere made to run here from its beginning."""
    path = staging / STATE
    if not path.exists():
        raise ImportFailed("The file is no export of boatyard: it holds no state.db. Nothing was imported.")
    try:
        with closing(sqlite3.connect(path)) as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok":
            raise ImportFailed(f"The export's database is damaged: {said}. Nothing was imported.")
        database = Database(path)
    except (sqlite3.DatabaseError, NewerDatabase) as error:
        raise ImportFailed(f"The export's database cannot be used: {error}. Nothing was imported.") from error
    try:
        with database.transaction() as tx:
            for service in PACKAGES:
                for module in registry.modules(service, "KEEPING_MODULES", ("keeping",)):
                    adapt = getattr(module, "moved", None)
                    if adapt is not None:
                        adapt(tx)
    finally:
        database.close()
    for name in (f"{STATE}-wal", f"{STATE}-shm"):
        with suppress(FileNotFoundError):
            (staging / name).unlink()
