"""Spans of time, which a clock that is set anew does not change."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from boatyard.api import timestamps
from boatyard.api.timestamps import Clock, Countdown


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_countdown_goes_on_steadily_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    countdown, clock, present = Countdown(timestamps.now() + timedelta(hours=1)), Clock(), time.time
    assert not clock.was_set()
    monkeypatch.setattr(time, "time", lambda: present() + hours * 3600)
    moment = timestamps.now() + timedelta(hours=hours)
    monkeypatch.setattr(timestamps, "now", lambda: moment)
    assert 3000 < countdown.left <= 3600
    assert clock.was_set()
    assert not clock.was_set()
