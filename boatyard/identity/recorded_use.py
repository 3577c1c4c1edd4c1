"""What users and roles asked of policies: every judged action, counted in memory and written once a second.

The counts are what `boatyard permissions` tells and what AWS knows as access activity. A call costs a look into a
dictionary; a killed server loses at most what the last second added.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from boatyard.identity.principals import Kind, Principal
from boatyard.identity.records import USES, Use
from boatyard.state.database import DatabaseClosed

if TYPE_CHECKING:
    from boatyard.api.installation import Installation
    from boatyard.identity.actions.model import Need

log = logging.getLogger(__name__)
WRITTEN_EVERY = 1.0
"""Seconds between two writes, and so the most that is lost when the server is killed."""
RESOURCES = 64
"""How many resources of one action of one principal are told apart; of more, those with a common beginning are one."""
ENTRIES = 20_000
"""How many counts are kept in all; those not touched for the longest go first."""
_LONGEST = 2048
_KINDS = (Kind.USER, Kind.SESSION, Kind.FEDERATED)

Key = tuple[str, bool, str, str]
"""The principal's unique id, whether it was allowed, the action, the resource."""


@dataclass(slots=True)
class Count:
    """How often and when (seconds since 1970) one action on one resource was allowed or denied."""

    principal: str
    times: int
    first: float
    last: float
    spellings: tuple[str, ...] = ()
    reason: str | None = None
    by_resource: bool = False


class RecordedUse:
    """The counts of one installation."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._lock = threading.Lock()
        self._counts: dict[Key, Count] = {}
        self._resources: dict[tuple[str, bool, str], set[str]] = {}
        self._changed: set[Key] = set()
        self._removed: set[Key] = set()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        with installation.database.reading() as rx:
            for use in USES.select(rx):
                self._keep(_key(use), _count(use))

    def note(self, holder: str, identity: str, need: Need, denial: str | None, by_resource: bool = False) -> None:
        """Count one judgement: `holder` is the ARN of the role or user, `denial` the message when there was one."""
        moment = time.time()
        key = (identity, denial is None, need.action, need.resource)
        with self._lock:
            count = self._counts.get(key)
            if count is None:
                key, count = self._new(key, Count(holder, 0, moment, moment, need.spellings))
            count.times += 1
            count.last = moment
            count.reason = denial
            count.by_resource = by_resource
            if not self._changed:
                self._wake.set()
            self._changed.add(key)
        if self._thread is None:
            self._begin()

    def _new(self, key: Key, count: Count) -> tuple[Key, Count]:
        """The count of a key that is not there as it stands; its resource may be one of many that are told as one."""
        identity, allowed, action, spelled = key
        resource = spelled.encode(errors="replace").decode()[:_LONGEST]
        group = identity, allowed, action
        known = self._resources.get(group, set())
        inside = [name for name in known if name.endswith("*") and resource.startswith(name[:-1])]
        key = (*group, resource if resource in known or not inside else max(inside, key=len))
        found = self._counts.get(key)
        if found is not None:
            return key, found
        self._keep(key, count)
        if len(self._counts) > ENTRIES:
            self._drop_oldest(key)
        if len(self._resources[group]) > RESOURCES:
            for many in common_beginnings(self._resources[group], RESOURCES // 2):
                self._fold(group, many)
            key = next(
                (*group, name)
                for name in sorted(self._resources[group], key=len, reverse=True)
                if name == resource or (name.endswith("*") and resource.startswith(name[:-1]))
            )
        return key, self._counts[key]

    def _keep(self, key: Key, count: Count) -> None:
        self._counts[key] = count
        self._resources.setdefault(key[:3], set()).add(key[3])
        self._removed.discard(key)

    def _remove(self, key: Key) -> Count:
        self._resources[key[:3]].discard(key[3])
        self._changed.discard(key)
        self._removed.add(key)
        return self._counts.pop(key)

    def _fold(self, group: tuple[str, bool, str], beginning: str) -> None:
        """Tell every resource with this beginning as one."""
        names = [name for name in self._resources[group] if name.startswith(beginning)]
        counts = [self._remove((*group, name)) for name in names]
        latest = max(counts, key=lambda count: count.last)
        key = (*group, f"{beginning}*")
        times, first = sum(count.times for count in counts), min(count.first for count in counts)
        by_resource = all(count.by_resource for count in counts)
        self._keep(key, Count(latest.principal, times, first, latest.last, (), latest.reason, by_resource))
        self._changed.add(key)

    def _drop_oldest(self, newest: Key) -> None:
        for key in sorted(self._counts, key=lambda key: self._counts[key].last)[: ENTRIES // 10]:
            if key != newest:
                self._remove(key)

    def uses(self, principal: str | None = None) -> list[Use]:
        """Every count up to this moment, of one user or role where its ARN is given."""
        with self._lock:
            return [
                _use(key, count)
                for key, count in sorted(self._counts.items())
                if principal is None or count.principal == principal
            ]

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None and not self._ending.is_set():
                self._thread = threading.Thread(target=self._run, name="recorded use", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        ended = False
        while not ended:
            self._wake.wait()
            ended = self._ending.wait(WRITTEN_EVERY)
            self._wake.clear()
            try:
                self.write()
            except DatabaseClosed:
                return  # the server stops, and has written what there was

    def write(self) -> None:
        """Put on disk what has changed, in one transaction; what a full disk refuses is tried again."""
        with self._writing:
            with self._lock:
                changed = [_use(key, self._counts[key]) for key in self._changed]
                removed = set(self._removed)
                self._changed.clear()
                self._removed.clear()
            if not changed and not removed:
                return
            try:
                with self._installation.database.transaction() as tx:
                    for key in removed:
                        USES.delete(tx, *key)
                    for use in changed:
                        USES.put(tx, use)
            except sqlite3.Error as error:
                log.warning("The use of permissions could not be written: %s", error)
                with self._lock:
                    self._removed |= {key for key in removed if key not in self._counts}
                    self._changed |= {_key(use) for use in changed if _key(use) in self._counts}

    def close(self) -> None:
        """Write what is left and end."""
        self._ending.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(10)
        self.write()

    def forget(self) -> None:
        """Drop every count: the records are gone."""
        with self._lock:
            for kept in (self._counts, self._resources, self._changed, self._removed):
                kept.clear()


def common_beginnings(resources: set[str], at_most: int) -> list[str]:
    """The beginnings under which to tell resources as one, so that no more than `at_most` names are left.

    They end in `/` or `:`, and hold an ARN's first five fields: never does one reach over services or accounts. The
    beginning that most resources share comes first, and a longer one before a shorter.
    """
    found: list[str] = []
    names = {name: _beginnings(name) for name in resources}
    depth = 0
    while len(names) + len(found) > at_most and any(len(each) > depth for each in names.values()):
        shared = Counter(each[depth] for each in names.values() if len(each) > depth)
        beginning, members = shared.most_common(1)[0]
        if members < 2:
            depth += 1
            continue
        names = {name: each for name, each in names.items() if not name.startswith(beginning)}
        found = [*(each for each in found if not each.startswith(beginning)), beginning]
    return found


def _beginnings(resource: str) -> list[str]:
    """A resource's beginnings, the longest first."""
    fields = resource.split(":", 5)
    if len(fields) < 6:
        return []
    least = len(resource) - len(fields[5])
    body = resource.removesuffix("*")
    return [body[: end + 1] for end in range(len(body) - 2, least - 2, -1) if body[end] in "/:"]


