"""A bridge of its own for each workload, walled off from the others, with a door to boatyard's gateway.

Containers reach the AWS API at their gateway's address and credentials at 169.254.170.2 port 80; both are led
to the server's loopback port by the kernel, so that the server itself listens on loopback only.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from boatyard.containers.errors import EngineError
from boatyard.containers.specification import Network
from boatyard.containers.workloads import host_environment

CREDENTIALS_ADDRESS = "169.254.170.2"
POOL = ipaddress.IPv4Network("10.192.0.0/11")
PREFIX_LENGTH = 26
BRIDGE_PREFIX = "boat"
RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))

Door = tuple[str, str, int]
"""An address of the machine, "tcp" or "udp", and a port."""


def bridge_name(identity: str, network: str) -> str:
    """The bridge of a network: 14 characters (15 are allowed), told by data directory and name."""
    return f"{BRIDGE_PREFIX}{identity[:4]}{hashlib.sha256(network.encode()).hexdigest()[:6]}"


def taken_subnets() -> list[ipaddress.IPv4Network]:
    """The IPv4 networks that this machine has a route to."""
    found = []
    for route in json.loads(_command("ip", "-json", "-4", "route", "show", "table", "all") or "[]"):
        destination = str(route.get("dst", ""))
        everywhere = destination in {"", "default", "0.0.0.0/0"}
        if not everywhere and route.get("type") in {None, "unicast"}:
            found.append(ipaddress.IPv4Network(destination, strict=False))
    return found


def free_subnet(seed: str, taken: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """A subnet that overlaps none of those taken, the same one for the same seed where it is free."""
    occupied = list(taken)
    size = 1 << (32 - PREFIX_LENGTH)
    count = POOL.num_addresses // size
    first = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")
    for step in range(count):
        start = int(POOL.network_address) + (first + step) % count * size
        candidate = ipaddress.IPv4Network((start, PREFIX_LENGTH))
        if not any(candidate.overlaps(other) for other in occupied):
            return candidate
    raise EngineError(f"No free subnet is left in {POOL} for a container network: remove unused networks.")


def raise_bridge(network: Network) -> None:
    """Make the bridge before any container is on it, and keep it when the last one leaves.

    One that a crash has left half made is completed.
    """
    if _is_up(network.bridge):
        _seal(network.bridge)
        return
    length = network.subnet.partition("/")[2]
    anchor = anchor_name(network.bridge)
    if not _interface(network.bridge).exists():
        _command("ip", "link", "add", network.bridge, "type", "bridge")
    try:
        _command("ip", "addr", "replace", f"{network.gateway}/{length}", "dev", network.bridge)
        if not _interface(anchor).exists():
            _command("ip", "link", "add", anchor, "type", "veth", "peer", "name", peer_name(network.bridge))
        _command("ip", "link", "set", anchor, "master", network.bridge, "up")
        _command("ip", "link", "set", peer_name(network.bridge), "up")
        _seal(network.bridge)
        # The last of all: who finds it up finds it whole.
        _command("ip", "link", "set", network.bridge, "up")
    except (EngineError, OSError):
        lower_bridge(network.bridge)
        raise


def _seal(bridge: str) -> None:
    """Set how the kernel takes what comes in on a bridge."""
    # Lets packets be led to 127.0.0.1; the raw table drops those that were sent there.
    Path(f"/proc/sys/net/ipv4/conf/{bridge}/route_localnet").write_text("1")
    # By IPv6 link-local addresses, which come by themselves, a workload would reach the machine past the rules.
    for interface in (bridge, anchor_name(bridge), peer_name(bridge)):
        switch = Path(f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6")
        if switch.exists():
            switch.write_text("1")


def lower_bridge(bridge: str) -> None:
    """Remove a bridge and what keeps it up; harmless when they are gone."""
    for name in (anchor_name(bridge), bridge):
        if _interface(name).exists():
            _command("ip", "link", "del", name)


def bridges(identity: str) -> list[str]:
    """The bridges on this machine that bear a data directory's mark, and those of which only the anchor is left."""
    mark = bridge_name(identity, "")[:8]
    anchored = {
        link.name.replace(anchor_name(BRIDGE_PREFIX), BRIDGE_PREFIX, 1)
        for link in _interface("").glob(f"{anchor_name(mark)}*")
    }
    return sorted({link.name for link in _interface("").glob(f"{mark}*")} | anchored)


def _interface(name: str) -> Path:
    return Path("/sys/class/net") / name


def _is_up(name: str) -> bool:
    try:
        return bool(int((_interface(name) / "flags").read_text(), 16) & 1)
    except FileNotFoundError:
        return False


def anchor_name(bridge: str) -> str:
    """The interface on a bridge that keeps it in existence when no container is."""
    return bridge.replace(BRIDGE_PREFIX, "banc", 1)


def peer_name(bridge: str) -> str:
    """The other end of the anchor, which leads nowhere."""
    return bridge.replace(BRIDGE_PREFIX, "bpee", 1)


