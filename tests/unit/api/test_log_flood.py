"""Lines on their way to a log stream: slowed down where they come too fast, none lost, none out of order."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from boatyard.api import log_shipping
from boatyard.api.log_shipping import LogShipper


class SlowLogs:
    """Takes events when it is let."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.taken: list[str] = []

    def invoke(self, _service: str, operation: str, **params: Any) -> dict[str, Any]:
        """A call that waits until the logs are open."""
        assert self.open.wait(120)
        if operation == "PutLogEvents":
            self.taken += [event["message"] for event in params["logEvents"]]
        return {}


def test_whoever_prints_without_end_waits_and_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_shipping, "QUEUE_BYTES", 600_000)
    logs, waiting = SlowLogs(), threading.Event()
    shipper = LogShipper(logs, "group", "stream")  # type: ignore[arg-type]
    lines = [f"{number} {'x' * 1000}" for number in range(2000)]
    handed_over: list[int] = []

    def flood() -> None:
        for number, line in enumerate(lines):
            handed_over.append(number)
            shipper.send(number, line)
        waiting.set()

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    assert not waiting.wait(0.5)
    # Two batches at most are on their way beside the queue: a fifth of what is printed.
    assert len(handed_over) < 600
    logs.open.set()
    assert waiting.wait(120)
    shipper.close()
    assert logs.taken == lines


def test_a_shipper_that_is_closed_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_shipping, "QUEUE_BYTES", 0)
    logs = SlowLogs()
    logs.open.set()
    shipper = LogShipper(logs, "group", "stream")  # type: ignore[arg-type]
    sender = threading.Thread(target=shipper.send, args=(1, "a line"), daemon=True)
    sender.start()
    shipper.close()
    sender.join(120)
    assert not sender.is_alive()
    shipper.close()
    assert logs.taken == ["a line"]
