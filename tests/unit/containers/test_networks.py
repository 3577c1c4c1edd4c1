"""Names, subnets and packet filter rules of container networks."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from boatyard.containers import networks
from boatyard.containers.errors import EngineError
from boatyard.containers.specification import Network

NETWORK = Network("job", "10.192.0.1", "10.192.0.0/26", "boatabcd123456")


def test_interface_names_fit_the_kernel_and_differ() -> None:
    name = networks.bridge_name("0123456789", "a" * 128)
    assert len(name) <= 15
    assert len({name, networks.anchor_name(name), networks.peer_name(name)}) == 3
    assert networks.bridge_name("0123456789", "b") != networks.bridge_name("9123456789", "b")


def test_a_subnet_is_the_same_again_until_it_is_taken() -> None:
    first = networks.free_subnet("seed", [])
    assert networks.free_subnet("seed", []) == first
    second = networks.free_subnet("seed", [first.supernet()])
    assert not second.overlaps(first)
    assert second.subnet_of(networks.POOL)


def test_no_free_subnet_is_said() -> None:
    with pytest.raises(EngineError, match="No free subnet"):
        networks.free_subnet("seed", [IPv4Network("10.0.0.0/8")])


def test_rules_lead_to_the_gateway_and_to_nothing_else_on_loopback() -> None:
    text = networks.rules("BOATYARD-x", [NETWORK], 4566)
    assert "-A BOATYARD-x-R -i boatabcd123456 -d 127.0.0.0/8 -j DROP" in text
    assert "-d 169.254.170.2/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 127.0.0.1:4566" in text
    assert "-d 10.192.0.1/32 -p tcp -m tcp --dport 4566 -j DNAT --to-destination 127.0.0.1:4566" in text
    assert text.index("-o boatabcd123456 -j RETURN") < text.index("-o boat+ -j DROP")


def test_of_the_machine_only_the_gateway_and_the_doors_are_open() -> None:
    text = networks.rules("B", [NETWORK], 4566, [("192.168.0.9", "udp", 53)])
    lines = [line for line in text.splitlines() if line.startswith("-A B-I -i boatabcd123456")]
    assert [line.partition(" -j ")[2].split()[0] for line in lines] == ["ACCEPT", "ACCEPT", "ACCEPT", "REJECT", "DROP"]
    assert "-d 127.0.0.1/32 -p tcp -m tcp --dport 4566" in lines[0]
    assert "--ctstate ESTABLISHED,RELATED" in lines[1]
    assert "-d 192.168.0.9/32 -p udp -m udp --dport 53" in lines[2]
    assert "-A B-R -i boatabcd123456 ! -s 10.192.0.0/26 -j DROP" in text
    assert "-A B-F -o boatabcd123456 -j DROP" in text


def test_doors_are_name_servers_and_proxies_with_addresses_outside_loopback(tmp_path: Path) -> None:
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("search lan\nnameserver 127.0.0.53\nnameserver 192.168.0.1\nnameserver fd00::1\nnameserver\n")
    variables = {
        "https_proxy": "http://192.168.0.2:3128",
        "HTTP_PROXY": "192.168.0.3",
        "ftp_proxy": "http://localhost:1",
        "all_proxy": "http://192.168.0.4:notaport",
        "no_proxy": "192.168.0.5",
    }
    assert networks.doors(variables, [resolver, tmp_path / "missing"]) == [
        ("192.168.0.1", "tcp", 53),
        ("192.168.0.1", "udp", 53),
        ("192.168.0.2", "tcp", 3128),
        ("192.168.0.3", "tcp", 80),
    ]


def test_rules_without_networks_still_empty_the_chains() -> None:
    text = networks.rules("BOATYARD-x", [], 4566)
    assert ":BOATYARD-x-N - [0:0]" in text
    assert "-A" not in text
