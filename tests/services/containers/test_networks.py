"""What containers can reach: the gateway and the outside, but not one another nor the host's loopback."""

from __future__ import annotations

import subprocess

from boatyard.containers import networks
from boatyard.containers.engine import Engine
from tests.server import unique
from tests.services.containers.conftest import Run, said


def test_the_gateway_and_the_credentials_address_are_reached_under_the_containers_own_address(
    engine: Engine, run: Run
) -> None:
    network = engine.network(unique("net"))
    urls = [f"http://{network.gateway}:{engine.port}/one", "http://169.254.170.2/two"]
    wrote = said(run("curl", "-sS", "--max-time", "60", *urls, network=network.name)).splitlines()
    assert [line.split()[:2] for line in wrote] == [["gateway", "/one"], ["gateway", "/two"]]
    prefix = network.gateway.rpartition(".")[0]
    assert all(line.split()[2].startswith(prefix) for line in wrote)


def test_loopback_and_instance_metadata_are_refused(engine: Engine, run: Run) -> None:
    network = engine.network(unique("net"))
    for url in (f"http://127.0.0.1:{engine.port}/", "http://169.254.169.254/latest/meta-data/"):
        ended = run("curl", "-sS", "--max-time", "60", url, network=network.name).wait(120)
        assert ended is not None
        assert ended.code == 7


def test_a_workload_does_not_reach_another(engine: Engine, run: Run) -> None:
    script = "import http.server;print('up',flush=True);http.server.test(port=8080)"
    serving = run("python3", "-uc", script, network=engine.network(unique("net")).name)
    assert next(serving.logs()).text == "up"
    ask = ("curl", "-sS", "--max-time", "60", "--retry", "0", f"http://{serving.address}:8080/")
    ended = run(*ask, network=engine.network(unique("net")).name).wait(120)
    assert ended is not None
    assert ended.code == 7


def test_an_internal_network_reaches_the_gateway_only(engine: Engine, run: Run) -> None:
    network = engine.network(unique("inside"), internal=True)
    url = f"http://{network.gateway}:{engine.port}/in"
    assert "gateway /in" in said(run("curl", "-sS", url, network=network.name))
    assert "00000000\t" + "0" not in said(run("grep", "UG", "/proc/net/route", network=network.name))


def test_what_a_crash_leaves_of_a_bridge_is_completed_or_removed(engine: Engine, run: Run) -> None:
    name = unique("net")
    kept, gone = (networks.bridge_name(engine._networks._identity, each) for each in (name, unique("removed")))
    for bridge in (kept, gone):
        subprocess.run(["ip", "link", "add", bridge, "type", "bridge"], check=True)
    network = engine.network(name)
    url = f"http://{network.gateway}:{engine.port}/again"
    assert "gateway /again" in said(run("curl", "-sS", "--max-time", "60", url, network=name))
    engine._networks.refresh()
    assert kept in networks.bridges(engine._networks._identity)
    assert gone not in networks.bridges(engine._networks._identity)


def test_what_a_cut_off_removal_leaves_goes_without_a_start(engine: Engine, run: Run) -> None:
    """Killed between the network's removal and its bridge's; the next server may never start a container."""
    kept, gone = (engine.network(unique("net")) for _ in range(2))
    engine._networks._remove(gone.name)
    again = Engine(engine.data_directory, environments_directory=engine.environments.directory, port=engine.port)
    try:
        again.tidy_networks()
    finally:
        again.close()
    assert kept.bridge in networks.bridges(engine.identity)
    assert gone.bridge not in networks.bridges(engine.identity)
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    assert (kept.bridge in rules, gone.bridge in rules) == (True, False)
