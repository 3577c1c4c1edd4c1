"""Git's plumbing, run as subprocesses on bare repositories with nothing of the user's configuration."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from boatyard.api.errors import ApiError

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
NO_COMMIT = "0" * 40
HIDDEN_REFERENCES = "refs/boatyard"
OBJECT_ID = re.compile(r"[0-9a-f]{40}\Z")

CONFIGURATION: tuple[tuple[str, str], ...] = (
    # What was acknowledged is on disk: objects, packs, references.
    ("core.fsync", "all"),
    ("core.hooksPath", "/dev/null"),
    ("core.logAllRefUpdates", "false"),
    ("core.quotePath", "false"),
    ("safe.directory", "*"),
    ("receive.fsckObjects", "true"),
    # Old histories carry these and are harmless; everything else that fsck finds refuses the push.
    ("receive.fsck.zeroPaddedFilemode", "warn"),
    ("receive.fsck.badTimezone", "warn"),
    ("receive.fsck.missingSpaceBeforeDate", "warn"),
    # One pack and one fsync a push, rather than one a file.
    ("receive.unpackLimit", "1"),
    ("receive.autogc", "false"),
    ("receive.denyDeleteCurrent", "refuse"),
    ("transfer.hideRefs", HIDDEN_REFERENCES),
    ("gc.auto", "6700"),
    ("gc.autoDetach", "false"),
    # An empty repository names no branch: the client begins its own default one, as with AWS's.
    ("lsrefs.unborn", "ignore"),
    ("uploadpack.allowFilter", "true"),
    ("uploadpack.allowReachableSHA1InWant", "true"),
    ("http.receivepack", "true"),
    ("user.name", "boatyard"),
    ("user.email", "boatyard@localhost"),
)


class GitError(RuntimeError):
    """A git command that ended with another code than 0; `code` is its exit code, the text its standard error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class TreeEntry:
    """One entry of a tree: `mode` as in git ("100644"), `kind` blob, tree or commit."""

    mode: str
    kind: str
    object_id: str
    path: str
    size: int = 0


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a git process: no system or user configuration, no prompts, no locale."""
    result = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": str(len(CONFIGURATION)),
    }
    for position, (key, value) in enumerate(CONFIGURATION):
        result[f"GIT_CONFIG_KEY_{position}"] = key
        result[f"GIT_CONFIG_VALUE_{position}"] = value
    result.update(extra or {})
    return result


class Git:
    """One bare repository on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def attempt(
        self, *arguments: str, data: bytes | None = None, extra: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, str]:
        """Run `git ARGUMENTS` in this repository: exit code, standard output, standard error."""
        try:
            done = subprocess.run(
                ["git", f"--git-dir={self.directory}", *arguments],
                input=data if data is not None else b"",
                capture_output=True,
                env=environment(extra),
                cwd=self.directory,
                check=False,
            )
        except FileNotFoundError:
            self._require()
            raise
        return done.returncode, done.stdout, done.stderr.decode(errors="replace").strip()

    def run(self, *arguments: str, data: bytes | None = None, extra: Mapping[str, str] | None = None) -> bytes:
        """Standard output of `git ARGUMENTS`; GitError when it ends with another code than 0."""
        code, output, error = self.attempt(*arguments, data=data, extra=extra)
        if code:
            self._require()
            raise GitError(code, f"git {arguments[0]} ended with code {code}: {error}")
        return output

    def _require(self) -> None:
        if not self.directory.exists():
            raise ApiError("RepositoryDoesNotExistException", "The repository was deleted meanwhile.", status=400)

    def text(self, *arguments: str, data: bytes | None = None, extra: Mapping[str, str] | None = None) -> str:
        """Standard output as text without the last newline."""
        return self.run(*arguments, data=data, extra=extra).decode(errors="replace").rstrip("\n")

    def exists(self) -> bool:
        """Whether the repository is complete on disk."""
        return (self.directory / "HEAD").is_file()

    def initialise(self) -> None:
        """Make the empty repository; again on an existing one is harmless."""
        self.directory.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["git", "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(self.directory)],
            env=environment(),
            check=True,
            capture_output=True,
        )
        # Archives hold every file as it is: AWS's do not heed export-ignore and export-subst.
        (self.directory / "info").mkdir(exist_ok=True)
        (self.directory / "info" / "attributes").write_text("* -export-ignore -export-subst\n")

    def remove(self) -> None:
        """Delete it from disk."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def references(self) -> dict[str, str]:
        """Every branch, tag and other public reference with the object it points to."""
        listing = self.text("for-each-ref", "--format=%(objectname) %(refname)")
        result = {}
        for line in listing.splitlines():
            object_id, _, name = line.partition(" ")
            if not name.startswith(HIDDEN_REFERENCES + "/"):
                result[name] = object_id
        return result

    def head(self) -> str:
        """The full name of the reference that HEAD stands for."""
        return (self.directory / "HEAD").read_text().removeprefix("ref:").strip()

    def set_head(self, branch: str) -> None:
        """Make `branch` the one that a clone checks out."""
        self.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def reference(self, full_name: str) -> str | None:
        """The commit that a reference leads to (tags are peeled), or None."""
        code, output, _ = self.attempt("rev-parse", "--verify", "--quiet", f"{full_name}^{{commit}}")
        return output.decode().strip() if code == 0 else None

    def kind(self, object_id: str) -> str | None:
        """commit, tree, blob or tag; None when there is no such object."""
        code, output, _ = self.attempt("cat-file", "-t", object_id)
        return output.decode().strip() if code == 0 else None

    def size(self, object_id: str) -> int:
        """The object's size in bytes."""
        return int(self.text("cat-file", "-s", object_id))

    def blob(self, object_id: str) -> bytes:
        """A blob's content, whole."""
        return self.run("cat-file", "blob", object_id)

    def write_blob(self, content: bytes) -> str:
        """Store content; its object id."""
        return self.text("hash-object", "-w", "--stdin", data=content)

    def update_reference(self, full_name: str, new: str, old: str) -> bool:
        """Move a reference from `old` (40 zeros: must not be there) to `new`; False when it was not at `old`."""
        code, _, _ = self.attempt("update-ref", "--no-deref", full_name, new, old)
        return code == 0

    def delete_reference(self, full_name: str, old: str) -> bool:
        """Delete a reference that points to `old`; False when it does not."""
        code, _, _ = self.attempt("update-ref", "--no-deref", "-d", full_name, old)
        return code == 0

    def tree(self, tree_ish: str, *, recursive: bool = False, sizes: bool = False) -> list[TreeEntry]:
        """The entries of a tree, in git's order."""
        options = ["-z", "--full-tree"] + (["-r"] if recursive else []) + (["-l"] if sizes else [])
        listing = self.run("ls-tree", *options, tree_ish)
        return [_tree_entry(line) for line in listing.split(b"\0") if line]

    def entry(self, commit: str, path: str) -> TreeEntry | None:
        """The entry of one path in a commit, or None."""
        for line in self.run("--literal-pathspecs", "ls-tree", "-z", "-l", "--full-tree", commit, "--", path).split(
            b"\0"
        ):
            if line:
                found = _tree_entry(line)
                if found.path == path:
                    return found
        return None

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor of two commits, or None when they share no history."""
        code, output, _ = self.attempt("merge-base", one, other)
        return output.decode().split()[0] if code == 0 and output.strip() else None

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` contains `older`."""
        return self.attempt("merge-base", "--is-ancestor", older, newer)[0] == 0

    def commit_tree(self, tree: str, parents: Sequence[str], message: str, name: str, email: str) -> str:
        """Write a commit object with exactly these texts; its id.

        Git's own commit-tree trims names and takes what it does not think UTF-8 for Latin-1.
        """
        who = f"{name} <{email}> {int(time.time())} +0000"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {who}", f"committer {who}"]
        data = "\n".join([*lines, "", message]).encode()
        return self.text("hash-object", "-t", "commit", "-w", "--stdin", data=data)

    @contextmanager
    def index(self) -> Iterator[dict[str, str]]:
        """An empty index of its own, as environment for the commands that use one."""
        with tempfile.TemporaryDirectory(prefix="index-", dir=self.directory) as directory:
            yield {"GIT_INDEX_FILE": str(Path(directory) / "index")}


def _tree_entry(line: bytes) -> TreeEntry:
    description, _, path = line.partition(b"\t")
    mode, kind, object_id, *size = description.decode().split()
    number = int(size[0]) if size and size[0] != "-" else 0
    return TreeEntry(mode, kind, object_id, path.decode(errors="surrogateescape"), number)