def note(
    installation: Installation, principal: Principal, need: Need, denial: str | None, by_resource: bool = False
) -> None:
    """Count what was judged of a user or a role's session; nobody else has policies of their own.

    `by_resource` says that the resource's policy alone allowed it. A denial is in the server's log at once.
    """
    if principal.kind not in _KINDS:
        return
    session = principal.session
    holder, identity = (session.role_arn, session.role_id) if session else (principal.arn, principal.user_id)
    if denial is not None:
        log.info("Denied: %s", "".join(letter if letter.isprintable() else "?" for letter in denial[:4096]))
    recorded_use(installation).note(holder, identity, need, denial, by_resource)


def recorded_use(installation: Installation) -> RecordedUse:
    """The counts of an installation, read from its records at the first use."""
    return installation.attached("recorded use", lambda: RecordedUse(installation))


def _key(use: Use) -> Key:
    return use.identity, use.allowed, use.action, use.resource


def _count(use: Use) -> Count:
    return Count(
        use.principal,
        use.times,
        use.first.timestamp(),
        use.last.timestamp(),
        tuple(use.spellings),
        use.reason,
        use.by_resource,
    )


def _use(key: Key, count: Count) -> Use:
    identity, allowed, action, resource = key
    return Use(
        identity=identity,
        allowed=allowed,
        action=action,
        resource=resource,
        principal=count.principal,
        times=count.times,
        first=datetime.fromtimestamp(count.first, UTC),
        last=datetime.fromtimestamp(count.last, UTC),
        spellings=list(count.spellings),
        reason=count.reason,
        by_resource=count.by_resource,
    )
