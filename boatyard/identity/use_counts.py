"""Counts of what principals used, in memory and within bounds: of too many resources, those alike are told as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

RESOURCES = 64
"""How many resources of one action of one principal are told apart; of more, those with a common beginning are one."""
ENTRIES = 20_000
"""How many counts are kept in all; those not touched for the longest go first."""
_LONGEST = 2048

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
    stored: bool = False
    """Whether the records have it."""


class Counts:
    """Counts by key; `changed` and `removed` are the keys that differ from what was last written."""

    def __init__(self) -> None:
        self.by_key: dict[Key, Count] = {}
        self.changed: set[Key] = set()
        self.removed: set[Key] = set()
        self._resources: dict[tuple[str, bool, str], set[str]] = {}

    def add(self, key: Key, count: Count) -> None:
        """Count once what is like this, at the time of its `last`."""
        found = self.by_key.get(key)
        if found is None:
            key, found = self._new(key, count)
        found.times += 1
        found.last = count.last
        found.reason = count.reason
        found.by_resource = count.by_resource
        self.changed.add(key)

    def written(self, keys: Iterable[Key]) -> None:
        """The records have these now; what was removed in the meantime is to be removed there too."""
        for key in keys:
            if key in self.by_key:
                self.by_key[key].stored = True
            else:
                self.removed.add(key)

    def clear(self) -> None:
        """Drop every count: the records are gone."""
        for kept in (self.by_key, self.changed, self.removed, self._resources):
            kept.clear()

    def _new(self, key: Key, count: Count) -> tuple[Key, Count]:
        """The count of a key that is not there as it stands; its resource may be one of many that are told as one."""
        identity, allowed, action, spelled = key
        resource = spelled.encode(errors="replace").decode()[:_LONGEST]
        group = identity, allowed, action
        known = self._resources.get(group, set())
        inside = [name for name in known if name.endswith("*") and resource.startswith(name[:-1])]
        key = (*group, resource if resource in known or not inside else max(inside, key=len))
        found = self.by_key.get(key)
        if found is not None:
            return key, found
        self.keep(key, count)
        if len(self.by_key) > ENTRIES:
            self._drop_oldest(key)
        if len(self._resources[group]) > RESOURCES:
            for many in common_beginnings(self._resources[group], RESOURCES // 2):
                self._fold(group, many)
            key = next(
                (*group, name)
                for name in sorted(self._resources[group], key=len, reverse=True)
                if name == resource or (name.endswith("*") and resource.startswith(name[:-1]))
            )
        return key, self.by_key[key]

    def keep(self, key: Key, count: Count) -> None:
        """Hold a count as it is."""
        self.by_key[key] = count
        self._resources.setdefault(key[:3], set()).add(key[3])
        self.removed.discard(key)

    def _remove(self, key: Key) -> Count:
        count = self.by_key.pop(key)
        self._resources[key[:3]].discard(key[3])
        if not self._resources[key[:3]]:
            del self._resources[key[:3]]
        self.changed.discard(key)
        if count.stored:
            self.removed.add(key)
        return count

    def _fold(self, group: tuple[str, bool, str], beginning: str) -> None:
        """Tell every resource with this beginning as one."""
        names = [name for name in self._resources[group] if name.startswith(beginning)]
        counts = [self._remove((*group, name)) for name in names]
        latest = max(counts, key=lambda count: count.last)
        key = (*group, f"{beginning}*")
        times, first = sum(count.times for count in counts), min(count.first for count in counts)
        by_resource = all(count.by_resource for count in counts)
        self.keep(key, Count(latest.principal, times, first, latest.last, (), latest.reason, by_resource))
        self.changed.add(key)

    def _drop_oldest(self, newest: Key) -> None:
        for key in sorted(self.by_key, key=lambda key: self.by_key[key].last)[: ENTRIES // 10]:
            if key != newest:
                self._remove(key)


def common_beginnings(resources: set[str], at_most: int) -> list[str]:
    """The beginnings under which to tell resources as one, so that no more than `at_most` names are left.

    They end in `/` or `:`, and hold an ARN's first five fields: never does one reach over services or accounts. The
    longest are taken first, and among those as long the one that most resources share.
    """
    names = {name: _beginnings(name) for name in resources}
    found: set[str] = set()
    for level in range(max(map(len, names.values()), default=0) - 1, -1, -1):
        while len(names) > at_most:
            shared = Counter(each[level] for each in names.values() if len(each) > level)
            beginning, members = max(shared.items(), key=lambda each: each[1], default=("", 0))
            if members < 2:
                break
            names = {name: each for name, each in names.items() if not name.startswith(beginning)}
            names[f"{beginning}*"] = _beginnings(f"{beginning}*")
            found.add(beginning)
    return sorted(each for each in found if f"{each}*" in names)


def _beginnings(resource: str) -> list[str]:
    """A resource's beginnings, the shortest first."""
    fields = resource.split(":", 5)
    if len(fields) < 6:
        return []
    least = len(resource) - len(fields[5])
    body = resource.removesuffix("*")
    return [body[: end + 1] for end in range(least - 1, len(body) - 1) if body[end] in "/:"]
