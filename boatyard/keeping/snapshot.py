"""One moment of a data directory, held still by hard links while the server goes on.

Blobs and git's objects never change once they are there, so that a second link keeps one as it is although the
server deletes it meanwhile. What is there already is linked first, which may take its time; then, with SQLite's
write lock held for a moment, the database's snapshot begins and what has come since is linked. Nothing that this
snapshot names can be missing: a blob is in place before its record is committed, and deleted after.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from boatyard.api.installation import import_records
from boatyard.keeping.archive import GIT_OBJECT, SECRETS, STATE, VOLUMES
from boatyard.services.codecommit.git import OBJECT_ID, Git
from boatyard.services.codecommit.records import REFERENCES, REPOSITORIES
from boatyard.state.database import Reader

PREFIX = "exporting-"
_LOCK_SECONDS = 120.0
_PAGES = 4096
_TRIES = 5
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP})
_BLOB = re.compile(r"[0-9a-f]{32}")
Say = Callable[[str], None]


class ExportFailed(Exception):
    """The data directory cannot be exported; the message says why and what to do."""


@contextlib.contextmanager
def snapshot(data_directory: Path, say: Say) -> Iterator[Path]:
    """A folder with the files of one moment, laid out as the data directory is; gone when the block ends."""
    if not (data_directory / STATE).exists():
        raise ExportFailed(f"{data_directory} holds no state.db: there is nothing to export.")
    remove_leftovers(data_directory)
    staging = data_directory / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    staging.mkdir(mode=0o700)
    try:
        _take(data_directory, staging, say)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def leftovers(data_directory: Path) -> list[Path]:
    """What exports left that were killed."""
    found = []
    for each in data_directory.glob(f"{PREFIX}*"):
        process = each.name.removeprefix(PREFIX).partition("-")[0]
        if not Path(f"/proc/{process}").exists():
            found.append(each)
    return found


def remove_leftovers(data_directory: Path) -> None:
    """Remove it."""
    for each in leftovers(data_directory):
        shutil.rmtree(each, ignore_errors=True)


def _take(data_directory: Path, staging: Path, say: Say) -> None:
    import_records()
    say("Holding the objects and images")
    _link_blobs(data_directory, staging)
    path = data_directory / STATE
    with _connection(path) as writer, _connection(path) as reader:
        writer.execute("BEGIN IMMEDIATE")
        try:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            _link_blobs(data_directory, staging)
        finally:
            writer.execute("ROLLBACK")
        say("Copying the database")
        with contextlib.closing(sqlite3.connect(staging / STATE)) as copy:
            reader.backup(copy, pages=_PAGES)
        say("Holding the git repositories")
        for identity, references in _repositories(reader).items():
            _link_repository(data_directory, staging, identity, references)
    for name in SECRETS:
        if (data_directory / name).exists():
            shutil.copy2(data_directory / name, staging / name)


@contextlib.contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        yield connection
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise ExportFailed(
            f"The database was written to for {_LOCK_SECONDS:.0f} s without a pause. Try again when less is going on."
        ) from error
    finally:
        connection.close()


def _link_blobs(data_directory: Path, staging: Path) -> None:
    """Link every blob that is not linked yet; one that is deleted meanwhile is nobody's."""
    base = data_directory / "blobs"
    stores = [base, *(each for each in base.iterdir() if len(each.name) > 2 and each.name != "tmp")]
    for store in stores:
        for folder in store.iterdir():
            if len(folder.name) != 2:
                continue
            target = staging / folder.relative_to(data_directory)
            there = {file.name for file in target.iterdir()} if target.is_dir() else set()
            names = (file.name for file in folder.iterdir())
            missing = [name for name in names if name not in there and _BLOB.fullmatch(name)]
            if missing:
                target.mkdir(parents=True, exist_ok=True)
            for name in missing:
                with contextlib.suppress(FileNotFoundError):
                    _hold(folder / name, target / name)


def _hold(file: Path, copy: Path) -> None:
    """A second link to a file that never changes; a copy where the file system has no such links to give."""
    try:
        os.link(file, copy)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(file, copy)


def _repositories(reader: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """The references of every repository at the snapshot's moment, by the repository's id."""
    rx = Reader(reader)
    found: dict[str, dict[str, str]] = {repository.repository_id: {} for repository in REPOSITORIES.select(rx)}
    for reference in REFERENCES.select(rx):
        if reference.repository_id in found:
            found[reference.repository_id][reference.name] = reference.object_id
    return found


def _link_repository(data_directory: Path, staging: Path, identity: str, references: dict[str, str]) -> None:
    """The objects as they are now, the references as they were: what came since is not referred to yet.

    Git may pack meanwhile, so that objects go from one file to another: then it is done again.
    """
    source, target = data_directory / "git" / f"{identity}.git", staging / "git" / f"{identity}.git"
    said = "it is not there"
    for attempt in range(_TRIES):
        shutil.rmtree(target, ignore_errors=True)
        try:
            _link_objects(source, target)
        except FileNotFoundError as error:
            said = str(error)
            time.sleep(0.2 * attempt)
            continue
        lines = [
            f"{object_id} {name}\n" for name, object_id in sorted(references.items()) if OBJECT_ID.match(object_id)
        ]
        (target / "packed-refs").write_text("".join(lines))
        (target / "refs").mkdir()
        code, _, said = Git(target).attempt("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
        if not code:
            (target / "refs").rmdir()
            return
    raise ExportFailed(
        f"The git repository {source} cannot be copied whole: {said}. 'boatyard doctor --verify' looks what it lacks."
    )


def _link_objects(source: Path, target: Path) -> None:
    # Loose objects first: what git packs meanwhile is found in the packs, which come after.
    folders = sorted(each for each in (source / "objects").iterdir() if len(each.name) == 2)
    for folder in [*folders, source / "objects" / "pack"]:
        if not folder.is_dir():
            continue
        copied = target / "objects" / folder.name
        copied.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            if GIT_OBJECT.fullmatch(f"{folder.name}/{file.name}"):
                _hold(file, copied / file.name)
    (target / "objects").mkdir(parents=True, exist_ok=True)
    shutil.copy2(source / "HEAD", target / "HEAD")


def volumes(data_directory: Path) -> Iterator[tuple[str, Path, os.stat_result]]:
    """The folders, files and links of the notebooks' volumes: name in the archive, path, and status."""
    base = data_directory / VOLUMES
    for instance in sorted(base.iterdir()) if base.is_dir() else ():
        stack = [instance / "volume"]
        while stack:
            path = stack.pop()
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                yield str(path.relative_to(data_directory)), path, status
                if stat.S_ISDIR(status.st_mode):
                    stack += sorted(path.iterdir(), reverse=True)
