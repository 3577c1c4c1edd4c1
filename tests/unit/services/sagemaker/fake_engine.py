"""An engine whose containers are functions in threads, so that workflows are tested without a container engine."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from boatyard.containers.errors import EngineError, EngineUnavailable
from boatyard.containers.reach import Reach
from boatyard.containers.specification import ContainerSpecification, Exit, LogLine


class FakeContainer:
    """A container that runs `program(container)`; what it returns is its exit code."""

    def __init__(self, engine: FakeEngine, specification: ContainerSpecification) -> None:
        self.engine = engine
        self.id = uuid.uuid4().hex
        self.name = specification.name
        self.specification = specification
        self.lines: list[LogLine] = []
        self.stopped = threading.Event()
        self.ended = threading.Event()
        self.exit: Exit | None = None
        self.address = "127.0.0.1"

    def root(self, target: str = "/opt/ml") -> Path:
        """The folder of this machine that is mounted at `target`."""
        return next(mount.source for mount in self.specification.mounts if mount.target == target)

    def print(self, text: str) -> None:
        """Writes a line to the container's log."""
        self.lines.append(LogLine(datetime.now(UTC), "stdout", text))

    def begin(self, program: Callable[[FakeContainer], int | Exit]) -> None:
        def run() -> None:
            try:
                result = program(self)
            except OSError as error:
                self.print(f"the fake container failed: {error}")
                result = 99
            self.exit = result if isinstance(result, Exit) else Exit(result)
            self.ended.set()

        threading.Thread(target=run, daemon=True).start()

    @property
    def running(self) -> bool:
        self.engine.answer()
        return not self.ended.is_set()

    @property
    def may_have_ended(self) -> bool:
        return True  # ask each time: a program chooses its address while it runs

    def reach(self) -> Reach | None:
        return Reach(self.address) if self.running else None

    def wait(self, timeout: float | None = None) -> Exit | None:
        self.engine.answer()
        self.ended.wait(timeout)
        self.engine.answer()
        return self.exit if self.ended.is_set() else None

    def logs(self, follow: bool = True) -> Iterator[LogLine]:
        self.engine.answer()
        if follow:
            while not self.ended.wait(0.02):
                self.engine.answer()
        yield from list(self.lines)

    def stop(self, grace_seconds: int = 10) -> None:
        self.engine.answer()
        self.stopped.set()
        self.ended.wait(10)

    def remove(self) -> None:
        self.stopped.set()
        self.engine.made.pop(self.name, None)


class FakeEngine:
    """Programs by image id; `down` makes the engine not answer."""

    def __init__(self) -> None:
        self.programs: dict[str, Callable[[FakeContainer], int | Exit]] = {}
        self.made: dict[str, FakeContainer] = {}
        self.started: list[ContainerSpecification] = []
        self.removed_networks: list[str] = []
        self.down = threading.Event()
        self.port = 8080

    def answer(self) -> None:
        if self.down.is_set():
            raise EngineUnavailable("The container engine does not answer: broken pipe")

    def start(self, specification: ContainerSpecification) -> FakeContainer:
        self.answer()
        if specification.name in self.made:
            return self.made[specification.name]
        program = self.programs.get(specification.image)
        if program is None:
            raise EngineError("executable file `train` not found in $PATH: No such file or directory")
        container = FakeContainer(self, specification)
        self.made[specification.name] = container
        self.started.append(specification)
        container.begin(program)
        return container

    def find(self, name: str) -> FakeContainer | None:
        self.answer()
        return self.made.get(name)

    def containers(self, labels: dict[str, str] | None = None) -> list[FakeContainer]:
        self.answer()
        wanted = (labels or {}).items()
        return [c for c in list(self.made.values()) if wanted <= dict(c.specification.labels).items()]

    def has_image(self, image: str) -> bool:
        return True

    def network(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, gateway="10.0.0.1", subnet="10.0.0.0/24")

    def remove_network(self, name: str) -> None:
        self.removed_networks.append(name)

    def close(self) -> None:
        """Nothing is held."""
