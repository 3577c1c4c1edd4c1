"""What a data directory holds and costs: containers, networks, mounts, processes, files; and what is wrong in it."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

from boatyard.containers.engine import Engine
from boatyard.containers.networks import bridge_name, bridges

_ID = re.compile(r"[0-9a-f]{32}")
_UNSTEADY = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{8,}|\d+")
PLACES = ("blobs/tmp", "codebuild", "sagemaker", "lambda", "lambda_", "git", "ecr", "workloads")
TEMPORARY = re.compile(r"\.lock$|/tmp_|/tmp/|incoming-|\.new$|\.part$|\.tmp$")


@dataclass
class Present:
    """What is there, each with how often."""

    containers: Counter[str] = field(default_factory=Counter)
    networks: Counter[str] = field(default_factory=Counter)
    bridges: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    mounts: Counter[str] = field(default_factory=Counter)
    processes: Counter[str] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    temporary: Counter[str] = field(default_factory=Counter)

    def beyond(self, before: Present) -> dict[str, dict[str, int]]:
        """What is here and was not before."""
        found = {each.name: dict(getattr(self, each.name) - getattr(before, each.name)) for each in fields(self)}
        return {name: more for name, more in found.items() if more}


def steady(text: str) -> str:
    """A name without what is different each time."""
    return _UNSTEADY.sub("*", text)


def present(data_directory: Path, engine: Engine) -> Present:
    """What is there now; the server should be stopped."""
    found = Present()
    for container in engine.containers():
        found.containers[f"{container.labels.get('boatyard.service')} {steady(container.name)}"] += 1
    for name in engine.network_names():
        found.networks[steady(name)] += 1
    for image in engine._connection.call(lambda api: api.images()):
        found.images[steady(str(image.get("RepoTags") or image.get("RepoDigests")))] += 1
    found.bridges.update(_bridges(engine))
    found.rules.update(_rules(engine))
    for line in Path("/proc/self/mounts").read_text().splitlines():
        target = line.split()[1]
        if target.startswith(str(data_directory)):
            found.mounts[steady(target.removeprefix(str(data_directory)))] += 1
    found.processes.update(processes(data_directory))
    for inside in _files(data_directory):
        # Layers and caches of builds, and what git keeps, are there to stay.
        if len(inside.parts) <= 6 and not {"layers", "cache", "pushed", "objects"} & set(inside.parts):
            found.files[steady(str(inside))] += 1
        if TEMPORARY.search(f"/{inside}"):
            found.temporary[str(inside)] += 1
    return found


def _files(data_directory: Path) -> Iterator[Path]:
    for place in PLACES:
        for path in sorted((data_directory / place).rglob("*")):
            yield path.relative_to(data_directory)


def _bridges(engine: Engine) -> list[str]:
    links = Path("/sys/class/net").iterdir()
    return ["a bridge" for link in links if link.name[4:8] == engine.identity[:4] and link.name[:4] == "boat"]


def forgotten_bridges(engine: Engine) -> list[str]:
    """Bridges of networks that are no more."""
    known = {bridge_name(engine.identity, name) for name in engine.network_names()}
    return sorted(set(bridges(engine.identity)) - known)


def _rules(engine: Engine) -> list[str]:
    told = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout.splitlines()
    mine = [line for line in told if f"BOATYARD-{engine.identity}" in line and not line.startswith(":")]
    alike = [line.replace(engine.identity, "IDENTITY") for line in mine]
    return [re.sub(r"boat\w+|\d+\.\d+\.\d+\.\d+|\d+", "*", line) for line in alike]


def processes(data_directory: Path) -> list[str]:
    """The processes that name the data directory in their command line; the engine's own service is meant to stay."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(str(data_directory) in word for word in words[1:]) and "service" not in words:
            found.append(steady(Path(words[0]).name))
    return found


def database_faults(data_directory: Path) -> list[str]:
    """What SQLite finds wrong with the database."""
    connection = sqlite3.connect(f"file:{data_directory / 'state.db'}?mode=ro", uri=True)
    told = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    connection.close()
    return [line for line in told if line != "ok"] + [str(row) for row in broken]


def orphaned_blobs(data_directory: Path) -> list[str]:
    """Blobs that no record mentions."""
    connection = sqlite3.connect(f"file:{data_directory / 'state.db'}?mode=ro", uri=True)
    known: set[str] = set()
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            for value in row:
                known.update(_ID.findall(value if isinstance(value, str) else ""))
    connection.close()
    files = [path for path in (data_directory / "blobs").rglob("*") if path.is_file()]
    return [str(path.relative_to(data_directory)) for path in files if not known & set(_ID.findall(path.name))]
