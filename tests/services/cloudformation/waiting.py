"""Waiting for a condition with a generous limit."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 120.0


def until(ready: Callable[[], bool], what: str) -> None:
    """Wait until `ready` is true; AssertionError after two minutes."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if ready():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited {SECONDS:.0f} s for {what}")
