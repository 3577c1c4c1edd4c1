"""Three-way merges of two commits' trees, without a working tree and without rename detection."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from boatyard.services.codecommit.git import EMPTY_TREE, Git, TreeEntry
from boatyard.services.codecommit.modes import SUBMODULE

ACCEPT_SOURCE = "ACCEPT_SOURCE"
ACCEPT_DESTINATION = "ACCEPT_DESTINATION"
FILE_LEVEL = "FILE_LEVEL"
MERGEABLE_SIZE = 20 * 1024 * 1024


@dataclass(frozen=True)
class Conflict:
    """A path that both sides changed differently; None where a side does not have it."""

    path: str
    base: TreeEntry | None
    source: TreeEntry | None
    destination: TreeEntry | None
    hunks: int
    binary: bool

    @property
    def content(self) -> bool:
        """Whether the contents differ on the two sides."""
        one, other = self.source, self.destination
        return (one.object_id if one else None) != (other.object_id if other else None)

    @property
    def modes(self) -> bool:
        """Whether both sides have the path with different modes."""
        return bool(self.source and self.destination and self.source.mode != self.destination.mode)


@dataclass
class Merge:
    """What came out: the merged files (with destination's version where there is a conflict) and the conflicts."""

    entries: dict[str, TreeEntry]
    conflicts: list[Conflict] = field(default_factory=list)


def merge(
    git: Git, base: str | None, source: str, destination: str, level: str = FILE_LEVEL, strategy: str = "NONE"
) -> Merge:
    """Merge `source` into `destination`.

    At FILE_LEVEL a file that both changed is a conflict; at LINE_LEVEL only where the lines collide. The strategies
    ACCEPT_SOURCE and ACCEPT_DESTINATION resolve every conflict for one side, AUTOMERGE what can be merged by lines.
    """
    trees = [_files(git, tree) for tree in (base or EMPTY_TREE, source, destination)]
    before, theirs, ours = trees
    result = Merge(dict(ours))
    for path in sorted(before.keys() | theirs.keys() | ours.keys()):
        old, their, our = before.get(path), theirs.get(path), ours.get(path)
        if _same(their, our) or _same(their, old):
            continue
        if _same(our, old):
            _place(result.entries, path, their)
            continue
        by_lines = level != FILE_LEVEL or strategy == "AUTOMERGE"
        _merge_both(git, result, path, (old, their, our), strategy, by_lines=by_lines)
    return result


def _merge_both(
    git: Git,
    result: Merge,
    path: str,
    versions: tuple[TreeEntry | None, TreeEntry | None, TreeEntry | None],
    strategy: str,
    *,
    by_lines: bool,
) -> None:
    old, their, our = versions
    text = bool(their and our) and all(_mergeable(entry) for entry in versions if entry)
    hunks, binary, merged = (1, False, None)
    if text and their and our and their.mode == our.mode:
        hunks, binary, merged = _merge_lines(git, old, their, our, strategy if by_lines else "NONE")
    if by_lines and merged is not None and our is not None:
        result.entries[path] = TreeEntry(our.mode, "blob", git.write_blob(merged), path)
    elif strategy == ACCEPT_SOURCE:
        _place(result.entries, path, their)
    elif strategy != ACCEPT_DESTINATION:
        result.conflicts.append(Conflict(path, old, their, our, max(hunks, 1), binary))


def _merge_lines(
    git: Git, old: TreeEntry | None, their: TreeEntry, our: TreeEntry, strategy: str
) -> tuple[int, bool, bytes | None]:
    """How many hunks collide, whether it is binary, and the merged content if it could be made."""
    options = {ACCEPT_SOURCE: ["--theirs"], ACCEPT_DESTINATION: ["--ours"]}.get(strategy, [])
    with tempfile.TemporaryDirectory(prefix="merge-", dir=git.directory) as directory:
        paths = [Path(directory) / name for name in ("ours", "base", "theirs")]
        for path, entry in zip(paths, (our, old, their), strict=True):
            path.write_bytes(git.blob(entry.object_id) if entry else b"")
        code, output, _ = git.attempt("merge-file", "-p", "-q", *options, *(str(path) for path in paths))
    if code == 0:
        return 0, False, output
    return (code, False, None) if code < 128 else (1, True, None)


def _mergeable(entry: TreeEntry) -> bool:
    return entry.mode in ("100644", "100755", "100664") and entry.size <= MERGEABLE_SIZE


def _files(git: Git, tree: str) -> dict[str, TreeEntry]:
    return {entry.path: entry for entry in git.tree(tree, recursive=True, sizes=True)}


def _same(one: TreeEntry | None, other: TreeEntry | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.mode, one.object_id) == (other.mode, other.object_id)


def _place(entries: dict[str, TreeEntry], path: str, entry: TreeEntry | None) -> None:
    if entry is None:
        entries.pop(path, None)
    else:
        entries[path] = entry


def object_type(entry: TreeEntry | None) -> str | None:
    """AWS's ObjectTypeEnum of an entry."""
    if entry is None:
        return None
    kinds: Mapping[str, str] = {SUBMODULE: "GIT_LINK", "120000": "SYMBOLIC_LINK"}
    return kinds.get(entry.mode, "FILE")