def rules(chain: str, networks: Iterable[Network], port: int, doors: Iterable[Door] = ()) -> str:
    """The packet filter's rules for these networks, as iptables-restore reads them.

    Of the machine itself a workload reaches the gateway's port and the `doors`; the machine reaches it, nobody else.
    """
    raw, nat, into, forward = [], [], [], []
    opened = [f"-d {address}/32 -p {kind} -m {kind} --dport {number}" for address, kind, number in doors]
    for network in networks:
        name, gateway = network.bridge, network.gateway
        raw.append(f"-A {chain}-R -i {name} -d 127.0.0.0/8 -j DROP")
        raw.append(f"-A {chain}-R -i {name} ! -s {network.subnet} -j DROP")
        for address, dport in ((CREDENTIALS_ADDRESS, 80), (gateway, port), (gateway, 80)):
            nat.append(
                f"-A {chain}-N -i {name} -d {address}/32 -p tcp -m tcp --dport {dport} "
                f"-j DNAT --to-destination 127.0.0.1:{port}"
            )
        into.append(f"-A {chain}-I -i {name} -d 127.0.0.1/32 -p tcp -m tcp --dport {port} -j ACCEPT")
        into.append(f"-A {chain}-I -i {name} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")
        into += [f"-A {chain}-I -i {name} {door} -j ACCEPT" for door in opened]
        into += _refused(f"-A {chain}-I -i {name}")
        forward += _refused(f"-A {chain}-F -i {name} -d 169.254.0.0/16")
        forward.append(f"-A {chain}-F -i {name} -o {name} -j RETURN")
        forward += _refused(f"-A {chain}-F -i {name} -o {BRIDGE_PREFIX}+")
        forward.append(f"-A {chain}-F -o {name} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN")
        forward += _refused(f"-A {chain}-F -o {name}")
    parts = [
        ["*raw", f":{chain}-R - [0:0]", *raw, "COMMIT"],
        ["*nat", f":{chain}-N - [0:0]", *nat, "COMMIT"],
        ["*filter", f":{chain}-I - [0:0]", f":{chain}-F - [0:0]", *into, *forward, "COMMIT"],
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def _refused(match: str) -> list[str]:
    """Rules that refuse connections at once, so that nothing waits for an answer, and drop all else."""
    return [f"{match} -p tcp -j REJECT --reject-with tcp-reset", f"{match} -j DROP"]


def doors(variables: Mapping[str, str], resolvers: Iterable[Path] = RESOLVERS) -> list[Door]:
    """What of the machine's own services workloads need: name servers and proxies on its addresses, not on loopback."""
    found: set[Door] = set()
    for path in resolvers:
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        for line in lines:
            parts = line.split()
            if len(parts) > 1 and parts[0] == "nameserver" and _outside_loopback(parts[1]):
                found |= {(parts[1], "udp", 53), (parts[1], "tcp", 53)}
    for name, value in variables.items():
        if name.lower().endswith("_proxy") and name.lower() != "no_proxy":
            with contextlib.suppress(ValueError):  # no address, or no port
                place = urlsplit(value if "://" in value else f"http://{value}")
                if _outside_loopback(place.hostname or ""):
                    found.add((str(place.hostname), "tcp", place.port or 80))
    return sorted(found)


def _outside_loopback(text: str) -> bool:
    try:
        return not ipaddress.IPv4Address(text).is_loopback
    except ValueError:
        return False


def chain_name(identity: str) -> str:
    """The beginning of the names of a data directory's chains."""
    return f"BOATYARD-{identity}"


def hooks(chain: str) -> list[tuple[str, str, str]]:
    """(table, built-in chain, own chain) of each place where boatyard's rules are entered."""
    return [
        ("raw", "PREROUTING", f"{chain}-R"),
        ("nat", "PREROUTING", f"{chain}-N"),
        ("filter", "INPUT", f"{chain}-I"),
        ("filter", "FORWARD", f"{chain}-F"),
    ]


def apply_rules(chain: str, networks: Iterable[Network], port: int) -> None:
    """Replace the data directory's rules with those of its present networks, in one step."""
    text = rules(chain, networks, port, doors(host_environment()))
    _command("iptables-restore", "--wait", "10", "--noflush", input_text=text)
    for table, builtin, own in hooks(chain):
        if not _succeeds("iptables", "-w", "10", "-t", table, "-C", builtin, "-j", own):
            _command("iptables", "-w", "10", "-t", table, "-I", builtin, "1", "-j", own)


def remove_rules(chain: str) -> None:
    """Remove every rule and chain of the data directory; harmless when there are none."""
    for table, builtin, own in hooks(chain):
        while _succeeds("iptables", "-w", "10", "-t", table, "-D", builtin, "-j", own):
            pass
        _succeeds("iptables", "-w", "10", "-t", table, "-F", own)
        _succeeds("iptables", "-w", "10", "-t", table, "-X", own)


def _find(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin")
    if path is None:
        raise EngineError(f"The command {name} is not installed: run `boatyard setup`, which installs it.")
    return path


def _succeeds(*command: str) -> bool:
    done = subprocess.run([_find(command[0]), *command[1:]], capture_output=True, check=False, timeout=60)
    return done.returncode == 0


def _command(*command: str, input_text: str | None = None) -> str:
    done = subprocess.run(
        [_find(command[0]), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        input=input_text,
    )
    if done.returncode != 0:
        raise EngineError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout
