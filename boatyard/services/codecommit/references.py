"""References that change: each change is an event that is written even when the server dies in between.

Git moves the reference, then the event is stored together with the reference's new place in one transaction. What
git has and the table has not is found by comparison: after each change, and for changes that were begun and
not ended, when the server starts and now and then.
"""

import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from boatyard.api import events
from boatyard.api.arns import arn
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.services.codecommit.git import Git
from boatyard.services.codecommit.records import CHANGES, REFERENCES, REPOSITORIES, Change, Reference, Repository

DETAIL_TYPE = "CodeCommit Repository State Change"
PREFERRED_DEFAULTS = ("main", "master")
# How often changes that are not done are looked at, and when they are given up: longer than any push.
FOLLOW_SECONDS = 15.0
FORGET_SECONDS = 6 * 3600.0

_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def repository_git(installation: Installation, repository: Repository) -> Git:
    """The git repository of a record."""
    return Git(installation.data_directory / "git" / f"{repository.repository_id}.git")


def repository_arn(repository: Repository) -> str:
    """arn:aws:codecommit:REGION:ACCOUNT:NAME."""
    return arn("codecommit", repository.name, repository.account, repository.region)


def begin(installation: Installation, repository: Repository, caller_arn: str) -> Change:
    """Remember who is about to move references; `record` with the answer ends it."""
    change = Change(
        change_id=uuid.uuid4().hex,
        account=repository.account,
        region=repository.region,
        repository=repository.name,
        caller_arn=caller_arn,
        started=now(),
    )
    with installation.database.transaction() as tx:
        CHANGES.insert(tx, change)
    return change


@contextmanager
def changing(installation: Installation, repository: Repository, caller_arn: str) -> Iterator[None]:
    """Around whatever moves references: remembers the caller first, writes the events afterwards."""
    change = begin(installation, repository, caller_arn)
    try:
        yield
    finally:
        record(installation, repository, caller_arn, change)


def record(
    installation: Installation, repository: Repository, caller_arn: str, change: Change | None = None
) -> list[dict[str, object]]:
    """Compare git's references with the recorded ones; store the differences and their events; the events' details."""
    git = repository_git(installation, repository)
    with _locks[repository.repository_id]:
        if not git.exists():
            if change is not None:
                _forget(installation, change)
            return []
        present = git.references()
        _choose_default_branch(git, present)
        with installation.database.transaction() as tx:
            known = {
                reference.name: reference.object_id
                for reference in REFERENCES.select(tx, where={"repository_id": repository.repository_id})
            }
            details = [
                _detail(git, repository, caller_arn, name, known.get(name), present.get(name))
                for name in sorted(known.keys() | present.keys())
                if known.get(name) != present.get(name)
            ]
            for detail in details:
                name = str(detail["referenceFullName"])
                if name in present:
                    REFERENCES.put(
                        tx,
                        Reference(repository_id=repository.repository_id, name=name, object_id=present[name]),
                    )
                else:
                    REFERENCES.delete(tx, repository.repository_id, name)
                events.emit(
                    installation,
                    tx,
                    source="aws.codecommit",
                    detail_type=DETAIL_TYPE,
                    detail=detail,
                    resources=[repository_arn(repository)],
                    account=repository.account,
                    region=repository.region,
                )
            if change is not None:
                CHANGES.delete(tx, change.change_id)
            if details:
                key = (repository.account, repository.region, repository.name)
                if REPOSITORIES.get(tx, *key) is not None:
                    REPOSITORIES.update(tx, key, lambda stored: msgspec.structs.replace(stored, modified=now()))
    return details


def resume(installation: Installation) -> None:
    """At start: write the events of changes that the last server did not live to write."""
    follow(installation, 0.0)
    installation.workflows.every(FOLLOW_SECONDS, "codecommit.changes", lambda: follow(installation, FOLLOW_SECONDS))


def follow(installation: Installation, age: float) -> None:
    """Look again at changes that began `age` seconds ago or earlier and are not done.

    They are of a server that was killed, whose git may have lived on; or something has failed.
    """
    with installation.database.reading() as rx:
        changes = CHANGES.select(rx)
    for change in changes:
        # A change that seems to begin in the future is one from before the clock was set back.
        passed = abs((now() - change.started).total_seconds())
        if passed < age:
            continue
        with installation.database.reading() as rx:
            repository = REPOSITORIES.get(rx, change.account, change.region, change.repository)
        if repository is not None:
            record(installation, repository, change.caller_arn, change if passed > FORGET_SECONDS else None)
        elif passed > FORGET_SECONDS:
            _forget(installation, change)


def _forget(installation: Installation, change: Change) -> None:
    with installation.database.transaction() as tx:
        CHANGES.delete(tx, change.change_id)


def _choose_default_branch(git: Git, present: dict[str, str]) -> None:
    """As on AWS, the first branch pushed becomes the default one."""
    if git.head() in present:
        return
    branches = [name.removeprefix("refs/heads/") for name in present if name.startswith("refs/heads/")]
    if branches:
        git.set_head(next((name for name in PREFERRED_DEFAULTS if name in branches), branches[0]))


def _detail(
    git: Git, repository: Repository, caller_arn: str, name: str, old: str | None, new: str | None
) -> dict[str, object]:
    kind, short = "branch", name.removeprefix("refs/heads/")
    if name.startswith("refs/tags/"):
        kind, short = "tag", name.removeprefix("refs/tags/")
    event = "referenceUpdated" if old and new else "referenceCreated" if new else "referenceDeleted"
    detail: dict[str, object] = {
        "callerUserArn": caller_arn,
        "event": event,
        "referenceFullName": name,
        "referenceName": short,
        "referenceType": kind,
        "repositoryId": repository.repository_id,
        "repositoryName": repository.name,
    }
    if new:
        # An annotated tag is an object of its own; the event names the commit that it leads to.
        detail["commitId"] = new if kind == "branch" else git.reference(name) or new
    if old:
        detail["oldCommitId"] = old
    return detail
