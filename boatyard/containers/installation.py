"""The programs that the engine needs, and installing them with the system's package manager."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

from boatyard.containers.errors import SetupFailed

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
OLDEST_PODMAN = (4, 0)
# Program to package, for each package manager; alternatives in one line are as good as each other.
PROGRAMS = (("podman",), ("runc", "crun"), ("conmon",), ("iptables",), ("ip",), ("mount",))
PACKAGES = {
    "apt-get": ["podman", "runc", "crun", "netavark", "iptables", "iproute2", "fuse-overlayfs", "mmdebstrap"],
    "dnf": ["podman", "runc", "crun", "netavark", "iptables", "iproute", "fuse-overlayfs", "util-linux"],
}


def find_program(name: str) -> str | None:
    """Where a program is, in the user's path or in the system's own directories."""
    return shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)


def missing_programs(bootstrapping: bool) -> list[str]:
    """What is not installed; `bootstrapping`: no image registry can be reached, so mmdebstrap is needed."""
    missing = [" or ".join(names) for names in PROGRAMS if not any(find_program(name) for name in names)]
    if bootstrapping and find_program("mmdebstrap") is None:
        missing.append("mmdebstrap")
    return missing


def podman_version() -> tuple[int, ...]:
    """podman's version, () when it is not installed."""
    path = find_program("podman")
    if path is None:
        return ()
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=60).stdout
    numbers = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    return tuple(int(number) for number in numbers.groups()) if numbers else ()


def install(missing: list[str]) -> Iterator[str]:
    """Install the engine's packages, as root; yields what is done. SetupFailed when it cannot be."""
    manager = next((name for name in PACKAGES if find_program(name)), None)
    if manager is None:
        raise SetupFailed(
            f"Not installed: {', '.join(missing)}. Neither apt-get nor dnf is here to install them: install podman "
            "(4.0 or newer), runc or crun, iptables and iproute2 yourself, then run `boatyard setup` again."
        )
    yield f"engine: {', '.join(missing)} not installed: installing with {manager}"
    if manager == "apt-get":
        yield from _run(["apt-get", "update", "-q"], "the package lists")
    packages = [name for name in PACKAGES[manager] if manager != "apt-get" or _known_to_apt(name)]
    yield f"engine: {' '.join([manager, 'install', *packages])}"
    yield from _run([manager, "install", "-y", "-q", *packages], "the packages")


def _known_to_apt(package: str) -> bool:
    shown = subprocess.run(["apt-cache", "show", package], capture_output=True, check=False, timeout=120)
    return shown.returncode == 0


def _run(command: list[str], what: str) -> Iterator[str]:
    said: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
    ) as process:
        for line in process.stdout or ():
            said.append(line.rstrip())
            if line.startswith(("Setting up", "Installing", "Unpacking")):
                yield f"engine: {line.strip()}"
    if process.returncode != 0:
        raise SetupFailed(f"Installing {what} failed (`{' '.join(command)}`):\n" + "\n".join(said[-10:]))
