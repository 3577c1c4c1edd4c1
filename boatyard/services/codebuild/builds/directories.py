"""Where a build's files are on the host: its own directory, and the caches of its project."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from boatyard.api.installation import Installation
from boatyard.containers.foreign_files import remove_tree
from boatyard.services.codebuild.records import Build


@dataclass(frozen=True)
class Directories:
    """One build's directories; the names are made here, never taken from a user."""

    root: Path
    layers: Path
    pushed: Path
    cache: Path

    @property
    def source(self) -> Path:
        """The primary source, /codebuild/src in the container."""
        return self.root / "src"

    @property
    def output(self) -> Path:
        """What the agent writes, /codebuild/output."""
        return self.root / "output"

    @property
    def buildspec(self) -> Path:
        """The buildspec as it was when the sources were fetched: commands may change the file."""
        return self.root / "buildspec.yml"

    @property
    def plan(self) -> Path:
        """What the agent reads, /codebuild/plan.json."""
        return self.root / "plan.json"

    @property
    def progress(self) -> Path:
        """The agent's progress, a JSON object a line."""
        return self.output / "progress.jsonl"

    def secondary(self, identifier: str) -> Path:
        """A secondary source."""
        return self.root / "secondary" / hashlib.sha256(identifier.encode()).hexdigest()[:16]


def project_digest(account: str, region: str, project: str) -> str:
    """What a project's caches are kept under."""
    return hashlib.sha256(f"{account}/{region}/{project}".encode()).hexdigest()[:24]


def directories(installation: Installation, build: Build) -> Directories:
    """The directories of a build, made where they are missing."""
    base = installation.data_directory / "codebuild"
    project = base / "projects" / project_digest(build.account, build.region, build.project)
    found = Directories(base / "builds" / build.uuid, project / "layers", project / "pushed", project / "cache")
    for directory in (found.root, found.output, found.layers, found.pushed, found.cache):
        directory.mkdir(parents=True, exist_ok=True)
    return found


def forget_build(installation: Installation, build_uuid: str) -> None:
    """Remove a build's own directory."""
    remove_tree(installation.data_directory / "codebuild" / "builds" / build_uuid)


def forget_caches(installation: Installation, account: str, region: str, project: str) -> None:
    """Remove a project's docker layers and cached paths."""
    digest = project_digest(account, region, project)
    remove_tree(installation.data_directory / "codebuild" / "projects" / digest)
