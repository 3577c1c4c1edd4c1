"""Ways to load a server: wrk for a time, a fixed number of requests over plain sockets, and calls of boto3."""

from __future__ import annotations

import http.client
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bench.prepared import Prepared
from bench.samples import alternate, percentile

SCRIPT = Path(__file__).parent / "prepared.lua"
# A server may be slow; what answers never is told as an error.
ANSWERS_WITHIN = 120
# Fewer answers than these on each connection tell nothing: the run is made again, twice as long.
LEAST_ANSWERS = 2
LONGEST_SECONDS = 60
_TOLD = 64 << 10


class LoadFailed(SystemExit):
    """A side did not answer rightly, so that nothing can be said of its speed."""


@dataclass(frozen=True)
class Load:
    """What came of one run: requests and bytes of answers in so many seconds, and latencies in milliseconds."""

    requests: int
    seconds: float
    received: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests in a second."""
        return self.requests / self.seconds

    @property
    def received_rate(self) -> float:
        """MiB of answers in a second, those under way included."""
        return self.received / self.seconds / (1 << 20)


class _Report(msgspec.Struct):
    """The line of prepared.lua: latencies in microseconds, then errors by kind."""

    requests: int
    microseconds: int
    bytes: int
    p50: int
    p99: int
    connect: int
    read: int
    write: int
    status: int
    timeout: int


def parse(output: str, side: str, least_bytes: int = 0) -> Load:
    """What wrk and its script have printed; LoadFailed where a request failed or an answer was too short."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if len(lines) != 1:
        raise LoadFailed(f"wrk did not load {side}:\n{output}")
    report = msgspec.json.decode(lines[0], type=_Report)
    names = ("connect", "read", "write", "status", "timeout")
    errors = {name: getattr(report, name) for name in names if getattr(report, name)}
    if errors:
        told = ", ".join(f"{count} {name}" for name, count in errors.items())
        raise LoadFailed(
            f"{side} failed requests of wrk ({told}; status: answers other than 2xx) of {report.requests}."
        )
    if report.bytes < least_bytes * report.requests:
        raise LoadFailed(f"{side} answered {report.bytes} bytes to {report.requests} requests of {least_bytes} each.")
    return Load(report.requests, report.microseconds / 1e6, report.bytes, report.p50 / 1000, report.p99 / 1000)


