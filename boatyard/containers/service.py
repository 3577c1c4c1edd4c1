"""Boatyard's own podman service: its configuration, its process, and finding it again after a crash."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from boatyard.containers import host as host_module
from boatyard.containers.errors import EngineUnavailable
from boatyard.containers.host import Host

START_SECONDS = 60.0


def identity_of(data_directory: Path) -> str:
    """Ten hexadecimal digits that stand for a data directory in names of sockets, bridges and chains."""
    return hashlib.sha256(str(data_directory.resolve()).encode()).hexdigest()[:10]


def run_directory(data_directory: Path) -> Path:
    """A short path for sockets (108 bytes at most) and what need not outlive a restart of the machine."""
    if os.geteuid() == 0 and os.access("/run", os.W_OK):
        base = Path("/run/boatyard")
    elif os.environ.get("XDG_RUNTIME_DIR") and Path(os.environ["XDG_RUNTIME_DIR"]).is_dir():
        base = Path(os.environ["XDG_RUNTIME_DIR"]) / "boatyard"
    else:
        base = Path(tempfile.gettempdir()) / f"boatyard-{os.geteuid()}"
    return base / identity_of(data_directory)


class PodmanService:
    """One podman API service per data directory; it outlives the boatyard server and is taken up again."""

    def __init__(
        self, data_directory: Path, image_stores: Callable[[], list[Path]] = list, storage: Path | None = None
    ) -> None:
        """`image_stores` finds the read-only stores with the environments' images; `storage`: another place."""
        self.directory = data_directory / "engine"
        self.run = run_directory(data_directory)
        self.socket = self.run / "engine.sock"
        self.storage = storage or self.directory / "storage"
        self.volumes: list[str] = []
        self._image_stores = image_stores
        self._pid_file = self.run / "engine.pid"
        self._host: Host | None = None
        self._known: tuple[int, str] | None = None

    @property
    def host(self) -> Host:
        """What this machine can do: probed once, remembered until the machine restarts."""
        if self._host is None:
            self._host = self._probe()
        return self._host

    def _probe(self) -> Host:
        remembered = self.run / "host.json"
        with contextlib.suppress(OSError, KeyError, TypeError, ValueError):
            found = Host.from_json(remembered.read_text())
            if found.runtime is not None and Path(found.runtime).exists():
                return found
        self._make_directories()
        found = host_module.probe(self.directory / "probe")
        _write(remembered, found.to_json())
        return found

    def _make_directories(self) -> None:
        for directory in (self.directory, self.run):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def environment(self) -> dict[str, str]:
        """The variables that make any podman command use this engine's files and none of the user's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONTAINER", "DOCKER_"))}
        kept.pop("NOTIFY_SOCKET", None)
        return kept | {
            "CONTAINERS_CONF": str(self.directory / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.directory / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.directory / "registries.conf"),
            "TMPDIR": str(self.directory / "tmp"),
        }

    def podman(self, *arguments: str, timeout: float = 120, check: bool = True) -> str:
        """Run podman's command line on this engine's storage; its output. EngineUnavailable when it fails."""
        self.configure()
        done = subprocess.run(
            [podman_path(), *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode != 0:
            said = done.stderr.strip() or f"exit status {done.returncode}"
            raise EngineUnavailable(f"podman {arguments[0]} failed: {said}")
        return done.stdout

    def configure(self) -> None:
        """Write the engine's configuration files where they differ from what is wanted."""
        self._make_directories()
        for path in (self.storage, self.directory / "networks", self.directory / "tmp"):
            path.mkdir(exist_ok=True, mode=0o700)
        _write(self.directory / "containers.conf", self._containers_conf())
        _write(self.directory / "storage.conf", self._storage_conf())
        _write(self.directory / "registries.conf", "unqualified-search-registries = []\n")

    def _containers_conf(self) -> str:
        lines = [
            "[containers]",
            f"default_ulimits = {json.dumps(self.host.ulimits())}",
            'log_driver = "k8s-file"',
        ]
        if self.host.cgroups == "none":
            lines.append('cgroups = "disabled"')
        if self.volumes:
            lines.append(f"volumes = {json.dumps(self.volumes)}")
        lines += ["", "[engine]"]
        if self.host.runtime is not None:
            name = Path(self.host.runtime).name
            lines += [f'runtime = "{name}"']
        lines += [
            'cgroup_manager = "cgroupfs"',
            'events_logger = "none"',
            # A further command's monitor waits so long after its end, in seconds, for who asks how it ended; podman's
            # own five minutes let monitors pile up.
            "exit_command_delay = 30",
            # Shared memory locks would be shared with every other podman of the machine.
            'lock_type = "file"',
            f"tmp_dir = {json.dumps(str(self.run / 'libpod'))}",
            f"static_dir = {json.dumps(str(self.storage / 'libpod'))}",
            f"volume_path = {json.dumps(str(self.storage / 'volumes'))}",
            "",
            "[network]",
            f"network_config_dir = {json.dumps(str(self.directory / 'networks'))}",
        ]
        if self.host.runtime is not None:
            lines += ["", "[engine.runtimes]", f"{name} = {json.dumps([self.host.runtime])}"]
        return "\n".join(lines) + "\n"

    def _storage_conf(self) -> str:
        lines = [
            "[storage]",
            f'driver = "{self.host.storage_driver}"',
            f"graphroot = {json.dumps(str(self.storage))}",
            f"runroot = {json.dumps(str(self.run / 'storage'))}",
            "",
            "[storage.options]",
        ]
        stores = self._all_stores()
        if stores:
            lines.append(f"additionalimagestores = {json.dumps(stores)}")
        if self.host.mount_program is not None:
            lines += ["[storage.options.overlay]", f"mount_program = {json.dumps(self.host.mount_program)}"]
        return "\n".join(lines) + "\n"

    def _all_stores(self) -> list[str]:
        """The environments' stores: the present ones, then those of before that are still there.

        Containers stand on the layers of the store they were made with, although the setting names another one now.
        """
        stores = [str(store) for store in self._image_stores()]
        path = self.directory / "image-stores.json"
        before = json.loads(path.read_text()) if path.exists() else []
        known = list(dict.fromkeys([*stores, *before]))
        if known != before and self.directory.exists():
            _write(path, json.dumps(known))
        return stores + [store for store in known if store not in stores and Path(store).is_dir()]

    def ensure(self) -> None:
        """Have a service that answers: the running one, or a new one. EngineUnavailable when neither."""
        if self.alive():
            return
        require_root()
        self._make_directories()
        with FileLock(self.run / "engine.lock", timeout=START_SECONDS):
            self._known = None
            if not (self.alive() and self._answers()):
                self._end_process()
                self._start()

    def alive(self) -> bool:
        """Whether the service's process is there; costs a read of /proc."""
        known = self._known or self._read_pid_file()
        if known is None or _start_time(known[0]) != known[1]:
            self._known = None
            return False
        if self._known is None and not self._answers():
            return False
        self._known = known
        return True

    def _read_pid_file(self) -> tuple[int, str] | None:
        try:
            pid, started = self._pid_file.read_text().split()
            return int(pid), started
        except (OSError, ValueError):
            return None

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
                return b" 200 " in connection.recv(64)
            except OSError:
                return False

    def _start(self) -> None:
        self.configure()
        self.socket.unlink(missing_ok=True)
        log = self.directory / "engine.log"
        if log.exists() and log.stat().st_size > 10_000_000:
            log.replace(log.with_suffix(".log.1"))
        pid = self._launch(log)
        started = _start_time(pid) or ""
        self._pid_file.write_text(f"{pid} {started}")
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if _start_time(pid) != started or time.monotonic() > deadline:
                raise EngineUnavailable(
                    f"The container engine (podman) did not start; see {log}, and run `boatyard doctor`: {_tail(log)}"
                )
            time.sleep(0.02)
        self._known = (pid, started)

    def _launch(self, log: Path) -> int:
        """Start the service as nobody's child, so that it outlives this process and leaves no zombie; its pid."""
        with log.open("ab") as output:
            done = subprocess.run(
                [
                    "/bin/sh",
                    "-c",
                    '"$@" >&2 & echo $!',
                    "sh",
                    podman_path(),
                    "system",
                    "service",
                    "--time=0",
                    f"unix://{self.socket}",
                ],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
                cwd="/",
                check=True,
            )
        return int(done.stdout)

    def outdated(self) -> bool:
        """Whether environments were built since the configuration was written."""
        path = self.directory / "storage.conf"
        return not path.exists() or path.read_text() != self._storage_conf()

    def restart(self) -> None:
        """Have a service with the present configuration; containers do not notice."""
        self._make_directories()
        with FileLock(self.run / "engine.lock", timeout=START_SECONDS):
            self._end_process()
            self._start()

    def stop(self) -> None:
        """End the service's process; containers go on running."""
        if not self.run.exists():
            return
        with FileLock(self.run / "engine.lock", timeout=START_SECONDS):
            self._end_process()

    def _end_process(self) -> None:
        known = self._read_pid_file()
        self._known = None
        if known is not None and _start_time(known[0]) == known[1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(known[0], signal.SIGTERM)
            deadline = time.monotonic() + 5
            while _start_time(known[0]) == known[1]:
                if time.monotonic() > deadline:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(known[0], signal.SIGKILL)
                    deadline += 5
                time.sleep(0.02)
        self._pid_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)


def require_root() -> None:
    """EngineUnavailable when this process may not make bridges and packet filter rules."""
    if os.geteuid() != 0:
        raise EngineUnavailable(
            "Boatyard's container engine makes network bridges and packet filter rules, which only root may, "
            "whichever engine runs the containers: run the command, or start the server, with sudo."
        )


def podman_path() -> str:
    """Where podman is. EngineUnavailable when it is not installed."""
    path = shutil.which("podman")
    if path is None:
        raise EngineUnavailable("podman is not installed: run `boatyard setup`, which installs it.")
    return path


def _start_time(pid: int) -> str | None:
    """The kernel's start time of a process, which with the pid names it for ever; None for the dead."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(text)
    partial.replace(path)


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-600:].strip()
    except OSError:
        return ""
