"""The server process: one installation, one event loop, one socket on loopback.

Run as `python -m boatyard.gateway.server`; settings come from BOATYARD_* and the configuration file.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import logging.handlers
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import uvicorn

from boatyard.api.installation import DataDirectoryInUse, Installation
from boatyard.api.processes import identity
from boatyard.gateway import memory
from boatyard.keeping import cleaning
from boatyard.settings import Settings
from boatyard.state import space

log = logging.getLogger(__name__)

_BACKLOG = 2048
_EPHEMERAL = "ephemeral"
_END_WITHIN = 8.0


class CannotStart(Exception):
    """The server cannot start; the message says why and what to do."""


def listening_socket(address: str, port: int) -> socket.socket:
    """A bound socket; CannotStart names the way out when the port is taken."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((address, port))
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"Port {port} on {address} is taken by another program. Stop that program ('ss -ltnp sport = :{port}'"
                " names it), or choose another port with --port or BOATYARD_PORT."
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise CannotStart(
                f"Port {port} may not be opened by this user: choose one above 1023 with --port or BOATYARD_PORT."
            ) from None
        raise CannotStart(f"Cannot listen on {address}:{port}: {error.strerror}.") from None
    made.setblocking(False)
    return made


class Server(uvicorn.Server):
    """uvicorn with an end that comes in time."""

    at_stop: Sequence[Callable[[], None]] = ()

    def __init__(self, config: uvicorn.Config, deadline: Deadline) -> None:
        super().__init__(config)
        self.deadline = deadline

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to end: begin to, and see to it that the end comes in time."""
        self.deadline.begin()
        if not self.should_exit:
            for stop in self.at_stop:
                stop()
        super().handle_exit(sig, frame)


def _uvicorn(gateway: object, deadline: Deadline) -> Server:
    config = uvicorn.Config(
        gateway,  # type: ignore[arg-type]
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=4,
        backlog=_BACKLOG,
    )
    return Server(config, deadline)


def write_status(path: Path, port: int) -> None:
    """Say in `server.json` where this server is: other processes read it, and the pid, while the lock is held."""
    pid = os.getpid()
    text = json.dumps({"pid": pid, "port": port, "started": time.time(), "process": identity(pid)})
    temporary = path.with_suffix(".new")
    temporary.write_text(text)
    temporary.replace(path)


async def serve(installation: Installation, made: socket.socket, deadline: Deadline) -> None:
    """Serve until SIGTERM or SIGINT."""
    from boatyard.gateway.app import Gateway

    port = made.getsockname()[1]
    installation.gateway_port = port
    gateway = Gateway(installation)
    server = _uvicorn(gateway, deadline)
    server.at_stop = installation.at_stop
    status = installation.data_directory / "server.json"

    async def take_up() -> None:
        # The sockets listen by now: what was left unfinished may call back into the gateway.
        while not server.started and not server.should_exit:
            await asyncio.sleep(0.005)
        try:
            await asyncio.get_running_loop().run_in_executor(None, installation.start)
            cleaning.start(installation)
        except BaseException:
            server.should_exit = True
            raise
        memory.collect_seldom()
        write_status(status, port)
        log.info("Ready on http://127.0.0.1:%s", port)
        sys.stdout.write(f"boatyard is ready on http://127.0.0.1:{port}\n")
        sys.stdout.flush()

    starting = asyncio.create_task(take_up())
    try:
        await server.serve(sockets=[made])
    finally:
        status.unlink(missing_ok=True)
        gateway.close()
    if starting.done() and not starting.cancelled() and (error := starting.exception()) is not None:
        log.error("Could not take up what the last server left", exc_info=error)
        logs = installation.data_directory / "logs" / "server.log"
        raise CannotStart(f"What the last server left could not be taken up: {error}. {logs} has the details.")


def set_up_logging(directory: Path) -> None:
    """The server's own log: `server.log`, rotated, and warnings on standard error too."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    to_file = logging.handlers.RotatingFileHandler(
        directory / "server.log", maxBytes=16 << 20, backupCount=3, encoding="utf-8"
    )
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    to_terminal = logging.StreamHandler()
    to_terminal.setLevel(logging.WARNING)
    to_terminal.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_file, to_terminal])
    for noisy in ("uvicorn", "botocore", "urllib3", "docker", "filelock"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


class Deadline:
    """The time by which the process has ended, whatever still hangs: state is on disk at every moment."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """The signal has come."""
        if self._timer is None:
            self._timer = threading.Timer(_END_WITHIN, self._leave)
            self._timer.daemon = True
            self._timer.start()

    def met(self) -> None:
        """All has ended."""
        if self._timer is not None:
            self._timer.cancel()

    @staticmethod
    def _leave() -> None:
        log.warning("Not everything had ended %.0f s after the signal: leaving", _END_WITHIN)
        logging.shutdown()
        os._exit(0)


def _claim_directory(settings: Settings) -> None:
    """Make the data directory; an ephemeral server takes only one that is empty, or that was one's before."""
    directory = settings.data_directory
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if space.free_bytes(directory) < space.ROOM_BYTES:
        raise CannotStart(space.no_space(directory))
    if not settings.ephemeral:
        return
    if any(directory.iterdir()) and not (directory / _EPHEMERAL).exists():
        raise CannotStart(
            f"An ephemeral server throws its data directory away at the end, and {directory} is not empty. Let"
            " 'boatyard up --ephemeral' make one, or name an empty one."
        )
    (directory / _EPHEMERAL).touch()


def _throw_away(installation: Installation) -> None:
    if installation.has_engine:
        from boatyard.containers.engine import Engine

        Engine.from_settings(installation.settings).destroy()
    shutil.rmtree(installation.data_directory, ignore_errors=True)


def run(settings: Settings) -> None:
    """One server from start to end. Raises CannotStart; returns after a signal."""
    from boatyard.identity.credentials import root_pair

    try:
        _claim_directory(settings)
    except OSError as error:
        raise CannotStart(f"The data directory {settings.data_directory} cannot be made: {error.strerror}.") from None
    made = listening_socket("127.0.0.1", settings.port)
    try:
        root_pair(settings)
        installation = Installation(settings)
    except (DataDirectoryInUse, ValueError) as error:
        made.close()
        raise CannotStart(str(error)) from None
    set_up_logging(settings.data_directory / "logs")
    memory.keep_small()
    deadline = Deadline()
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn handles them while it serves, and raises them again at its end: by then all is done.
        signal.signal(number, lambda number, frame: None)
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            runner.run(serve(installation, made, deadline))
    except KeyboardInterrupt:
        pass
    finally:
        installation.close()
        deadline.met()
        logging.shutdown()
        if settings.ephemeral:
            _throw_away(installation)


def _new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


def main() -> None:
    """The entry point of the server process."""
    try:
        run(Settings())
    except CannotStart as error:
        sys.stderr.write(f"boatyard cannot start: {error}\n")
        sys.exit(1)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    # Threads that wait for a workload's answer must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
