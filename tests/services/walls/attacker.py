"""What a workload that means harm tries from inside its container; standard library only, so that it runs in any.

It is told its targets as JSON and answers with JSON: what each attempt came to. It judges nothing itself.
"""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import ctypes
import http.client
import http.server
import json
import os
import pathlib
import resource
import socket
import stat
import sys
import threading
from collections.abc import Callable
from typing import Any

SECONDS = 3.0
REACHED = "REACHED"


def attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns, or why it failed."""
    try:
        return function(*arguments)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"failed: {type(error).__name__}: {error}"


def connect(host: str, port: int) -> str:
    """Whether a TCP connection can be made, and what comes first."""
    with socket.create_connection((host, port), SECONDS) as made:
        made.settimeout(SECONDS)
        with contextlib.suppress(OSError):
            made.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return f"{REACHED} {made.recv(200)!r}"
        return REACHED


def datagram(host: str, port: int) -> str:
    """Whether a UDP datagram is answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(SECONDS)
        made.sendto(b"hello", (host, port))
        return f"{REACHED} {made.recv(200)!r}"


def local(name: str) -> str:
    """Whether a socket of this kernel answers: a path, or an abstract name that begins with @."""
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(SECONDS)
        made.connect("\0" + name[1:] if name.startswith("@") else name)
        return REACHED


def ask(url: str, headers: dict[str, str]) -> list[Any]:
    """The status and the beginning of the answer to a GET."""
    place, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(place, timeout=50)
    try:
        connection.request("GET", "/" + path, headers=headers)
        answer = connection.getresponse()
        return [answer.status, answer.read(4000).decode("utf-8", "replace")]
    finally:
        connection.close()


def gateway() -> tuple[str, str]:
    """The address of the default gateway, and the interface that leads to it."""
    for line in pathlib.Path("/proc/net/route").read_text().splitlines()[1:]:
        interface, destination, address = line.split()[:3]
        if destination == "00000000":
            return socket.inet_ntoa(bytes.fromhex(address)[::-1]), interface
    raise OSError("there is no way out")


def link_local(port: int) -> str:
    """The gateway by the IPv6 address that it would have by itself on this network."""
    address, interface = gateway()
    attempt(connect, address, 9)
    for line in pathlib.Path("/proc/net/arp").read_text().splitlines()[1:]:
        if line.split()[0] == address:
            parts = [int(part, 16) for part in line.split()[3].split(":")]
            parts[0] ^= 2
            whole = [*parts[:3], 0xFF, 0xFE, *parts[3:]]
            groups = [f"{whole[at] << 8 | whole[at + 1]:x}" for at in range(0, 8, 2)]
            target = ("fe80::" + ":".join(groups), port, 0, socket.if_nametoindex(interface))
            with socket.socket(socket.AF_INET6) as made:
                made.settimeout(SECONDS)
                made.connect(target)
                return REACHED
    raise OSError("the gateway has no Ethernet address")


def control_groups() -> dict[str, Any]:
    """The limits of this container: memory in bytes, processes, processors; None where there is none."""
    base = pathlib.Path("/sys/fs/cgroup")

    def read(*names: str) -> list[str]:
        for name in names:
            if (base / name).exists():
                return (base / name).read_text().split()
        return ["max"]

    quota = read("cpu.max", "cpu/cpu.cfs_quota_us")
    period = quota[1:] or read("cpu/cpu.cfs_period_us")
    memory = read("memory.max", "memory/memory.limit_in_bytes")[0]
    pids = read("pids.max", "pids/pids.max")[0]
    return {
        "memory": None if memory == "max" or int(memory) > 1 << 60 else int(memory),
        "pids": None if pids == "max" else int(pids),
        "cpus": None if quota[0] in ("max", "-1") else int(quota[0]) / int(period[0]),
    }


def may_write(path: str) -> str:
    """Open a file for writing; nothing is written, for the day that it can be opened."""
    os.close(os.open(path, os.O_WRONLY))
    return REACHED


def call(name: str, *arguments: Any) -> str:
    """A C library function that says -1 when it may not; what it does happens to a process of its own."""
    library = ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child == 0:
        os._exit(ctypes.get_errno() if getattr(library, name)(*arguments) == -1 else 0)
    failure = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if failure:
        raise OSError(failure, os.strerror(failure))
    return REACHED


def disk() -> str:
    """Make device files of the machine's disks and read from them."""
    read = 0
    for line in pathlib.Path("/proc/partitions").read_text().splitlines()[2:]:
        major, minor, _, name = line.split()
        own = pathlib.Path(f"/tmp/disk-{name}")
        with contextlib.suppress(OSError):
            os.mknod(own, stat.S_IFBLK | 0o600, os.makedev(int(major), int(minor)))
        for path in (own, pathlib.Path("/dev") / name):
            with contextlib.suppress(OSError), path.open("rb") as device:
                read += len(device.read(512))
    if not read:
        raise OSError("no disk can be read")
    return f"{REACHED} {read}"