@dataclass(frozen=True)
class Wrk:
    """wrk, with one thread: on two processors a second one takes from the server."""

    program: Path
    environment: dict[str, str]

    def run(
        self, side: str, url: str, requests: Path, *, connections: int, seconds: float, least_bytes: int = 0
    ) -> Load:
        """Send prepared requests in turn for so long, each connection as soon as it has its answer."""
        while True:
            load = self._once(side, url, requests, connections, seconds, least_bytes)
            if load.requests >= LEAST_ANSWERS * connections:
                return load
            seconds *= 2
            if seconds > LONGEST_SECONDS:
                raise LoadFailed(f"{side} answered {load.requests} requests of wrk in {load.seconds:.1f} s.")

    def _once(self, side: str, url: str, requests: Path, connections: int, seconds: float, least_bytes: int) -> Load:
        ends = int(seconds) + 1
        command = [str(self.program), "-t1", f"-c{connections}", f"-d{ends}s", f"--timeout={ANSWERS_WITHIN}s"]
        process = subprocess.Popen(
            [*command, "-s", str(SCRIPT), url, "--", str(requests)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line == "started\n":
                break
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            # wrk takes whole seconds; told to stop, it says how long it has run.
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=ANSWERS_WITHIN + ends)
        return parse("".join(said) + output, side, least_bytes)


class _Connection:
    """A kept connection that sends prepared bytes, opened anew where the server closes it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._socket: socket.socket | None = None
        self._buffer = bytearray(1 << 20)

    def send(self, request: Prepared, *, keep: bool = False) -> tuple[int, int, bytes]:
        """The status, the length and the body of the answer; a long body is read, and only its last part given."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=ANSWERS_WITHIN)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request.head)
        if request.body:
            self._socket.sendall(request.body)
        answer = http.client.HTTPResponse(self._socket)
        answer.begin()
        if keep:
            body = answer.read()
            length = len(body)
        else:
            length = part = 0
            while read := answer.readinto(self._buffer):
                length, part = length + read, read
            body = bytes(self._buffer[:part]) if part < _TOLD else b""
        answer.close()
        if answer.will_close:
            self.close()
        return answer.status, length, body

    def close(self) -> None:
        """Close it, where it is open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def answer(side: str, url: str, request: Prepared) -> bytes:
    """The body of one right answer; LoadFailed where it is not 2xx."""
    connection = _Connection(url)
    try:
        status, _, body = connection.send(request, keep=True)
    finally:
        connection.close()
    if not 200 <= status < 300:
        line = request.head.partition(b"\r")[0].decode("latin-1")[:200]
        raise LoadFailed(f"{side} answered {status} to {line}: {body[:500].decode(errors='replace')}")
    return body


def fixed(side: str, url: str, requests: list[Prepared], *, connections: int, least_bytes: int = 0) -> Load:
    """Send each request once, over so many connections at the same time, until all are answered.

    For large bodies: wrk counts only what has ended, so that a short run tells little of what takes long, and reads
    8 KiB at a time, which would be the limit of all sides.
    """
    found: list[list[tuple[float, int]]] = [[] for _ in range(connections)]

    def work(number: int) -> None:
        connection = _Connection(url)
        try:
            for request in requests[number::connections]:
                began = time.perf_counter()
                status, length, body = connection.send(request)
                if not 200 <= status < 300 or length < least_bytes:
                    told = body[:500].decode(errors="replace")
                    raise LoadFailed(f"{side} answered {status} and {length} bytes: {told}")
                found[number].append((time.perf_counter() - began, length))
        finally:
            connection.close()

    spent = together([partial(work, number) for number in range(connections)])
    return _load([each for part in found for each in part], spent)


def calls(call: Callable[[int, int], int], *, threads: int, seconds: float) -> Load:
    """Call boto3 for so long from so many threads; `call` gets the thread and the count, and gives the bytes it got."""
    found: list[list[tuple[float, int]]] = [[] for _ in range(threads)]

    def work(number: int) -> None:
        ends = time.perf_counter() + seconds
        while (began := time.perf_counter()) < ends:
            received = call(number, len(found[number]))
            found[number].append((time.perf_counter() - began, received))

    spent = together([partial(work, number) for number in range(threads)])
    return _load([each for part in found for each in part], spent)


def _load(found: list[tuple[float, int]], spent: float) -> Load:
    latencies = [latency * 1000 for latency, _ in found]
    received = sum(size for _, size in found)
    return Load(len(found), spent, received, percentile(latencies, 0.5), percentile(latencies, 0.99))


def together(works: list[Callable[[], None]]) -> float:
    """Seconds until all are done, each in a thread; the first failure is raised."""
    began = time.perf_counter()
    with ThreadPoolExecutor(len(works)) as pool:
        for each in [pool.submit(work) for work in works]:
            each.result()
    return time.perf_counter() - began


def in_turn(sides: Mapping[str, Callable[[], Load]], runs: int) -> dict[str, list[Load]]:
    """Every side's counted runs, measured A B A B after a warm-up."""
    kept: dict[str, list[Load]] = {side: [] for side in sides}

    def keeping(side: str) -> Callable[[], float]:
        def measure() -> float:
            load = sides[side]()
            kept[side].append(load)
            return load.rate

        return measure

    alternate({side: keeping(side) for side in sides}, runs)
    return {side: loads[-runs:] for side, loads in kept.items()}


def latency(loads: dict[str, list[Load]]) -> dict[str, tuple[float, float]]:
    """Each side's medians of p50 and p99, in milliseconds."""
    return {
        side: (statistics.median(each.p50 for each in runs), statistics.median(each.p99 for each in runs))
        for side, runs in loads.items()
    }
