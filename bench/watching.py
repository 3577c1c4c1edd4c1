"""Watches a server's work from outside: when its containers begin and end, and what processor time it has used."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PERIOD_SECONDS = 0.02


@dataclass
class Seen:
    """A container: its name, and when its first process began and ended, in seconds since 1970; 0 for not yet."""

    name: str
    began: float = 0.0
    ended: float = 0.0


class Watching:
    """A thread that looks at the files of podman's monitors and at the server's /proc/PID/stat; a context manager."""

    def __init__(self, data_directory: Path, pid: int) -> None:
        from boatyard.containers.service import PodmanService

        service = PodmanService(data_directory)
        folder = f"{service.host.storage_driver}-containers"
        self._containers = service.run / "storage" / folder
        self._exits = service.run / "libpod" / "exits"
        self._names = service.storage / folder / "containers.json"
        self._stat = Path(f"/proc/{pid}/stat")
        self._old = set(self._listed())
        self._seen: dict[str, Seen] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self.processor: list[tuple[float, float]] = []
        """(moment, processor seconds that the server has used since its start)."""

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def containers(self, prefix: str) -> list[Seen]:
        """Those that have begun since the start and whose names begin so, the first one first."""
        found = [each for each in self._seen.values() if each.name.startswith(prefix) and each.began]
        return sorted(found, key=lambda each: each.began)

    def _run(self) -> None:
        while not self._over.wait(PERIOD_SECONDS):
            moment = time.time()
            for identity in self._listed():
                if identity not in self._old:
                    self._look(identity, moment)
            self.processor.append((moment, self._used()))

    def _look(self, identity: str, moment: float) -> None:
        seen = self._seen.get(identity)
        if seen is None:
            name = self._name(identity)
            if name is None:
                return
            seen = self._seen[identity] = Seen(name)
        with contextlib.suppress(OSError):
            if not seen.began:
                seen.began = (self._containers / identity / "userdata" / "pidfile").stat().st_mtime
            if not seen.ended:
                seen.ended = (self._exits / identity).stat().st_mtime

    def _listed(self) -> list[str]:
        with contextlib.suppress(OSError):
            return [each.name for each in self._containers.iterdir()]
        return []

    def _name(self, identity: str) -> str | None:
        with contextlib.suppress(OSError, ValueError):
            return next(
                (each["names"][0] for each in json.loads(self._names.read_text()) if each["id"] == identity), None
            )
        return None

    def _used(self) -> float:
        with contextlib.suppress(OSError):
            fields = self._stat.read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return self.processor[-1][1] if self.processor else 0.0
