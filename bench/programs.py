"""What boatyard is measured with and against, kept below ~/.cache: peers from PyPI, wrk and nginx from Debian."""

from __future__ import annotations

import hashlib
import os
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


def program(session: Session, name: str) -> tuple[Path, dict[str, str]]:
    """wrk or nginx and the environment that it runs in: the machine's own, else the distribution's, unpacked here.

    Unpacked and not installed: no service is set up, and the machine stays as it was.
    """
    installed = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if installed:
        return Path(installed), dict(os.environ)
    place = cache() / name
    found = _unpacked(place, name)
    if found is None:
        session.say(f"unpacking {name} of this distribution into {place}: boatyard is measured beside it")
        for packages in PACKAGES[name]:
            _unpack(place, packages)
            found = _unpacked(place, name)
            if found is not None:
                break
        else:
            raise SystemExit(f"The benchmark needs {name}: install it with this system's packages, then run it again.")
    libraries = ":".join(str(each.parent) for each in place.glob("usr/lib/*/*.so*"))
    return found, {**os.environ, "LD_LIBRARY_PATH": libraries} if libraries else dict(os.environ)


def _unpacked(place: Path, name: str) -> Path | None:
    for folder in ("usr/bin", "usr/sbin"):
        if (place / folder / name).exists():
            return place / folder / name
    return None


def _unpack(place: Path, packages: tuple[str, ...]) -> None:
    if shutil.which("apt-get") is None:
        raise SystemExit(f"The benchmark needs {packages[0]}: install it with this system's packages.")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        _run(["apt-get", "download", *packages], place)
    except RuntimeError:
        # A fresh machine has no package lists yet.
        _run(["apt-get", "update", "-q"])
        _run(["apt-get", "download", *packages], place)
    for package in place.glob("*.deb"):
        _run(["dpkg", "-x", str(package), str(place)])
        package.unlink()


def _run(command: list[str], directory: Path | None = None) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
