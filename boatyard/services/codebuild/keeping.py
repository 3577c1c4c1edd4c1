"""What CodeBuild has on disk: what of it is needed, and what becomes of builds that were under way elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from boatyard.api.installation import Installation
from boatyard.api.keeping import Garbage, Policy, size_of, untouched
from boatyard.api.timestamps import now
from boatyard.services.codebuild.builds.directories import project_digest
from boatyard.services.codebuild.records import BUILDS, PROJECTS, Build
from boatyard.state.database import Transaction
from boatyard.workflows.records import forget_steps


def moved(tx: Transaction) -> None:
    """After an import: builds that were under way begin again, for their containers are on another machine."""
    for build in BUILDS.select(tx):
        if build.ended is None and all(phase.type != "FINALIZING" for phase in build.phases):
            forget_steps(tx, f"codebuild.build/{build.arn}")
            BUILDS.put(tx, msgspec.structs.replace(build, started=now(), phases=build.phases[:1], current="QUEUED"))


def garbage(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """Folders of builds that are over, caches of projects that nobody builds, and builds of long ago."""
    base = installation.data_directory / "codebuild"
    with installation.database.reading() as rx:
        builds = BUILDS.select(rx)
        projects = {project_digest(each.account, each.region, each.name): each for each in PROJECTS.select(rx)}
    running = {build.uuid for build in builds if build.ended is None}
    for folder in _folders(base / "builds"):
        if folder.name not in running and untouched(folder, policy.unused_seconds):
            yield Garbage("builds", f"the folder of an ended build ({folder.name})", size_of(folder), _removal(folder))
    for folder in installation.data_directory.glob("codebuild-removed-*"):
        yield Garbage("builds", "what a reset left of builds", size_of(folder), _removal(folder))
    last = {project_digest(each.account, each.region, each.project): 0.0 for each in builds}
    for build in builds:
        digest = project_digest(build.account, build.region, build.project)
        last[digest] = max(last[digest], time.time() if build.ended is None else build.ended.timestamp())
    for folder in _folders(base / "projects"):
        age = policy.unused_seconds if folder.name not in projects else policy.build_cache_seconds
        if untouched(folder, age) and last.get(folder.name, 0.0) < time.time() - age:
            project = projects.get(folder.name)
            whose = f"of {project.name}" if project is not None else "of a deleted project"
            yield Garbage("build caches", f"the layers and caches {whose}", size_of(folder), _removal(folder))
    old = [each for each in builds if each.ended and each.ended.timestamp() < time.time() - policy.history_seconds]
    if old:
        yield Garbage("history", f"{len(old)} builds of long ago", 0, partial(_forget, installation, old))


def _folders(base: Path) -> list[Path]:
    return sorted(base.iterdir()) if base.is_dir() else []


def _removal(folder: Path) -> partial[None]:
    return partial(shutil.rmtree, folder, ignore_errors=True)


def _forget(installation: Installation, builds: list[Build]) -> None:
    with installation.database.transaction() as tx:
        for build in builds:
            BUILDS.delete(tx, build.account, build.region, build.id)
