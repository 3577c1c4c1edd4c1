"""Which tables have changed, so that what was read from them may be kept in memory until they do."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
ANY = "*"
"""Stands for every table."""
_READING = re.compile(r"\s*(SELECT|EXPLAIN|VALUES)\b", re.IGNORECASE)
_WRITING = re.compile(
    r"\s*(?:(?:INSERT|REPLACE)(?:\s+OR\s+\w+)?\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM)\s+[\"`\[]?(\w+)",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def written_table(sql: str) -> str | None:
    """The table that a statement writes to; None for one that only reads, ANY where it cannot be told."""
    if _READING.match(sql):
        return None
    found = _WRITING.match(sql)
    return found[1].lower() if found else ANY


class Watch:
    """The generation of some tables: another after every commit that wrote to one of them."""

    def __init__(self) -> None:
        self.generation = 0


class Changes:
    """The watches of a database. `note` is called by the one writer, between a commit and its acknowledgement."""

    def __init__(self) -> None:
        self._watches: dict[str, list[Watch]] = {}

    def watch(self, tables: Iterable[str]) -> Watch:
        """A watch over tables."""
        made = Watch()
        for name in (*tables, ANY):
            # A new list each time: another thread may be going through the old one.
            self._watches[name.lower()] = [*self._watches.get(name.lower(), ()), made]
        return made

    def note(self, tables: Iterable[str]) -> None:
        """These tables have changed on disk."""
        for name in tables:
            for watch in self._watches.get(name, ()):
                watch.generation += 1


class Cache(Generic[K, V]):
    """What was made of the rows of some tables, by key, until one of these tables changes.

    A value is as new as the last commit that was acknowledged before it was asked for: its generation is read before
    its rows are, and changes after they have. At most `limit` values are kept; None is not.
    """

    def __init__(self, watch: Watch, limit: int = 4096) -> None:
        self._watch = watch
        self._limit = limit
        self._kept: dict[K, tuple[int, V]] = {}

    def get(self, key: K, load: Callable[[], V]) -> V:
        """The value of a key, made by `load` where there is none that still holds."""
        generation = self._watch.generation
        found = self._kept.get(key)
        if found is not None and found[0] == generation:
            return found[1]
        value = load()
        if len(self._kept) >= self._limit:
            self._kept = {}
        if value is not None:
            self._kept[key] = (generation, value)
        return value
