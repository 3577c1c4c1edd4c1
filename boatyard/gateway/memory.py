"""Has the C library give memory back that large requests took: a server runs for weeks (mallopt(3))."""

from __future__ import annotations

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 4 << 20
_ARENAS = 4
_NEW_OBJECTS = 10_000
"""After how many more objects than before Python looks for garbage in cycles; 700 unless it is told otherwise."""


def keep_small() -> None:
    """From here on large blocks are the system's own, and threads share a few arenas.

    Otherwise glibc keeps whatever the largest request ever needed, once for each of many threads. Other C libraries
    have no mallopt, and need none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_ARENA_MAX, _ARENAS)
    mallopt(_MMAP_THRESHOLD, _LARGE)
    mallopt(_TRIM_THRESHOLD, _LARGE)


def collect_seldom() -> None:
    """Called when all is loaded: what is there now stays, and is not gone through again for every few requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
