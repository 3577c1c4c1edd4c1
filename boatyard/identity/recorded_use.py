"""What users and roles asked of policies: every judged action, counted in memory and written once a second.

The counts are what `boatyard permissions` tells and what AWS knows as access activity. A call costs a look into a
dictionary; a killed server loses at most what the last second added.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from boatyard.identity.principals import Kind, Principal
from boatyard.identity.records import USES, Use
from boatyard.identity.use_counts import Count, Counts, Key
from boatyard.state.database import DatabaseClosed

if TYPE_CHECKING:
    from boatyard.api.installation import Installation
    from boatyard.identity.actions.model import Need

log = logging.getLogger(__name__)
WRITTEN_EVERY = 1.0
"""Seconds between two writes, and so the most that is lost when the server is killed."""
_KINDS = (Kind.USER, Kind.SESSION, Kind.FEDERATED)


class RecordedUse:
    """The counts of one installation."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._lock = threading.Lock()
        self._counts = Counts()
        self._writing = threading.Lock()
        self._failing = False
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        with installation.database.reading() as rx:
            for use in USES.select(rx):
                self._counts.keep(_key(use), _count(use))

    def note(self, holder: str, identity: str, need: Need, denial: str | None, by_resource: bool = False) -> None:
        """Count one judgement: `holder` is the ARN of the role or user, `denial` the message when there was one."""
        moment = time.time()
        count = Count(holder, 0, moment, moment, need.spellings, denial, by_resource)
        with self._lock:
            if not self._counts.changed:
                self._wake.set()
            self._counts.add((identity, denial is None, need.action, need.resource), count)
        if self._thread is None:
            self._begin()

    def uses(self, principal: str | None = None) -> list[Use]:
        """Every count up to this moment, of one user or role where its ARN is given."""
        with self._lock:
            return [
                _use(key, count)
                for key, count in sorted(self._counts.by_key.items(), key=lambda each: each[0])
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
                changed = [_use(key, self._counts.by_key[key]) for key in self._counts.changed]
                removed = set(self._counts.removed)
                self._counts.changed.clear()
                self._counts.removed.clear()
            if not changed and not removed:
                return
            try:
                with self._installation.database.transaction() as tx:
                    for key in removed:
                        USES.delete(tx, *key)
                    for use in changed:
                        USES.put(tx, use)
            except sqlite3.Error as error:
                if not self._failing:
                    log.warning("The use of permissions cannot be written, and is tried again: %s", error)
                self._failing = True
                with self._lock:
                    there = self._counts.by_key
                    self._counts.removed |= {key for key in removed if key not in there}
                    self._counts.changed |= {_key(use) for use in changed if _key(use) in there}
                    self._wake.set()
            else:
                self._failing = False
                with self._lock:
                    self._counts.written(_key(use) for use in changed)

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
            self._counts.clear()


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
        stored=True,
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