def more_files() -> str:
    """Raise the limit of open files."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))
    return REACHED


def raw() -> str:
    """A socket for packets of one's own making."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, 1):
        return REACHED


def memory() -> str:
    """Read the machine's memory; where the file is masked there is nothing in it."""
    with pathlib.Path("/proc/kcore").open("rb") as file:
        if not file.read(64):
            raise OSError("there is nothing to read")
    return REACHED


def kernel() -> dict[str, Any]:
    """What only the machine's own root may."""
    return {
        "mount": attempt(call, "mount", b"none", b"/mnt", b"tmpfs", 0, None),
        "host name": attempt(call, "sethostname", b"mine", 4),
        "root": attempt(call, "chroot", b"/tmp"),
        "namespaces": attempt(call, "unshare", 0x00020000),
        "raw socket": attempt(raw),
        "disk": attempt(disk),
        "open files": attempt(more_files),
        "core pattern": attempt(may_write, "/proc/sys/kernel/core_pattern"),
        "sysrq": attempt(may_write, "/proc/sysrq-trigger"),
        "sys": attempt(may_write, "/sys/kernel/mm/transparent_hugepage/enabled"),
        "memory": attempt(memory),
        "kernel log": attempt(lambda: f"{REACHED} {os.open('/dev/kmsg', os.O_RDONLY)}"),
    }


def devices() -> list[str]:
    """The block devices in /dev, and all else that is none of those that every container has."""
    usual = {"fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty"}
    usual |= {"urandom", "zero", "core", "console"}
    return sorted({path.name for path in pathlib.Path("/dev").iterdir()} - usual)


def status() -> dict[str, str]:
    """Capabilities and confinement of this process."""
    wanted = ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Uid")
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return {name: line.split()[1] for line in lines for name in wanted if line.startswith(name + ":")}


def attack(targets: dict[str, Any]) -> dict[str, Any]:
    """Everything, as far as there are targets for it."""
    port = targets.get("canary", 9)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        waiting = {
            "connect": {
                name: pool.submit(attempt, connect, *place) for name, place in targets.get("connect", {}).items()
            },
            "gateway": {"gateway": pool.submit(attempt, lambda: connect(gateway()[0], port))},
            "link local": {"gateway": pool.submit(attempt, link_local, port)},
            "datagram": {
                name: pool.submit(attempt, datagram, *place) for name, place in targets.get("datagram", {}).items()
            },
            "sockets": {name: pool.submit(attempt, local, name) for name in targets.get("sockets", [])},
            "names": {name: pool.submit(attempt, socket.gethostbyname, name) for name in targets.get("names", [])},
            "http": {
                name: pool.submit(attempt, ask, request["url"], request.get("headers", {}))
                for name, request in targets.get("http", {}).items()
            },
        }
        report: dict[str, Any] = {
            kind: {name: each.result() for name, each in made.items()} for kind, made in waiting.items()
        }
    endpoint, own = os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    if endpoint:
        report["permitted"] = {
            "health": attempt(ask, endpoint + "/_boatyard/health", {}),
            "credentials": attempt(ask, f"http://169.254.170.2{own}", {}),
        }
    report["files"] = [path for path in targets.get("files", []) if os.path.lexists(path)]
    report["status"] = status()
    report["limits"] = attempt(control_groups)
    report["kernel"] = kernel()
    report["devices"] = devices()
    report["interfaces"] = sorted(name for _, name in socket.if_nameindex())
    report["processes"] = len([path for path in pathlib.Path("/proc").iterdir() if path.name.isdigit()])
    report["environment"] = dict(os.environ)
    return report


def serve(port: int) -> None:
    """Something for others to reach: answers every request."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"victim")

        def log_message(self, *_: object) -> None:
            pass

    made = http.server.ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()


def endpoint() -> None:
    """A model's container: /ping, and attacks on what an invocation names."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(b"")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(json.dumps(attack(body)).encode())

        def answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """A function: the victim, or an attacker."""
    if "serve" in event:
        serve(event["serve"])
        return {
            "address": socket.gethostbyname(socket.gethostname()),
            "path": os.environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"],
        }
    return attack(event)


def train() -> None:
    """A training job: its targets are in its hyperparameters, its report goes into the model."""
    ml = pathlib.Path("/opt/ml")
    targets = json.loads((ml / "input/config/hyperparameters.json").read_text())["targets"]
    (ml / "model/report.json").write_text(json.dumps(attack(json.loads(targets))))
    print("attacked", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["train"]:
        train()
    elif sys.argv[1:] == ["serve"]:
        endpoint()
    else:
        print(json.dumps(attack(json.loads(base64.b64decode(sys.argv[1])))), flush=True)
