"""The end of the server process: whatever hangs, it comes within ten seconds of the signal."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from boatyard.gateway import server


def test_the_process_leaves_by_itself_unless_all_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server._END_WITHIN < 10
    left = threading.Semaphore(0)
    monkeypatch.setattr(server, "_END_WITHIN", 0.01)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    monkeypatch.setattr(os, "_exit", lambda _: left.release())
    deadline = server.Deadline()
    deadline.begin()
    assert left.acquire(timeout=120)
    monkeypatch.setattr(server, "_END_WITHIN", 3600.0)
    met = server.Deadline()
    met.begin()
    met.met()
    assert met._timer is not None
    met._timer.join(120)
    assert not left.acquire(blocking=False)
