"""Runs a task where the data directory is open: in the server, or here while none runs."""

from __future__ import annotations

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from boatyard.cli import servers
from boatyard.cli.failures import Failure

if TYPE_CHECKING:
    from boatyard.settings import Settings


def run(name: str, **options: Any) -> Iterator[dict[str, Any]]:
    """What the task tells, line by line; Failure when the server refuses or ends before the task does."""
    found = servers.find_running()
    if found is not None:
        yield from _asked(found, name, options)
        return
    settings = servers.settings_for()
    if not (settings.data_directory / "state.db").exists():
        raise Failure(f"{settings.data_directory} holds no state.db: there is nothing in it yet.")
    from boatyard.api.installation import Installation
    from boatyard.keeping.tasks import TASKS

    try:
        installation = Installation(settings)
    except sqlite3.DatabaseError as error:
        path = settings.data_directory / "state.db"
        raise Failure(
            f"{path} is damaged ({error}). Keep a copy of the data directory, and import the last good export into an "
            "empty one: boatyard --data-directory DIRECTORY import FILE."
        ) from error
    try:
        yield from TASKS[name](installation, options)
    finally:
        installation.close()
        # The container engine that was needed for it; what runs in containers goes on.
        _end_engine(settings)


def _end_engine(settings: Settings) -> None:
    if (settings.data_directory / "engine").exists() and settings.engine is None:
        from boatyard.containers.service import PodmanService

        PodmanService(settings.data_directory).stop()


def _asked(found: servers.Running, name: str, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    from boatyard.identity.credentials import root_pair

    pair = root_pair(found.settings)
    body = json.dumps(options).encode()
    request = AWSRequest(
        method="POST",
        url=f"{found.url}/_boatyard/tasks/{name}",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    SigV4Auth(Credentials(pair.access_key_id, pair.secret_access_key), "boatyard", found.settings.region).add_auth(
        request
    )
    prepared = request.prepare()
    sent = urllib.request.Request(prepared.url, data=body, headers=dict(prepared.headers), method="POST")
    try:
        with urllib.request.urlopen(sent) as answer:
            for line in answer:
                told = json.loads(line)
                if told.get("end"):
                    return
                yield told
    except urllib.error.HTTPError as error:
        raise Failure(f"The server refused: {error.read().decode(errors='replace')}") from None
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Failure(f"The server did not go on: {error}. 'boatyard logs server' tells more.") from error
    raise Failure("The server ended before the work did. 'boatyard logs server' tells more.")
