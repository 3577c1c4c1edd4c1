"""Places in S3 as SageMaker's parameters spell them, and the moving of whole prefixes to and from disk."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from boatyard.api.errors import ApiError

_URI = re.compile(r"s3://([^/]+)/?(.*)\Z", re.DOTALL)
_HTTPS = (
    re.compile(r"https://s3[.-][a-z0-9-]+\.amazonaws\.com/([^/]+)/?(.*)\Z", re.DOTALL),
    re.compile(r"https://([^/]+?)\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com/?(.*)\Z", re.DOTALL),
    re.compile(r"https://s3\.amazonaws\.com/([^/]+)/?(.*)\Z", re.DOTALL),
)


class UnsafeKey(Exception):
    """An object key that cannot become a file below a folder; its text says which and why."""


def parse(uri: str, member: str) -> tuple[str, str]:
    """The bucket and the key (or prefix) of an S3 URI; `member` is named in the error."""
    for pattern in (_URI, *_HTTPS):
        found = pattern.match(uri)
        if found:
            return found[1], found[2]
    raise ApiError("ValidationException", f"{member}: {uri!r} is no S3 URI. It must look like s3://bucket/prefix.")


def join(uri: str, *parts: str) -> str:
    """An S3 URI below another one."""
    return "/".join((uri.rstrip("/"), *parts))


def relative_path(key: str, prefix: str) -> PurePosixPath | None:
    """Where the object `key`, found under `prefix`, lies below the channel's folder; None for a folder marker.

    A prefix that ends at a slash, or that is a whole path component of the key, is left out; a prefix that
    is the key itself leaves the file's name; a prefix that ends within a component leaves the whole component.
    """
    if key.endswith("/"):
        return None
    if key == prefix:
        rest = key.rpartition("/")[2]
    elif not prefix.endswith("/") and key[len(prefix) :].startswith("/"):
        rest = key[len(prefix) + 1 :]
    else:
        rest = key[len(prefix.rpartition("/")[0]) :].removeprefix("/") if "/" in prefix else key
    return safe_path(rest)


def safe_path(name: str) -> PurePosixPath:
    """A relative path that stays below where it is put, or UnsafeKey."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in name:
        raise UnsafeKey(f"the object key {name!r} cannot become a file: it has an empty part, '.' or '..' in it")
    if any(len(part.encode()) > 255 for part in parts):
        raise UnsafeKey(f"the object key {name!r} cannot become a file: a part of it is longer than 255 bytes")
    return PurePosixPath(*parts)
