"""AWS's published Signature Version 4 test suite against the server's own canonicalisation and verification."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from boatyard.gateway import signature
from boatyard.gateway.messages import Headers, HttpRequest
from boatyard.gateway.refusals import Refusal
from tests.published_signatures import ACCESS_KEY, SECRET, Case, cases

# What path normalisation takes out may be anything: changes there are no changes.
_NORMALISED = "get-relative"


def _verify(request: HttpRequest) -> signature.Claim:
    claim = signature.claim_of(request)
    assert claim is not None
    signature.verify(request, claim, SECRET, hashlib.sha256(request.body).hexdigest())
    return claim


def _other(character: str) -> str:
    return "y" if character == "x" else "x"


def _changed(text: str) -> Iterator[str]:
    """The text with one character changed, each in turn; spaces are left, because they are trimmed."""
    for position, character in enumerate(text):
        if character != " ":
            yield text[:position] + _other(character) + text[position + 1 :]


def _tampered(case: Case) -> Iterator[HttpRequest]:
    request = case.request
    for method in _changed(request.method):
        yield replace(request, method=method)
    for path in [] if case.name.startswith(_NORMALISED) else _changed(request.raw_path[1:]):
        yield replace(request, raw_path=f"/{path}")
    yield replace(request, raw_path=f"{request.raw_path}x")
    for query in [f"{request.query_string}&x", *_changed(request.query_string)]:
        yield replace(request, query_string=query)
    for body in [f"{request.body.decode()}x", *_changed(request.body.decode())]:
        yield replace(request, body=body.encode())
    claim = signature.claim_of(request)
    assert claim is not None
    for name in claim.signed_headers:
        for value in [f"{request.headers[name]}x", *_changed(request.headers[name])]:
            yield replace(request, headers=Headers(request.headers | {name: value}))
    start, _, given = request.headers["authorization"].rpartition("=")
    for value in [given[:-1], f"{given}0", *_changed(given)]:
        yield replace(request, headers=Headers(request.headers | {"authorization": f"{start}={value}"}))


def test_every_case_is_accepted_as_published() -> None:
    assert len(cases()) == 34
    for case in cases():
        claim = _verify(case.request)
        assert (claim.access_key_id, claim.service) == (ACCESS_KEY, "service"), case.name
        payload = hashlib.sha256(case.request.body).hexdigest()
        readings = list(signature._canonical_requests(case.request, claim, payload))
        assert case.canonical in readings, case.name
        assert signature.string_to_sign(claim, case.canonical) == case.string_to_sign, case.name


def test_no_case_is_accepted_with_one_character_changed() -> None:
    refused = 0
    for case in cases():
        for request in _tampered(case):
            with pytest.raises(Refusal):
                _verify(request)
            refused += 1
    assert refused > 4000
