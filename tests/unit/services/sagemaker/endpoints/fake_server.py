"""A serving container for the fake engine: a real HTTP server on a loopback address of its own."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.unit.services.sagemaker.fake_engine import FakeContainer

_addresses = itertools.count(1)


def serving(answer: str, *, ping: int = 200, delay: float = 0.0) -> Callable[[FakeContainer], int]:
    """A program that answers /ping with `ping` and /invocations with `answer`, `delay` seconds later.

    The request's body decides: a number is answered with that status, `crash` ends the container.
    """

    def program(container: FakeContainer) -> int:
        crash = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.reply(ping, b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                time.sleep(delay)
                if body == "crash":
                    crash.set()
                    container.stopped.set()
                    self.close_connection = True
                self.reply(int(body) if body.isdigit() else 200, f"{answer}:{body}".encode())

            def reply(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", self.headers.get("Accept") or "text/plain")
                self.send_header("Content-Length", str(len(content)))
                if custom := self.headers.get("X-Amzn-SageMaker-Custom-Attributes"):
                    self.send_header("X-Amzn-SageMaker-Custom-Attributes", custom)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                container.print(format % args)

        number = next(_addresses)
        address = f"127.77.{number // 250}.{number % 250 + 1}"
        server = ThreadingHTTPServer((address, container.engine.port), Handler)
        server.daemon_threads = True
        container.address = address
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        container.stopped.wait()
        server.shutdown()
        server.server_close()
        thread.join()
        return 1 if crash.is_set() else 0

    return program
