"""One request to the registry and its response, with the distribution specification's errors."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from boatyard.api.bodies import FileSlice
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.ecr.records import Repository

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PIECE = 1 << 20
CODES = {
    "RepositoryNotFoundException": (404, "NAME_UNKNOWN"),
    "ImageNotFoundException": (404, "MANIFEST_UNKNOWN"),
    "LayersNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "ReferencedImagesNotFoundException": (400, "MANIFEST_BLOB_UNKNOWN"),
    "ImageTagAlreadyExistsException": (400, "TAG_INVALID"),
    "ImageDigestDoesNotMatchException": (400, "DIGEST_INVALID"),
    "InvalidParameterException": (400, "MANIFEST_INVALID"),
    "AccessDeniedException": (403, "DENIED"),
}


@dataclass
class Response:
    """What is answered: a whole body, or a slice of a file."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FileSlice = b""


class RegistryError(Exception):
    """An error of the distribution specification ("Error Codes")."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def response(self, host: str) -> Response:
        """The error as JSON, with the challenge that makes clients log in."""
        body = json.dumps({"errors": [{"code": self.code, "message": self.message}]}).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        if self.status == 401:
            headers["WWW-Authenticate"] = f'Basic realm="https://{host}/",service="ecr.amazonaws.com"'
        return Response(self.status, headers, body)


def from_api(error: ApiError) -> RegistryError:
    """An operation's error as the registry words it."""
    status, code = CODES.get(error.code, (error.status or 400, "UNSUPPORTED"))
    return RegistryError(status, code, error.message)


class Exchange:
    """One request: `repository` and `reference` (digest, tag or upload id) are set once its address is known."""

    call: Call
    repository: Repository

    def __init__(self, scope: Scope, receive: Receive, send: Send, installation: "Installation") -> None:
        self.scope = scope
        self.installation = installation
        self.reference = ""
        self.method: str = scope["method"]
        self.headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        self.path = unquote(raw.decode("latin-1").split("?", 1)[0])
        self.query: str = scope.get("query_string", b"").decode("latin-1")
        host = self.headers.get("host", "")
        self.host = host if all(character.isalnum() or character in ".-:[]" for character in host) else ""
        self._receive = receive
        self._send = send
        self._ended = False

    def argument(self, name: str) -> str | None:
        """The first value of a query argument."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [None])[0]

    async def piece(self) -> bytes:
        """The next piece of the body, b"" at its end; RegistryError when the client goes away before it."""
        while not self._ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise RegistryError(400, "BLOB_UPLOAD_INVALID", "The connection ended before the whole body came")
            self._ended = not message.get("more_body", False)
            if body := message.get("body", b""):
                return bytes(body)
        return b""

    async def body(self, limit: int) -> bytes:
        """The whole body; RegistryError (413) above `limit` bytes."""
        pieces, size = [], 0
        while piece := await self.piece():
            size += len(piece)
            if size > limit:
                raise RegistryError(413, "SIZE_INVALID", f"The body is larger than {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    async def answer(self, response: Response) -> None:
        """Send the response; a HEAD request gets the head only."""
        body = response.body
        length = body.length if isinstance(body, FileSlice) else len(body)
        headers = {"Docker-Distribution-Api-Version": "registry/2.0", **response.headers}
        headers.setdefault("Content-Length", str(length))
        raw = [(key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]
        file = None
        if isinstance(body, FileSlice) and self.method != "HEAD":
            file = await asyncio.to_thread(body.path.open, "rb")
        try:
            await self._send({"type": "http.response.start", "status": response.status, "headers": raw})
            if file is not None and isinstance(body, FileSlice):
                await asyncio.to_thread(file.seek, body.offset)
                left = body.length
                while left > 0 and (piece := await asyncio.to_thread(file.read, min(PIECE, left))):
                    left -= len(piece)
                    await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            rest = body if isinstance(body, bytes) and self.method != "HEAD" else b""
            await self._send({"type": "http.response.body", "body": rest, "more_body": False})
        finally:
            if file is not None:
                file.close()
