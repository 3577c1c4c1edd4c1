"""What podman's container monitor leaves on disk: logs and exits, readable without the engine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

POLL_SECONDS = 0.03
CHUNK_BYTES = 256 * 1024


class Monitor:
    """The files of one container of boatyard's own podman."""

    def __init__(self, container_id: str, storage: Path, run: Path, driver: str) -> None:
        self._id = container_id
        self.log = storage / f"{driver}-containers" / container_id / "userdata" / "ctr.log"
        self._exit_file = run / "libpod" / "exits" / container_id
        self._pid_file = run / "storage" / f"{driver}-containers" / container_id / "userdata" / "conmon.pid"

    def watching(self) -> bool:
        """Whether a live conmon process still holds the container."""
        try:
            pid = int(self._pid_file.read_text())
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError):
            return False
        return name == "conmon"

    def ended(self) -> bool:
        """Whether the container's end has been written down, or nobody is left to do so."""
        return self._exit_file.exists() or not self.watching()

    def ended_well(self) -> bool:
        """Whether its first process is known to have ended with 0, and nothing in it was killed for memory."""
        try:
            return self._exit_file.read_text().strip() == "0" and not self.log.with_name("oom").exists()
        except OSError:
            return False

    def lost(self, process: int) -> bool:
        """Whether the monitor was killed and then the container, whose first process this was, has ended.

        The engine takes such a container to be running for ever.
        """
        if self.watching() or self._exit_file.exists():
            return False
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
            cgroups = Path(f"/proc/{process}/cgroup").read_text()
        except OSError:
            return True
        # Another process may have got the number since; without cgroups that cannot be told.
        another = "libpod" in cgroups and self._id not in cgroups
        return stat.rpartition(")")[2].split()[0] == "Z" or another

    def records(self, follow: bool, gone: Callable[[], bool]) -> Iterator[bytes]:
        """The log file's records; with `follow` until the container has ended.

        conmon writes the exit file after the last record. Where neither is left, `gone` tells of an end.
        """
        position = 0
        rest = b""
        while True:
            last_look = not follow or self._exit_file.exists() or (not self.watching() and gone())
            for chunk in self._chunks(position):
                position += len(chunk)
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            if last_look:
                break
            time.sleep(POLL_SECONDS)
        if rest:
            yield rest

    def _chunks(self, position: int) -> Iterator[bytes]:
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as file:
            file.seek(position)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
