"""The sides that are measured: boatyard, moto's server and ministack, and nginx as the limit for files."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import programs
from bench.samples import BOATYARD
from bench.session import ROOT, Session

MOTO, MINISTACK, NGINX = "moto", "ministack", "nginx"
# The least that a server in one Python process does: limit.py.
UVICORN, UVICORN_FSYNC = "uvicorn alone", "uvicorn and fsync"
REGION = "us-east-1"
_STARTS_WITHIN = 60.0


@dataclass(frozen=True)
class Side:
    """A server with the keys of a caller, and those of who prepares it."""

    name: str
    url: str
    keys: tuple[str, str] = ("test", "test")
    owner: tuple[str, str] = ("test", "test")

    def client(self, service: str, *, owner: bool = False, protocol: str | None = None, connections: int = 1) -> Any:
        """A boto3 client that tries once. `protocol` is the one to speak where the service has several."""
        import boto3
        from botocore.config import Config

        session: Any = boto3.session.Session()
        if protocol is not None:
            _speak(session, service, protocol)
        key, secret = self.owner if owner else self.keys
        return session.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(
                retries={"total_max_attempts": 1},
                max_pool_connections=connections,
                read_timeout=120,
                signature_version="s3v4" if service == "s3" else None,
                s3={"addressing_style": "path"},
            ),
        )


def _speak(session: Any, service: str, protocol: str) -> None:
    """Let this session's model of a service know one protocol only."""
    loader = session._session.get_component("data_loader")
    load = loader.load_service_model

    def load_service_model(name: str, kind: str, api_version: str | None = None) -> Any:
        model = load(name, kind, api_version)
        if name == service and kind == "service-2":
            model = {**model, "metadata": {**model["metadata"], "protocol": protocol, "protocols": [protocol]}}
        return model

    loader.load_service_model = load_service_model


@contextmanager
def all_sides(session: Session, room: Path, policy: dict[str, Any]) -> Iterator[dict[str, Side]]:
    """Boatyard and its peers, running; boatyard's caller is a user with that policy and no other rights."""
    with ExitStack() as stack:
        bin_directory = programs.peers(session)
        boatyard = stack.enter_context(_boatyard(policy))
        moto = stack.enter_context(_moto(room, bin_directory))
        ministack = stack.enter_context(_ministack(room, bin_directory))
        yield {side.name: side for side in (boatyard, moto, ministack)}


@contextmanager
def _boatyard(policy: dict[str, Any]) -> Iterator[Side]:
    """Signatures are verified and policies enforced, as always."""
    from boatyard.cli import reset, servers, up
    from boatyard.identity.credentials import root_pair

    settings = servers.settings_for()
    if (settings.data_directory / "state.db").exists():
        # A run that was killed has left it; the directory is the benchmark's own.
        reset.reset(yes=True)
    up.start_in_background(settings)
    try:
        running = servers.require_running()
        iam = running.client("iam")
        iam.create_user(UserName="bench")
        iam.put_user_policy(UserName="bench", PolicyName="bench", PolicyDocument=json.dumps(policy))
        made = iam.create_access_key(UserName="bench")["AccessKey"]
        root = root_pair(running.settings)
        yield Side(
            BOATYARD,
            running.url,
            (made["AccessKeyId"], made["SecretAccessKey"]),
            (root.access_key_id, root.secret_access_key),
        )
    finally:
        reset.reset(yes=True)


@contextmanager
def _moto(room: Path, bin_directory: Path) -> Iterator[Side]:
    """moto's server as it comes: all in memory, no signature verified."""
    port = free_port()
    command = [str(bin_directory / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    with process(MOTO, room, command, {}, f"{url}/moto-api/"):
        yield Side(MOTO, url)


@contextmanager
def _ministack(room: Path, bin_directory: Path) -> Iterator[Side]:
    """ministack as it comes, but on the loopback alone, and with no container engine to tidy."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "false",
        "DOCKER_HOST": f"unix://{room}/no-engine.sock",
        "LOG_LEVEL": "WARNING",
    }
    with process(MINISTACK, room, [str(bin_directory / "ministack")], settings, f"{url}/_ministack/health"):
        yield Side(MINISTACK, url)


_NGINX = """
daemon off; worker_processes auto; pid {room}/nginx.pid; error_log {room}/nginx.log; {user}
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;
    client_body_temp_path {room}/body; proxy_temp_path {room}/proxy; fastcgi_temp_path {room}/fastcgi;
    uwsgi_temp_path {room}/uwsgi; scgi_temp_path {room}/scgi;
    server {{ listen 127.0.0.1:{port}; root {files}; }}
}}
"""


@contextmanager
def nginx(session: Session, room: Path, files: Path) -> Iterator[Side]:
    """nginx serving a directory of files with the kernel's file sending: no keys, no checks, no decryption."""
    program, environment = programs.program(session, "nginx")
    port = free_port()
    # Started as root it would work as a user who may not read below the root's home.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = room / "nginx.conf"
    configuration.write_text(_NGINX.format(room=room, port=port, files=files, user=user))
    command = [str(program), "-p", str(room), "-e", str(room / "nginx.log"), "-c", str(configuration)]
    first = next(each.name for each in sorted(files.iterdir()))
    with process(NGINX, room, command, environment, f"http://127.0.0.1:{port}/{first}"):
        yield Side(NGINX, f"http://127.0.0.1:{port}")


@contextmanager
def limit(name: str, room: Path, answer_bytes: int = 1024) -> Iterator[Side]:
    """UVICORN or UVICORN_FSYNC: boatyard's own HTTP server with nothing behind it, or with a file for each PUT."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.limit:application", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "warning"]
    settings = {"BENCH_LIMIT_BYTES": str(answer_bytes), "PYTHONPATH": str(ROOT)}
    if name == UVICORN_FSYNC:
        kept = room / "limit"
        kept.mkdir()
        settings["BENCH_LIMIT_DIRECTORY"] = str(kept)
    with process(name, room, command, settings, f"http://127.0.0.1:{port}/"):
        yield Side(name, f"http://127.0.0.1:{port}")


@contextmanager
def process(
    name: str, room: Path, command: list[str], settings: dict[str, str], ready: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that runs as long as it is needed, with its files in the room and what it says in NAME.out."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "BOATYARD_", "MOTO_"))}
    temporary = room / f"{name}-temporary"
    temporary.mkdir()
    output = room / f"{name}.out"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            env={**kept, **settings, "TMPDIR": str(temporary)},
            cwd=temporary,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _STARTS_WITHIN
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start:\n{output.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
