"""What CodeCommit keeps: that each repository's objects are whole, and that what branches and tags name is there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial

from boatyard.api.installation import Installation
from boatyard.api.keeping import Garbage, Looked, Policy, problem, size_of, untouched
from boatyard.services.codecommit.records import REFERENCES, REPOSITORIES, Repository
from boatyard.services.codecommit.references import repository_git


def verify(installation: Installation) -> Iterator[Looked]:
    """`git fsck` of every repository: it works every object's name out anew."""
    with installation.database.reading() as rx:
        repositories = REPOSITORIES.select(rx)
    for repository in repositories:
        looked = _repository(installation, repository)
        with installation.database.reading() as rx:
            there = REPOSITORIES.get(rx, repository.account, repository.region, repository.name)
        if looked.level == "ok" or (there is not None and there.repository_id == repository.repository_id):
            yield looked


def _repository(installation: Installation, repository: Repository) -> Looked:
    git, name = repository_git(installation, repository), f"codecommit {repository.name}"
    remedy = "Push everything again from a whole clone (git push --mirror), or import the last good export."
    if not git.exists():
        return problem(name, f"is lost: {git.directory} is missing", remedy)
    code, _, said = git.attempt("fsck", "--full", "--no-dangling", "--no-progress")
    if code:
        return problem(name, f"is damaged ({git.directory}): {said}", remedy)
    with installation.database.reading() as rx:
        references = REFERENCES.select(rx, {"repository_id": repository.repository_id})
    for reference in references:
        if git.kind(reference.object_id) is None:
            text = f"lacks {reference.object_id}, which {reference.name} names"
            return problem(name, text, remedy)
    packs = git.directory / "objects" / "pack"
    return Looked(name, sum(file.stat().st_size for file in packs.glob("*.pack")) if packs.is_dir() else 0)


def garbage(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """Repositories on disk that have no record, and what a reset did not live to remove."""
    base = installation.data_directory / "git"
    folders = [*base.glob("*.git")] if base.is_dir() else []
    with installation.database.reading() as rx:
        known = {f"{repository.repository_id}.git" for repository in REPOSITORIES.select(rx)}
    left = [each for each in folders if each.name not in known]
    for folder in [*left, *installation.data_directory.glob("git-*.deleted")]:
        if untouched(folder, policy.unused_seconds):
            what = f"a deleted repository ({folder.name})"
            yield Garbage("git", what, size_of(folder), partial(shutil.rmtree, folder, ignore_errors=True))
