"""HTTP/1.1 over a plain socket: sends whatever it is given and reads what a server answers."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from types import TracebackType


class ConnectionEnded(Exception):
    """The server has closed the connection before its answer was whole."""


@dataclass(frozen=True)
class Answer:
    """A response: header names in lower case, the last of a repeated one."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        return self.headers.get("connection", "").lower() == "close"


class RawConnection:
    """One connection to a server on this machine; a read waits `timeout` seconds at most (TimeoutError)."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """All of the bytes; a server that has closed already is seen by `answer`."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def finish_sending(self) -> None:
        """Close the half that sends: the server sees the end of what comes."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self, method: str = "GET") -> Answer:
        """The next response; 100 Continue is passed over. ConnectionEnded where there is none."""
        while True:
            head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            status = int(head[0].split(" ", 2)[1])
            headers = {}
            for line in head[1:]:
                if line:
                    name, _, value = line.partition(":")
                    headers[name.strip().lower()] = value.strip()
            if status != 100:
                return Answer(status, headers, self._body(method, status, headers))

    def _body(self, method: str, status: int, headers: dict[str, str]) -> bytes:
        if method == "HEAD" or status in (204, 304):
            return b""
        if "chunked" in headers.get("transfer-encoding", ""):
            return self._chunks()
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"]))
        return self._rest()

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._until(b"\r\n").split(b";")[0], 16):
            body += self._exactly(size)
            self._exactly(2)
        self._until(b"\r\n")
        return body

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._receive()
        found, _, self._buffer = self._buffer.partition(mark)
        return found + mark

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _rest(self) -> bytes:
        try:
            while True:
                self._receive()
        except ConnectionEnded:
            found, self._buffer = self._buffer, b""
            return found

    def _receive(self) -> None:
        try:
            piece = self._socket.recv(1 << 16)
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise ConnectionEnded
        self._buffer += piece

    def close(self) -> None:
        """End it."""
        self._socket.close()
