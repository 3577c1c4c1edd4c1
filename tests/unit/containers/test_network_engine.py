"""Networks over an engine and a machine that are stand-ins: what a cut-off removal leaves goes, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from boatyard.containers import networks
from boatyard.containers.network_engine import Networks
from boatyard.containers.specification import Network

IDENTITY = "0123456789"


class Machine:
    """The engine's networks, the machine's bridges, the networks that the rules in force are for."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self.bridges: set[str] = set()
        self.ruled: list[str] | None = None
        self.asked = 0

    def call(self, function: Callable[[Any], Any]) -> list[dict[str, Any]]:
        """What the engine answers when it is asked for its networks."""
        self.asked += 1
        config = [{"Gateway": "10.192.0.1", "Subnet": "10.192.0.0/26"}]
        return [{"Name": name, "IPAM": {"Config": config}} for name in self.known]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine in the place of this one."""
    made = Machine()

    def apply_rules(_chain: str, found: Iterable[Network], _port: int) -> None:
        made.ruled = [network.name for network in found]

    monkeypatch.setattr(networks, "bridges", lambda _: sorted(made.bridges))
    monkeypatch.setattr(networks, "lower_bridge", lambda bridge: made.bridges.remove(bridge))
    monkeypatch.setattr(networks, "raise_bridge", lambda network: made.bridges.add(network.bridge))
    monkeypatch.setattr(networks, "apply_rules", apply_rules)
    return made


def _engine(machine: Machine) -> Networks:
    return Networks(machine, IDENTITY, "/data", 4566, libpod=True)  # type: ignore[arg-type]


def test_a_bridge_whose_network_is_forgotten_goes_with_its_rules_without_any_other_use(machine: Machine) -> None:
    kept, gone = (networks.bridge_name(IDENTITY, name) for name in ("kept", "gone"))
    machine.known, machine.bridges = ["kept"], {kept, gone}
    _engine(machine).tidy()
    assert (machine.bridges, machine.ruled) == ({kept}, ["kept"])


def test_nothing_is_asked_nor_changed_where_there_is_nothing_to_tidy(machine: Machine) -> None:
    engine = _engine(machine)
    engine.tidy()
    assert machine.asked == 0, "without a bridge the engine is left asleep"
    machine.known = ["kept"]
    engine.refresh()
    machine.asked, machine.ruled = 0, None
    engine.tidy()
    assert (machine.asked, machine.ruled) == (0, None)
    assert machine.bridges == {networks.bridge_name(IDENTITY, "kept")}


def test_a_bridge_of_which_only_the_anchor_is_left_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(networks, "_interface", tmp_path.joinpath)
    whole, half, other = (
        networks.bridge_name(*each) for each in ((IDENTITY, "a"), (IDENTITY, "b"), ("9876543210", "a"))
    )
    for name in (whole, networks.anchor_name(whole), networks.anchor_name(half), other, networks.anchor_name(other)):
        (tmp_path / name).mkdir()
    assert networks.bridges(IDENTITY) == sorted([whole, half])
