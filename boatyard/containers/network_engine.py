"""Networks of an engine: made once, remembered by the engine, their bridges and rules kept in step."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any

from filelock import FileLock

from boatyard.containers import networks
from boatyard.containers.connection import Connection
from boatyard.containers.errors import EngineError
from boatyard.containers.specification import Network

LABEL_DATA_DIRECTORY = "boatyard.data-directory"
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")


class Networks:
    """The workloads' networks of one data directory."""

    def __init__(self, connection: Connection, identity: str, data_directory: str, port: int, libpod: bool) -> None:
        self._connection = connection
        self._identity = identity
        self._data_directory = data_directory
        self._libpod = libpod
        self._ready: dict[str, Network] = {}
        self._chain = networks.chain_name(identity)
        self.port = port

    def ensure(self, name: str, internal: bool) -> Network:
        """The network of this name, made when missing, its bridge up and its rules in force."""
        if not NAME.fullmatch(name) or name in {"none", "host", "bridge", "default"}:
            raise EngineError(f"{name!r} is no name for a container network.")
        known = self._ready.get(name)
        if known is not None and Path(f"/sys/class/net/{known.bridge}").exists():
            return known
        with self._exclusively():
            existing = {network.name: network for network in self.all()}
            network = existing.get(name) or self._create(name, internal)
            self._raise(network)
            existing[name] = network
            networks.apply_rules(self._chain, existing.values(), self.port)
        self._ready[name] = network
        return network

    def _exclusively(self) -> FileLock:
        """One engine of the machine at a time looks for a free subnet and writes rules."""
        directory = Path("/run/lock") if Path("/run/lock").is_dir() else Path("/tmp")  # noqa: S108
        return FileLock(directory / "boatyard-networks.lock", timeout=120, mode=0o600)

    def _raise(self, network: Network) -> None:
        try:
            networks.raise_bridge(network)
        except OSError as error:
            raise EngineError(f"The bridge of network {network.name} cannot be set up: {error}") from error

    def all(self) -> list[Network]:
        """Every network of this data directory that the engine knows."""
        found = self._connection.call(
            lambda api: api.networks(filters={"label": f"{LABEL_DATA_DIRECTORY}={self._data_directory}"})
        )
        return [self._read(entry) for entry in found if entry.get("IPAM", {}).get("Config")]

    def _read(self, entry: dict[str, Any]) -> Network:
        address = entry["IPAM"]["Config"][0]
        name = str(entry["Name"])
        return Network(
            name=name,
            gateway=str(address["Gateway"]),
            subnet=str(address["Subnet"]),
            bridge=networks.bridge_name(self._identity, name),
            internal=bool(entry.get("Internal")),
        )

    def _create(self, name: str, internal: bool) -> Network:
        subnet = networks.free_subnet(f"{self._identity}/{name}", [*networks.taken_subnets(), *self._promised()])
        bridge = networks.bridge_name(self._identity, name)
        network = Network(name, str(subnet.network_address + 1), str(subnet), bridge, internal)
        labels = {LABEL_DATA_DIRECTORY: self._data_directory}
        if self._libpod:
            self._connection.call(lambda api: _create_with_podman(api, network, labels))
        else:
            self._connection.call(lambda api: _create_with_docker(api, network, labels))
        return network

    def _promised(self) -> list[ipaddress.IPv4Network]:
        return [ipaddress.IPv4Network(network.subnet) for network in self.all()]

    def remove(self, name: str) -> None:
        """Remove the network, its bridge and rules; containers on it must be gone. Harmless when it is."""
        with self._exclusively():
            self._ready.pop(name, None)
            self._remove(name)
            networks.lower_bridge(networks.bridge_name(self._identity, name))
            networks.apply_rules(self._chain, self.all(), self.port)

    def _remove(self, name: str) -> None:
        self._connection.absent_is_none(lambda api: api.remove_network(name))

    def refresh(self) -> None:
        """Put every known network's bridge and rules in force again: after a restart, or for another port."""
        with self._exclusively():
            known = self.all()
            for network in known:
                self._raise(network)
            self._lower_all_but(known)
            networks.apply_rules(self._chain, known, self.port)
            self._ready = {network.name: network for network in known}

    def tidy(self) -> None:
        """Remove the bridges whose network the engine has forgotten, with their rules: a killed removal leaves one.

        The engine is asked only where there is a bridge that this process does not know.
        """
        if set(networks.bridges(self._identity)) <= {network.bridge for network in list(self._ready.values())}:
            return
        with self._exclusively():
            known = self.all()
            if self._lower_all_but(known):
                networks.apply_rules(self._chain, known, self.port)

    def _lower_all_but(self, known: list[Network]) -> bool:
        """Whether there was any bridge of no known network; they are gone."""
        forgotten = set(networks.bridges(self._identity)) - {network.bridge for network in known}
        for bridge in forgotten:
            networks.lower_bridge(bridge)
        return bool(forgotten)

    def remove_all(self) -> None:
        """Remove every network of the data directory, their bridges and all rules."""
        with self._exclusively():
            for network in self.all():
                self._remove(network.name)
            self.sweep()

    def sweep(self) -> None:
        """Remove the bridges and rules that bear this data directory's mark, without asking the engine.

        Those of networks that the engine knows come back with `refresh`.
        """
        self._ready.clear()
        for bridge in networks.bridges(self._identity):
            networks.lower_bridge(bridge)
        networks.remove_rules(self._chain)


def _create_with_podman(api: Any, network: Network, labels: dict[str, str]) -> None:
    body = {
        "name": network.name,
        "driver": "bridge",
        "network_interface": network.bridge,
        "subnets": [{"subnet": network.subnet, "gateway": network.gateway}],
        "dns_enabled": False,
        "internal": network.internal,
        "labels": labels,
    }
    answer: Any = api.post(f"{api.base_url}/v4.0.0/libpod/networks/create", json=body, timeout=api.timeout)
    api._raise_for_status(answer)


def _create_with_docker(api: Any, network: Network, labels: dict[str, str]) -> None:
    pool = {"Subnet": network.subnet, "Gateway": network.gateway}
    api.create_network(
        network.name,
        driver="bridge",
        options={"com.docker.network.bridge.name": network.bridge},
        ipam={"Driver": "default", "Config": [pool]},
        internal=network.internal,
        labels=labels,
    )
