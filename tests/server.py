"""A real server process for tests: on a port of its own, with a data directory and root keys of its own."""

from __future__ import annotations

import itertools
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

ROOT_KEY = "AKIAROOTROOTROOTROOT"
ROOT_SECRET = "secret-of-the-root-user-in-tests-0000000"
REGION = "us-east-1"
ACCOUNT = "000000000000"
_STARTS_WITHIN = 120.0
_ENDS_WITHIN = 180.0
_REPOSITORY = Path(__file__).parent.parent
_counter = itertools.count(1)
# boto3's default session makes clients for one thread at a time only.
_making_clients = threading.Lock()


def unique(prefix: str) -> str:
    """A name that no other test uses, within the letters that any AWS name may have."""
    return f"{prefix}-{next(_counter)}-{secrets.token_hex(4)}"


def free_port() -> int:
    """A free port below the range that the system gives to outgoing connections, so that it stays free."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 20000 and 32000")


class RunningServer:
    """One server. `settings` are further BOATYARD_ variables, named without the prefix."""

    module = "boatyard.gateway.server"

    def __init__(self, data_directory: Path, **settings: str) -> None:
        self.data_directory = data_directory
        self.port = free_port()
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[Any] = []
        self.output = data_directory.parent / f"{data_directory.name}.out"

    @property
    def url(self) -> str:
        """The endpoint URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def server_environment(self) -> dict[str, str]:
        """The environment of the server process itself."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BOATYARD_"))}
        shared = os.environ.get("BOATYARD_ENVIRONMENTS_DIRECTORY")
        if shared:
            kept["BOATYARD_ENVIRONMENTS_DIRECTORY"] = shared
        settings = {
            "data_directory": str(self.data_directory),
            "port": str(self.port),
            "configuration": str(self.data_directory.parent / "no-configuration.toml"),
            "root_access_key_id": ROOT_KEY,
            "root_secret_access_key": ROOT_SECRET,
            **self._settings,
        }
        kept.update({f"BOATYARD_{name.upper()}": value for name, value in settings.items()})
        kept["PYTHONPATH"] = str(_REPOSITORY)
        return kept

    def set(self, **settings: str) -> None:
        """Further settings, from the next start on."""
        self._settings |= settings

    def start(self) -> RunningServer:
        """Start it and wait until it answers; another port is taken when this one has gone in between."""
        for attempt in range(5):
            self._launch()
            if self._wait_until_ready():
                return self
            if attempt < 4 and "is taken by another program" in self.output_text():
                self.port = free_port()
                continue
            break
        raise AssertionError(f"the server did not start:\n{self.output_text()}")

    def _launch(self) -> None:
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=_REPOSITORY,
                env=self.server_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _wait_until_ready(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + _STARTS_WITHIN
        status = self.data_directory / "server.json"
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if json.loads(status.read_text())["pid"] == self._process.pid:
                    with urllib.request.urlopen(f"{self.url}/_boatyard/health", timeout=10) as answer:
                        return bool(answer.status == 200)
            except (OSError, ValueError, urllib.error.URLError):
                pass
            time.sleep(0.02)
        return False

    def output_text(self) -> str:
        """What the process has written."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def kill(self) -> None:
        """SIGKILL: what a power cut does to the server."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        for client in self._clients:
            # Connections that are kept alive would fail after a restart; the client itself goes on.
            client.close()
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        code = self._process.wait(_ENDS_WITHIN)
        self._process = None
        return code

    def discard(self) -> None:
        """Stop it, and remove its container engine with everything in it: mounts would outlive the test."""
        try:
            self.stop()
        finally:
            if (self.data_directory / "engine").exists():
                from boatyard.containers.engine import Engine
                from boatyard.settings import Settings

                Engine.from_settings(Settings(data_directory=self.data_directory, port=self.port)).destroy()

    def restart(self) -> None:
        """Stop it if it runs, and start it again on the same port and data."""
        self.stop()
        self.start()

    def environment(self, **more: str) -> dict[str, str]:
        """The environment for a client's process (the AWS CLI, git, a script), with the root's keys."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BOATYARD_"))}
        kept |= {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": str(self.data_directory.parent / "no-aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.data_directory.parent / "no-aws-credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "BOATYARD_DATA_DIRECTORY": str(self.data_directory),
            "BOATYARD_CONFIGURATION": str(self.data_directory.parent / "no-configuration.toml"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        }
        return kept | more

    def client(self, service: str, *, region: str = REGION, **options: Any) -> Any:
        """A boto3 client as the root, which never tries twice; `options` go to boto3 (credentials, config).

        It is closed with the server.
        """
        config = Config(retries={"total_max_attempts": 1}, read_timeout=300)
        if "config" in options:
            config = config.merge(options.pop("config"))
        keys = {"aws_access_key_id": ROOT_KEY, "aws_secret_access_key": ROOT_SECRET}
        make: Any = boto3.client
        with _making_clients:
            client = make(service, region_name=region, endpoint_url=self.url, config=config, **{**keys, **options})
        self._clients.append(client)
        return client

    def signed(
        self, method: str, path: str, *, service: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> AWSRequest:
        """A request signed by the root, for what no client sends."""
        request = AWSRequest(method=method, url=f"{self.url}{path}", data=body, headers=headers or {})
        SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), service, REGION).add_auth(request)
        return request

    def reset(self) -> None:
        """Empty an ephemeral server."""
        prepared = self.signed("POST", "/_boatyard/reset", service="boatyard").prepare()
        request = urllib.request.Request(prepared.url, data=b"", headers=dict(prepared.headers), method="POST")
        with urllib.request.urlopen(request, timeout=120) as answer:
            assert answer.status == 200
