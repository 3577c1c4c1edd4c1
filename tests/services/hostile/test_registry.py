"""Addresses of the registry at /v2/ that are made to lead out: refused in its own words, and nothing is written."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.server import RunningServer, unique
from tests.services.hostile.names import FEWER, MARK, names

PLACES = [
    "/v2/{repository}/blobs/uploads/{name}",
    "/v2/{repository}/manifests/{name}",
    "/v2/{repository}/blobs/{name}",
    "/v2/{repository}/blobs/sha256:{name}",
    "/v2/{repository}/referrers/{name}",
    "/v2/{name}/manifests/latest",
    "/v2/{name}/blobs/uploads/",
    "/v2/{name}/tags/list",
    "/v2/{name}",
]


@pytest.fixture(scope="module")
def repository(client: Callable[..., Any]) -> tuple[str, str]:
    """A repository and the header that opens the registry."""
    name = unique("registry")
    client("ecr").create_repository(repositoryName=name)
    return name, client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]


def ask(server: RunningServer, token: str, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    """One request with exactly this path."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        connection.putheader("Authorization", f"Basic {token}")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@given(
    place=st.sampled_from(PLACES),
    name=names.map(lambda name: name + MARK),
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]),
    escaped=st.booleans(),
)
@example(place=PLACES[0], name="../../../../h0stile", method="PATCH", escaped=True)
@example(place=PLACES[0], name="../h0stile", method="PUT", escaped=False)
@example(place=PLACES[1], name="..", method="PUT", escaped=True)
@example(place=PLACES[3], name="../../../h0stile", method="GET", escaped=True)
@example(place=PLACES[6], name="../../h0stile", method="POST", escaped=True)
@FEWER
def test_an_address_that_leads_out_is_refused(
    server: RunningServer, repository: tuple[str, str], place: str, name: str, method: str, escaped: bool
) -> None:
    known, token = repository
    written = quote(name, safe="") if escaped else quote(name, safe="/.%~:")
    path = place.format(repository=known, name=written)
    status, content = ask(server, token, method, path, b"x" if method in ("PUT", "PATCH") else b"")
    assert 400 <= status < 500, (method, path, status, content)
    if method != "HEAD" and content:
        assert json.loads(content)["errors"], content
    assert MARK not in "".join(tags_of(server, token, known))


def tags_of(server: RunningServer, token: str, repository: str) -> list[str]:
    status, content = ask(server, token, "GET", f"/v2/{repository}/tags/list")
    assert status == 200
    return list(json.loads(content)["tags"] or [])
