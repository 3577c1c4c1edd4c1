"""Which server a command talks to: found by what the server writes into its data directory."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boatyard.api.processes import identity
from boatyard.cli.failures import NO_SERVER, Failure

if TYPE_CHECKING:
    from boatyard.settings import Settings


@dataclass(frozen=True)
class Running:
    """A server that runs: its process, its port, when it was ready (seconds since 1970), and its settings."""

    pid: int
    port: int
    started: float
    settings: Settings

    @property
    def url(self) -> str:
        """The endpoint URL."""
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        """Whether it answers at this moment."""
        try:
            with urllib.request.urlopen(f"{self.url}/_boatyard/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def ask(self, path: str, **query: str) -> Any:
        """What the server answers as JSON at a path of its own, asked by its root."""
        from urllib.parse import urlencode

        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        from boatyard.identity.credentials import root_pair

        pair = root_pair(self.settings)
        signed = AWSRequest("GET", f"{self.url}{path}{'?' if query else ''}{urlencode(query)}")
        keys = Credentials(pair.access_key_id, pair.secret_access_key)
        SigV4Auth(keys, "boatyard", self.settings.region).add_auth(signed)
        prepared = signed.prepare()
        request = urllib.request.Request(prepared.url, headers=dict(prepared.headers))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                told = error.read(2000).decode(errors="replace")
            raise Failure(f"The server refused {path}: {error.code} {told}") from None
        except (urllib.error.URLError, OSError) as error:
            raise Failure(f"The server does not answer: {error}. 'boatyard status' tells how it is.") from None

    def client(self, service: str) -> Any:
        """A boto3 client as the root of this server."""
        import boto3
        from botocore.config import Config

        from boatyard.identity.credentials import root_pair

        pair = root_pair(self.settings)
        make: Any = boto3.client
        return make(
            service,
            region_name=self.settings.region,
            endpoint_url=self.url,
            aws_access_key_id=pair.access_key_id,
            aws_secret_access_key=pair.secret_access_key,
            config=Config(retries={"total_max_attempts": 2}),
        )


def settings_for(directory: Path | None = None) -> Settings:
    """The settings; those of an ephemeral server where its directory is given."""
    from boatyard.settings import Settings

    return Settings() if directory is None else Settings(data_directory=directory, ephemeral=True)


def ephemeral_pointer(settings: Settings) -> Path:
    """Where `up --ephemeral` says which directory its server has, for the commands that come after."""
    directory = settings.data_directory
    return directory.parent / f"{directory.name}.ephemeral.json"


def read_status(directory: Path) -> dict[str, Any] | None:
    """What the server of a directory has written, where its process is alive.

    After a crash another process may have its number: that one is none of ours, and must not be stopped.
    """
    try:
        written: dict[str, Any] = json.loads((directory / "server.json").read_text())
        alive = identity(int(written["pid"]))
        return written if alive is not None and alive == written["process"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_running() -> Running | None:
    """The server that runs: the ephemeral one where there is one, else the data directory's; None without any."""
    settings = settings_for()
    pointer = ephemeral_pointer(settings)
    try:
        named = Path(json.loads(pointer.read_text())["data_directory"])
    except (OSError, ValueError, KeyError, TypeError):
        named = None
    for directory in (named, settings.data_directory):
        if directory is None:
            continue
        written = read_status(directory)
        if written is not None:
            chosen = settings if directory == settings.data_directory else settings_for(directory)
            return Running(int(written["pid"]), int(written["port"]), float(written["started"]), chosen)
    if named is not None:
        pointer.unlink(missing_ok=True)
    return None


def require_running() -> Running:
    """The server that runs; Failure without any."""
    found = find_running()
    if found is None:
        raise Failure(NO_SERVER.format(directory=settings_for().data_directory))
    return found


def wait_for_end(pid: int, seconds: float) -> bool:
    """Whether a process has ended within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if _is_zombie(pid):
                return True
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False
