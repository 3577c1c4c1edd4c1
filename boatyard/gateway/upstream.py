"""Hands what boatyard does not do to another AWS-compatible server, where the setting `upstream` names one."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

from boatyard.api.errors import ApiError
from boatyard.gateway.messages import HttpRequest, HttpResponse

# Headers that are about one connection only (RFC 9110, section 7.6.1), and those that are written anew.
_OF_A_CONNECTION = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})
_OF_A_PROXY = frozenset({"proxy-authenticate", "proxy-authorization"})
_PIECE = 1 << 20
_PATIENCE = 900  # seconds, as long as AWS's longest call


def forward(url: str, request: HttpRequest, body: bytes) -> HttpResponse:
    """The answer of the server at `url` to the request as it came; ApiError (502) when it does not answer.

    The Host header stays the client's, because the signature holds it.
    """
    parts = urlsplit(url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=_PATIENCE)
    headers = {name: value for name, value in request.headers.items() if name not in _OF_A_CONNECTION | _OF_A_PROXY}
    headers["content-length"] = str(len(body))
    query = f"?{request.query_string}" if request.query_string else ""
    try:
        connection.request(request.method, f"{parts.path.rstrip('/')}{request.raw_path}{query}", body, headers)
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise ApiError(
            "BadGateway",
            f"The upstream server {url} did not answer: {error}. Start it, or unset BOATYARD_UPSTREAM.",
            status=502,
        ) from None
    kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_A_CONNECTION | {"date"}]
    return HttpResponse(answer.status, kept, _pieces(connection, answer))


def _pieces(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while piece := answer.read(_PIECE):
            yield piece
    finally:
        connection.close()
