"""The clients' own virtual environments, one for each requirement file, kept between runs below ~/.cache.

`python -m tests.clients.environments [--all | NAME ...]` prepares all, those named, or the short form's.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock

REQUIREMENTS = Path(__file__).parent / "requirements"
SHORT = ("boto3", "cli", "sagemaker-2", "sam", "cdk")
LONG = ("sagemaker-3", "jupyter")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def cache() -> Path:
    """Where the environments are: shared by all runs and work trees of a user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "boatyard" / "clients"


def pinned(name: str, package: str) -> str:
    """The version of a package that a requirement file pins."""
    found: dict[str, str] = dict(_PIN.findall((REQUIREMENTS / f"{name}.txt").read_text()))
    return found[package]


def environment(name: str) -> Path:
    """The directory of a client's environment, made when it is not there yet; its programs are in bin/."""
    pins = (REQUIREMENTS / f"{name}.txt").read_bytes()
    python = f"{sys.version_info.major}.{sys.version_info.minor} {sys.base_prefix}"
    key = hashlib.sha256(pins + python.encode()).hexdigest()[:12]
    place = cache() / f"{name}-{key}"
    finished = place / "finished"
    if not finished.exists():
        cache().mkdir(parents=True, exist_ok=True)
        with FileLock(f"{place}.lock"):
            if not finished.exists():
                _make(place, name)
                finished.touch()
    return place


def _make(place: Path, name: str) -> None:
    uv = [sys.executable, "-m", "uv"]
    run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)])
    python = str(place / "bin" / "python")
    run([*uv, "pip", "install", "--quiet", "--python", python, "-r", str(REQUIREMENTS / f"{name}.txt")])


def run(command: list[str], directory: Path | None = None, variables: dict[str, str] | None = None) -> None:
    """Run a program that prepares something; RuntimeError with all that it said when it fails."""
    everything = {**os.environ, **(variables or {})}
    done = subprocess.run(
        command, cwd=directory, env=everything, capture_output=True, text=True, timeout=1800, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Prepare environments, one line for each."""
    asked = sys.argv[1:]
    for name in (*SHORT, *LONG) if asked == ["--all"] else asked or SHORT:
        started = time.monotonic()
        print(f"clients: {name} ...", flush=True)
        place = environment(name)
        print(f"clients: {name} is in {place} ({time.monotonic() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
