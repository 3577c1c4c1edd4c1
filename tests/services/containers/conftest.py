"""What the tests of the engine share: one engine with its own data directory, destroyed at the end."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boatyard.containers.container import Container
from boatyard.containers.engine import Engine
from boatyard.containers.specification import ContainerSpecification
from boatyard.settings import Settings
from tests.server import unique

Run = Callable[..., Container]


class Gateway(http.server.BaseHTTPRequestHandler):
    """Stands where the server would: answers with the path asked for and the address it was asked from."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"gateway {self.path} {self.client_address[0]}\n".encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def gateway_port() -> Iterator[int]:
    """The port of something on the host's loopback that containers are led to."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, gateway_port: int) -> Iterator[Engine]:
    """An engine on a data directory of its own, with the environments that setup has built."""
    directory = tmp_path_factory.mktemp("engine")
    made = Engine(directory, environments_directory=Settings().environments_directory.absolute(), port=gateway_port)
    yield made
    made.destroy()


@pytest.fixture
def run(engine: Engine) -> Iterator[Run]:
    """Starts containers that are removed after the test: run("command", image="base", ...)."""
    started: list[Container] = []

    def start(*command: str, **options: object) -> Container:
        values: dict[str, object] = {"name": unique("test"), "image": "base"} | options
        specification = ContainerSpecification(command=command, **values)  # type: ignore[arg-type]
        container = engine.start(specification)
        started.append(container)
        return container

    yield start
    for container in started:
        container.remove()


def said(container: Container) -> str:
    """All that a container wrote, once it has ended."""
    assert container.wait(120) is not None
    return "\n".join(line.text for line in container.logs(follow=False))


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """A directory for mounts."""
    return tmp_path
