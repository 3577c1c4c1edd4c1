"""AWS's published Signature Version 4 test suite, taken from the source distribution of botocore, which carries it.

Nothing of it is kept in this repository: it is fetched once by pip, from whatever index pip uses here, by exact version
and hash, and kept in the user's cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from boatyard.gateway.messages import Headers, HttpRequest

ACCESS_KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
_VERSION = "1.44.5"
_SHA256 = "a988f39e3a4484def0b8010f41128f71157da0515a4804fccce4739aa8f216da"
_FOLDER = "/tests/unit/auth/aws4_testsuite/"
_ENDINGS = (".sreq", ".authz", ".creq", ".sts")


@dataclass(frozen=True)
class Case:
    """One case: the signed request, and what AWS says its canonical request and string to sign are."""

    name: str
    request: HttpRequest
    canonical: str
    string_to_sign: str


@cache
def cases() -> tuple[Case, ...]:
    """Every case of the suite; AssertionError with pip's own words where it cannot be fetched."""
    files = _files(distribution())
    names = sorted(name.removesuffix(".sreq") for name in files if name.endswith(".sreq"))
    return tuple(_case(name, *(files[f"{name}{ending}"] for ending in _ENDINGS)) for name in names)


def distribution() -> Path:
    """botocore's source distribution, fetched if it is not kept yet; AssertionError where it cannot be fetched."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "boatyard" / "published-signatures"
    kept = base / f"botocore-{_VERSION}-{_SHA256[:16]}.tar.gz"
    if kept.exists():
        return kept
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=base) as scratch:
        pinned = Path(scratch) / "pinned.txt"
        pinned.write_text(f"botocore=={_VERSION} --hash=sha256:{_SHA256}\n")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "botocore"]
        pip += ["--require-hashes", "--requirement", str(pinned), "--dest", scratch]
        done = subprocess.run(pip, capture_output=True, text=True, timeout=480, check=False)
        assert done.returncode == 0, (
            "AWS's published signature test suite could not be fetched: this test needs the package index that pip uses"
            f" (pip config list), once. pip said:\n{done.stderr}"
        )
        (Path(scratch) / f"botocore-{_VERSION}.tar.gz").replace(kept)
    return kept


def _files(archived: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(archived) as archive:
        for member in archive:
            _, inside, name = member.name.partition(_FOLDER)
            if inside and name.endswith(_ENDINGS):
                content = archive.extractfile(member)
                assert content is not None
                found[name] = content.read()
    return found


def _case(name: str, signed: bytes, authorization: bytes, canonical: bytes, to_sign: bytes) -> Case:
    request = _request(signed)
    # One case's signed request carries a made-up signature; the right one is in its file of the header alone.
    request.headers["authorization"] = authorization.decode().strip()
    return Case(name.rpartition("/")[2], request, canonical.decode("latin-1"), to_sign.decode())


def _request(text: bytes) -> HttpRequest:
    """The request of a file, as a server's HTTP parser hands it on."""
    head, _, body = text.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, rest = first.partition(b" ")
    path, _, query = rest.removesuffix(b" HTTP/1.1").partition(b"?")
    raw: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line[:1] == b" ":
            raw[-1] = (raw[-1][0], raw[-1][1] + b" " + line.strip())
        else:
            header, _, value = line.partition(b":")
            raw.append((header, value.strip()))
    return HttpRequest(
        method.decode(), path.decode("latin-1"), query.decode("latin-1"), Headers.from_raw(raw), body=body
    )
