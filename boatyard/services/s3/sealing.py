"""How an object's bytes lie on disk: AES-256-GCM in chunks, so that any range can be read without the rest."""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 64 * 1024
TAG = 16
NONCE = 12
SALT = 16
KEY = 32


class DamagedContent(OSError):
    """Stored bytes that are not what was written: a damaged disk, or a file that was changed from outside."""


class SegmentCipher:
    """Seals and opens the chunks of one segment, each of 64 KiB but the last.

    The key is made from the object's data key and the segment's own random salt (HMAC-SHA-256), so that no key
    ever seals two segments and the chunk's number serves as nonce (NIST SP 800-38D, section 8.2.1).
    """

    def __init__(self, data_key: bytes, salt: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(data_key, b"boatyard s3 segment" + salt, hashlib.sha256))

    def seal(self, number: int, chunk: bytes) -> bytes:
        """The chunk as it is stored: 16 bytes longer."""
        return self._cipher.encrypt(number.to_bytes(NONCE, "big"), chunk, None)

    def open(self, number: int, sealed: bytes | memoryview) -> bytes:
        """The chunk as it was written; raises DamagedContent when it is not."""
        try:
            return self._cipher.decrypt(number.to_bytes(NONCE, "big"), sealed, None)
        except InvalidTag as error:
            raise DamagedContent(f"chunk {number} of a stored object is damaged") from error


def sealed_offset(chunk: int) -> int:
    """Where a full chunk begins in the stored segment."""
    return chunk * (CHUNK + TAG)


def wrap(master: bytes, data_key: bytes) -> bytes:
    """A data key, sealed by another key."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(master).encrypt(nonce, data_key, b"boatyard s3 data key")


def unwrap(master: bytes, wrapped: bytes) -> bytes:
    """The data key; raises DamagedContent when another key sealed it."""
    try:
        return AESGCM(master).decrypt(wrapped[:NONCE], wrapped[NONCE:], b"boatyard s3 data key")
    except InvalidTag as error:
        raise DamagedContent("the key of a stored object is damaged") from error
