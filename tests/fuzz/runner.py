"""Sends planned requests to a server from several threads and holds every answer to what a server owes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.fuzz import world as worlds
from tests.fuzz.plan import Planned, planned
from tests.fuzz.world import World
from tests.raw_http import Answer, ConnectionEnded, RawConnection
from tests.server import RunningServer

HANGS_AFTER = 120.0
"""Seconds after which a request counts as hanging."""
_NOT_HTTP = b"Invalid HTTP request received."
_NO_ENGINE = "No container engine answers"
"""What work that needs containers says here: there are none, so that requests start none."""
_MOST_FAILURES = 25
_REQUEST_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Failure:
    """An answer that no request may get, and how to ask for it again."""

    what: str
    label: str
    index: int
    sent: bytes
    got: str

    def __str__(self) -> str:
        """All of it, cut where it is long."""
        return f"{self.what}: {self.label} (number {self.index})\n  sent {self.sent[:1500]!r}\n  got {self.got[:1500]}"


@dataclass
class Figures:
    """What a run came to."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Failure] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def requests(self) -> int:
        """How many were sent."""
        return sum(self.answers.values())


class Fuzzer:
    """One server under one seed. With one thread a run is the same every time; with more, requests meet."""

    def __init__(self, server: RunningServer, seed: int, threads: int) -> None:
        self.server = server
        self.seed = seed
        self.threads = threads
        self.figures = Figures()
        self._lock = threading.Lock()
        self._log_seen = 0

    def run(self, numbers: range) -> None:
        """Fill the empty server, send these, and empty it again."""
        world = worlds.make(self.server)
        started = time.monotonic()
        pending = iter(numbers)
        threads = [threading.Thread(target=self._work, args=(pending, world)) for _ in range(self.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.figures.seconds += time.monotonic() - started
        self.server.reset()
        self._read_log(numbers)

    def _work(self, pending: object, world: World) -> None:
        connection: RawConnection | None = None
        while len(self.figures.failures) < _MOST_FAILURES:
            with self._lock:
                index = next(pending, None)  # type: ignore[call-overload]
            if index is None:
                break
            request = planned(self.seed, index, world)
            if request.protocol is None or connection is None:
                if connection is not None:
                    connection.close()
                connection = RawConnection(self.server.port, HANGS_AFTER)
            connection = self._exchange(connection, request)
        if connection is not None:
            connection.close()

    def _exchange(self, connection: RawConnection, request: Planned) -> RawConnection | None:
        """Send one and check its answer; the connection if it can be used again."""
        wire = request.garbage
        try:
            connection.send(wire.data)
            if wire.half_closes:
                connection.finish_sending()
            if wire.ends:
                self._count("not waited for")
                connection.close()
                return None
            for _ in range(wire.answers):
                answer = connection.answer(wire.method)
                self._check(request, answer)
                if answer.closes:
                    break
        except TimeoutError:
            self._fail("no answer within two minutes", request, "nothing")
        except ConnectionEnded:
            if request.protocol is not None:
                self._fail("the connection was ended without an answer", request, "nothing")
            else:
                self._count("connection ended")
        else:
            if not answer.closes and request.protocol is not None:
                return connection
        connection.close()
        return None

    def _count(self, what: str) -> None:
        with self._lock:
            self.figures.answers[what] += 1

    def _fail(self, what: str, request: Planned, got: str) -> None:
        failure = Failure(what, request.label, request.index, request.garbage.data, got)
        with self._lock:
            self.figures.failures.setdefault(f"{what} {request.label.partition(' (')[0]}", failure)

    def _check(self, request: Planned, answer: Answer) -> None:
        self._count(str(answer.status))
        if answer.status >= 500 and not _is_owed(answer):
            self._fail(f"status {answer.status}", request, repr(answer))
        elif answer.status >= 400 and request.protocol is not None and not _is_error(request, answer):
            self._fail("an error that cannot be read", request, repr(answer))
        elif answer.status == 200 and request.protocol == "query" and _xml(answer.body) is None:
            self._fail("an answer that is no XML", request, repr(answer))

    def _read_log(self, numbers: range) -> None:
        """Whatever the server says went wrong behind its answers."""
        log = self.server.data_directory / "logs" / "server.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        new, self._log_seen = text[self._log_seen :] if len(text) >= self._log_seen else text, len(text)
        for found in re.finditer(r"Traceback .*?\n(?=\S*\d{4}-\d\d-\d\d |\Z)", new, re.DOTALL):
            before = new[max(0, found.start() - 400) : found.start()].rpartition("\n20")[2]
            told = found.group()
            if _NO_ENGINE in told:
                continue
            failure = Failure(
                "a traceback in the server's log", "", numbers.start, b"", f"20{before}{told[:200]}...{told[-1200:]}"
            )
            self.figures.failures.setdefault(f"traceback {_last_line(told)}", failure)
        if not self.server.alive:
            self.figures.failures["ended"] = Failure("the server has ended", "", numbers.start, b"", "")


def _last_line(traceback: str) -> str:
    lines = [line for line in traceback.splitlines() if line and not line.startswith(" ")]
    return _REQUEST_ID.sub("", lines[-1])[:150] if lines else ""


def _is_owed(answer: Answer) -> bool:
    """Whether a 5xx is right: what boatyard does not do, or cannot do without the engine that is not there."""
    if answer.status == 501:
        return b"NotImplemented" in answer.body or answer.headers.get("x-amzn-errortype") == "NotImplemented"
    return _NO_ENGINE.encode() in answer.body


def _is_error(request: Planned, answer: Answer) -> bool:
    """Whether the answer is an error with a code, as the protocol writes it."""
    if not answer.body:
        return request.garbage.method == "HEAD"
    if answer.body == _NOT_HTTP:
        return True
    if request.protocol in ("query", "rest-xml"):
        return _has_code(answer.body)
    if request.protocol == "any":
        return _has_code(answer.body) or b"__type" in answer.body or "x-amzn-errortype" in answer.headers
    if request.protocol == "smithy-rpc-v2-cbor":
        return b"__type" in answer.body
    try:
        return isinstance(json.loads(answer.body), dict) and "x-amzn-errortype" in answer.headers
    except ValueError:
        return False


def _xml(body: bytes) -> ET.Element | None:
    try:
        return ET.fromstring(body)
    except ET.ParseError:
        return None


def _has_code(body: bytes) -> bool:
    root = _xml(body)
    return root is not None and any(node.tag.rpartition("}")[2] == "Code" and node.text for node in root.iter())


def resident(pid: int) -> int:
    """A process's memory, in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def kept(directory: Path) -> int:
    """Bytes in a data directory, its logs (which are rotated) apart; what goes away meanwhile counts nothing.

    Nor do SQLite's logs of writes, which are as long as the server was last busy.
    """
    sizes = 0
    for folder, _, names in os.walk(directory):
        for name in names if "logs" not in Path(folder).relative_to(directory).parts else ():
            if name.endswith("-wal"):
                continue
            with contextlib.suppress(FileNotFoundError):
                sizes += (Path(folder) / name).stat().st_size
    return sizes
