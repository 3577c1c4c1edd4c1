"""A first image out of the system's own package mirror, where no image registry can be reached."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from boatyard.containers.environments import os_release
from boatyard.containers.errors import SetupFailed

REGISTRY_PROBE = "https://registry-1.docker.io/v2/"
PROBE_SECONDS = 3
PULLED_BASE = "docker.io/library/debian:bookworm-slim"
# apt's settings of the host that matter wherever its mirrors are asked.
APT_SETTINGS = re.compile(
    r'^(Acquire::(?:https?::(?:Proxy|Timeout)\S*|Check-Valid-Until|Check-Date|ForceIPv[46]|Retries)) "(.*)";$'
)
UNWANTED = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


def registry_reachable(url: str = REGISTRY_PROBE) -> bool:
    """Whether Docker Hub answers within three seconds, as a registry does."""
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 401 and "WWW-Authenticate" in error.headers
    except (OSError, ValueError):
        return False


def sources(directory: Path = Path("/etc/apt"), codename: str | None = None) -> str:
    """The host's own apt sources for its release, third parties left out, in deb822 or one-line style.

    Raises SetupFailed when there are none.
    """
    wanted = codename if codename is not None else os_release().get("VERSION_CODENAME", "")
    stanzas: list[str] = []
    lines: list[str] = []
    for path in [directory / "sources.list", *sorted((directory / "sources.list.d").glob("*"))]:
        if path.suffix == ".sources":
            stanzas += [part for part in _stanzas(path.read_text()) if _for_release(part, wanted)]
        elif path.suffix == ".list" and path.is_file():
            pattern = re.compile(rf"\s*deb\s+(\[[^]]*\]\s+)?\S+\s+{re.escape(wanted)}(-\S+)?\s")
            lines += [line for line in path.read_text().splitlines() if pattern.match(line + " ")]
    if wanted and stanzas:
        return "\n\n".join(stanzas) + "\n"
    if wanted and lines:
        return "\n".join(lines) + "\n"
    raise SetupFailed(
        f"No apt sources for this system's release ({wanted or 'unknown'}) were found in {directory}, and no image "
        "registry can be reached: boatyard's base environment has nothing to be made from."
    )


def _stanzas(text: str) -> Iterator[str]:
    for part in re.split(r"\n\s*\n", text):
        kept = "\n".join(line for line in part.splitlines() if not line.lstrip().startswith("#")).strip()
        if kept:
            yield kept


def _for_release(stanza: str, codename: str) -> bool:
    fields = dict(re.findall(r"^([A-Za-z-]+):\s*(.*)$", stanza, re.MULTILINE))
    if fields.get("Enabled", "yes").lower() == "no" or "deb" not in fields.get("Types", "").split():
        return False
    return any(re.split("[-/]", suite)[0] == codename for suite in fields.get("Suites", "").split())


def apt_options() -> list[str]:
    """The host's proxy and validity settings of apt, without such as hold a password."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False, timeout=60).stdout
    found = (APT_SETTINGS.match(line) for line in dump.splitlines())
    return [f'{one[1]} "{one[2]}"' for one in found if one is not None and one[2] and "@" not in one[2]]


def bootstrap(target: Path, packages: list[str]) -> Iterator[str]:
    """Write a root file system of the host's own release to `target` (.tar); yields progress lines."""
    program = shutil.which("mmdebstrap")
    if program is None:
        raise SetupFailed("mmdebstrap is not installed and no image registry can be reached: run `boatyard setup`.")
    source_text = sources()
    release = os_release()
    command = [program, "--variant=minbase", f"--include={','.join(packages)}"]
    command += [f"--aptopt={option}" for option in apt_options()]
    command += [f"--dpkgopt=path-exclude={path}" for path in UNWANTED]
    command += [release["VERSION_CODENAME"], str(target), "-"]
    yield f"base: bootstrapping {release.get('PRETTY_NAME', 'the system')} from its package mirror"
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise SetupFailed("mmdebstrap could not be started.")
        process.stdin.write(source_text)
        process.stdin.close()
        said = []
        for line in process.stdout:
            said.append(line.rstrip())
            if line.startswith("I: "):
                yield f"base: {line[3:].strip()}"
    if process.returncode != 0:
        raise SetupFailed("The base environment cannot be bootstrapped (mmdebstrap): " + " / ".join(said[-5:]))
