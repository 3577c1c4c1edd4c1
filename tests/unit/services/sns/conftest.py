"""An HTTP endpoint on this machine that keeps what it is sent."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass
class Endpoint:
    """Where it listens, what came, and what it answers next."""

    url: str = ""
    received: queue.Queue[tuple[dict[str, str], str]] = field(default_factory=queue.Queue)
    answers: list[int] = field(default_factory=list)

    def next(self) -> tuple[dict[str, str], str]:
        """The next request's headers and body."""
        return self.received.get(timeout=120)

    def next_json(self) -> dict[str, Any]:
        """The next request's body, parsed."""
        found: dict[str, Any] = json.loads(self.next()[1])
        return found


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint that answers 200 unless told otherwise."""
    kept = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send_response(kept.answers.pop(0) if kept.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            kept.received.put(({key.lower(): value for key, value in self.headers.items()}, body))

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join(30)
