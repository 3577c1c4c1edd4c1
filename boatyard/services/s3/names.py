"""What a bucket and an object may be called."""

from __future__ import annotations

import re

from boatyard.api.errors import ApiError

KEY_LIMIT = 1024
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_PREFIXES = ("xn--", "sthree-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def is_bucket_name(name: str) -> bool:
    """Whether a bucket may have this name (S3 User Guide, "General purpose bucket naming rules")."""
    if not _BUCKET.fullmatch(name) or _ADDRESS.fullmatch(name) or ".." in name:
        return False
    return not name.startswith(_PREFIXES) and not name.endswith(_SUFFIXES)


def check_bucket_name(name: str) -> None:
    """Raises InvalidBucketName when a bucket may not have this name."""
    if not is_bucket_name(name):
        raise ApiError("InvalidBucketName", "The specified bucket is not valid.", status=400, BucketName=name)


def key_bytes(key: str) -> bytes:
    """The key as it is stored and ordered: its UTF-8 bytes, at most 1024 of them (KeyTooLongError)."""
    try:
        encoded = key.encode()
    except UnicodeEncodeError as error:
        raise ApiError("InvalidURI", "Couldn't parse the specified URI.", status=400) from error
    if len(encoded) > KEY_LIMIT:
        raise ApiError(
            "KeyTooLongError",
            "Your key is too long",
            status=400,
            Size=str(len(encoded)),
            MaxSizeAllowed=str(KEY_LIMIT),
        )
    if not encoded:
        raise ApiError("InvalidArgument", "An object key has at least one character.", status=400)
    return encoded


def after_prefix(prefix: bytes) -> bytes | None:
    """The smallest key that comes after every key with this prefix; None when the prefix is empty.

    Keys are UTF-8, in which no byte is 0xFF, so that the last byte can always be raised by one.
    """
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else None
