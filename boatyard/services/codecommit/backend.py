"""Git's own http-backend as a CGI process below ASGI: bytes go through in both directions, none are kept."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boatyard.services.codecommit.git import environment

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CHUNK = 1 << 16


@dataclass(frozen=True)
class GitRequest:
    """What http-backend is asked: the repository's directory and the path below it (`/info/refs`, ...)."""

    directory: Path
    path: str
    caller: str


def cgi_environment(scope: Scope, request: GitRequest) -> dict[str, str]:
    """CGI's variables (RFC 3875) for one request; of the client's headers only the four that git reads."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    variables = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_METHOD": scope["method"],
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "GIT_PROJECT_ROOT": str(request.directory.parent),
        "PATH_INFO": f"/{request.directory.name}{request.path}",
        "GIT_HTTP_EXPORT_ALL": "1",
        "REMOTE_USER": request.caller,
        "REMOTE_ADDR": (scope.get("client") or ("127.0.0.1", 0))[0],
        "CONTENT_TYPE": headers.get("content-type", ""),
    }
    if "content-length" in headers:
        variables["CONTENT_LENGTH"] = headers["content-length"]
    if "content-encoding" in headers:
        variables["HTTP_CONTENT_ENCODING"] = headers["content-encoding"]
    if "git-protocol" in headers:
        variables["HTTP_GIT_PROTOCOL"] = headers["git-protocol"]
    return environment(variables)


async def serve(
    scope: Scope, receive: Receive, send: Send, request: GitRequest, before_last: Callable[[], Awaitable[None]] | None
) -> None:
    """Run http-backend for one request. `before_last` is awaited before the client is given the end of the answer."""
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=cgi_environment(scope, request),
        cwd=request.directory,
        start_new_session=True,
        limit=CHUNK * 4,
    )
    whole = asyncio.Event()
    feeding = asyncio.create_task(_feed(process, receive, whole, writes=before_last is not None))
    try:
        await _answer(process, send, before_last)
    except BaseException:
        _end(process, whole, before_last is not None)
        raise
    finally:
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await feeding
        await process.wait()


async def _feed(process: asyncio.subprocess.Process, receive: Receive, whole: asyncio.Event, *, writes: bool) -> None:
    """The request's body into git, which is stopped when the client goes away, unless it has a whole push."""
    stdin = process.stdin
    if stdin is None:
        return
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                _kill(process)
                return
            if body := message.get("body", b""):
                stdin.write(body)
                await stdin.drain()
            if not message.get("more_body", False):
                whole.set()
                break
    except (BrokenPipeError, ConnectionResetError):
        # Git has answered without reading everything (a refused push): its answer says why.
        pass
    finally:
        stdin.close()
    if not writes and (await receive())["type"] == "http.disconnect":
        _kill(process)


async def _answer(
    process: asyncio.subprocess.Process, send: Send, before_last: Callable[[], Awaitable[None]] | None
) -> None:
    stdout = process.stdout
    if stdout is None:
        return
    try:
        head = await stdout.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        head = b"Status: 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\n"
    status, headers = parse_head(head)
    held = b""
    started = False
    while chunk := await stdout.read(CHUNK):
        if before_last is None or held:
            if not started:
                await send({"type": "http.response.start", "status": status, "headers": headers})
                started = True
            await send({"type": "http.response.body", "body": held or chunk, "more_body": True})
        held = b"" if before_last is None else chunk
    await process.wait()
    if before_last is not None:
        await before_last()
    if not started:
        await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": held, "more_body": False})


def parse_head(head: bytes) -> tuple[int, list[tuple[bytes, bytes]]]:
    """A CGI response's head: its status (200 when it names none) and its other headers."""
    status = 200
    headers = []
    for line in head.split(b"\r\n"):
        name, separator, value = line.partition(b":")
        if not separator:
            continue
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.strip().lower(), value.strip()))
    return status, headers


def _end(process: asyncio.subprocess.Process, whole: asyncio.Event, writes: bool) -> None:
    """The client is gone: stop git, unless it has a whole push in its hands, which it then finishes."""
    if not (writes and whole.is_set()):
        _kill(process)


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
