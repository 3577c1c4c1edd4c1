"""The docker command of builds: that it waits for a server that is being started again."""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest

BUILD = Path(__file__).parents[3] / "images" / "build"
REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it is in the image."""
    monkeypatch.syspath_prepend(str(BUILD))
    specification = importlib.util.spec_from_file_location("docker_command", BUILD / "docker_command.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "settings", lambda: {"registries": [REGISTRY]})
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    monkeypatch.delitem(sys.modules, "dockerfile", raising=False)
    return module


class Connections:
    """Refused so many times, then accepted."""

    def __init__(self, refused: int) -> None:
        self.refused = refused
        self.asked: list[tuple[str, int]] = []

    def __call__(self, address: tuple[str, int], _timeout: float) -> socket.socket:
        self.asked.append(address)
        if len(self.asked) <= self.refused:
            raise ConnectionRefusedError
        return socket.socket()


@pytest.mark.parametrize(("refused", "waited"), [(0, False), (2, True)])
def test_it_waits_while_nothing_listens(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch, refused: int, waited: bool
) -> None:
    connections = Connections(refused)
    monkeypatch.setattr(command.socket, "create_connection", connections)
    assert command.waited_for_registry(["--password-stdin", REGISTRY]) is waited
    assert connections.asked == [(REGISTRY, 80)] * (refused + 1)


def test_other_registries_are_not_waited_for(command: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = Connections(1)
    monkeypatch.setattr(command.socket, "create_connection", connections)
    assert command.waited_for_registry(["registry.example.com"]) is False
    assert connections.asked == []
