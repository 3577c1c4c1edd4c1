"""What boatyard is measured with and against, kept below ~/.cache: peers from PyPI, wrk and nginx from Debian."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench.session import Session

REQUIREMENTS = Path(__file__).parent / "requirements" / "peers.txt"
# The program: in which packages of Debian and Ubuntu it is, with the libraries that only it needs.
PACKAGES = {"wrk": (("wrk", "libluajit-5.1-2"),), "nginx": (("nginx",), ("nginx-core",))}


def cache() -> Path:
    """Where they are: shared by all runs and work trees of a user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "boatyard" / "bench"


def pinned(package: str) -> str:
    """The version of a peer that is measured."""
    for line in REQUIREMENTS.read_text().splitlines():
        name, _, version = line.partition("==")
        if name.partition("[")[0] == package:
            return version.partition(";")[0].strip()
    raise LookupError(f"{REQUIREMENTS} does not pin {package}")


def versions() -> str:
    """Which versions are measured with and against, for the notes below a table."""
    told = [f"{name} {pinned(name)}" for name in ("moto", "ministack")]
    for name in PACKAGES:
        found = find(name)
        if found is not None:
            said = subprocess.run([found[0], "-v"], env=found[1], capture_output=True, text=True, check=False)
            # "wrk debian/4.1.0-3+b2 [epoll] ...", "nginx version: nginx/1.22.1"
            told += [f"{name} {version}" for version in re.findall(r"/(\d[\w.+-]*)", said.stdout + said.stderr)[:1]]
    return f"Versions: {', '.join(told)}."


def peers(session: Session) -> Path:
    """The bin directory of the peers' own virtual environment, made when it is not there yet."""
    python = f"{sys.version_info.major}.{sys.version_info.minor} {sys.base_prefix}"
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + python.encode()).hexdigest()[:12]
    place = cache() / f"peers-{key}"
    if not (place / "finished").exists():
        session.say(f"installing moto {pinned('moto')} and ministack {pinned('ministack')} into {place}")
        uv = [sys.executable, "-m", "uv"]
        place.parent.mkdir(parents=True, exist_ok=True)
        _run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)])
        _run([*uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), "-r", str(REQUIREMENTS)])
        (place / "finished").touch()
    return place / "bin"


def find(name: str) -> tuple[Path, dict[str, str]] | None:
    """wrk or nginx and the environment that it runs in: the machine's own, else what was unpacked here before."""
    installed = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if installed:
        return Path(installed), dict(os.environ)
    place = cache() / name
    for folder in ("usr/bin", "usr/sbin"):
        if (place / folder / name).exists():
            libraries = ":".join(sorted({str(each.parent) for each in place.glob("usr/lib/*/*.so*")}))
            more = {"LD_LIBRARY_PATH": libraries} if libraries else {}
            return place / folder / name, {**os.environ, **more}
    return None


def program(session: Session, name: str) -> tuple[Path, dict[str, str]]:
    """The same, unpacked from the distribution's packages when it is not there yet.

    Unpacked and not installed: no service is set up, and the machine stays as it was.
    """
    failures = []
    for packages in PACKAGES[name]:
        found = find(name)
        if found is not None:
            return found
        session.say(f"unpacking {packages[0]} of this distribution into {cache() / name}, to measure with")
        failures.append(_unpack(cache() / name, packages))
    found = find(name)
    if found is None:
        told = "\n".join(failures)
        raise SystemExit(f"The benchmark needs {name}: install it with this system's packages.\n{told}")
    return found


def _unpack(place: Path, packages: tuple[str, ...]) -> str:
    """Why it failed, nothing where it did not."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        try:
            _run(["apt-get", "download", *packages], place)
        except RuntimeError:
            # A fresh machine has no package lists yet.
            _run(["apt-get", "update", "-q"])
            _run(["apt-get", "download", *packages], place)
        for package in place.glob("*.deb"):
            _run(["dpkg", "-x", str(package), str(place)])
            package.unlink()
    except (RuntimeError, OSError) as failure:
        return str(failure)
    return ""


def _run(command: list[str], directory: Path | None = None) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
