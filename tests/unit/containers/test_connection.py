"""What is asked of the engine again, and what is not."""

from __future__ import annotations

from typing import Any

import docker.errors
import pytest

from boatyard.containers import connection
from boatyard.containers.connection import Connection
from boatyard.containers.errors import EngineError

WENT = "route ip+net: no such network interface"


class Engine:
    """Refuses with these words so many times, then answers."""

    def __init__(self, words: str, times: int) -> None:
        self.words, self.times, self.asked = words, times, 0

    def __call__(self, _api: Any) -> str:
        self.asked += 1
        if self.asked <= self.times:
            raise docker.errors.APIError(self.words, explanation=self.words)
        return "answer"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A connection that needs no engine."""
    monkeypatch.setattr(connection, "_PAUSE_SECONDS", 0)
    made = Connection(None, "unix:///nowhere")
    monkeypatch.setattr(made, "client", lambda _patient: None)
    return made


def test_an_interface_that_went_meanwhile_is_no_failure(asked: Connection) -> None:
    assert asked.call(Engine(WENT, 3)) == "answer"


def test_what_stays_wrong_is_told(asked: Connection) -> None:
    with pytest.raises(EngineError, match="no such network interface"):
        asked.call(Engine(WENT, 100))


def test_another_refusal_is_told_at_once(asked: Connection) -> None:
    engine = Engine("no such image", 1)
    with pytest.raises(EngineError, match="no such image"):
        asked.call(engine)
    assert engine.asked == 1
