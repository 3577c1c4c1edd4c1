"""Lines on their way to CloudWatch Logs: a disk that is full for a while costs none of them."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from boatyard.api import log_shipping
from boatyard.api.call import Call
from boatyard.api.log_shipping import LogShipper
from boatyard.services.logs import events


def lines(call: Call) -> list[str]:
    """What the stream has."""
    found = call.invoke("logs", "GetLogEvents", logGroupName="g", logStreamName="s", startFromHead=True)
    return [event["message"] for event in found["events"]]


def test_lines_wait_for_room(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_shipping, "RETRY_SECONDS", 0.01)
    shipper = LogShipper(call, "g", "s")
    shipper.send(None, "first")
    shipper.flush()
    tries = []

    def full(*_: Any) -> None:
        tries.append(1)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(events, "add_events", full)
        for number in range(3):
            shipper.send(None, f"line {number}")
        while len(tries) < 3:
            assert shipper._thread is not None
            assert shipper._thread.is_alive()
            shipper._thread.join(0.01)
        with pytest.raises(OSError, match="No space left"):
            shipper.close()
    shipper.close()
    assert lines(call) == ["first", "line 0", "line 1", "line 2"]
