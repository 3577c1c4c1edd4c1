"""Secrets at rest: sealed under a key of the data directory's own, so that a copy of the database gives none away."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


def seal(data_directory: Path, secret: bytes, purpose: str) -> bytes:
    """A secret encrypted with AES-256-GCM; it opens only for the same purpose (e.g. an access key's id)."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(data_directory).encrypt(nonce, secret, purpose.encode())


def unseal(data_directory: Path, sealed: bytes, purpose: str) -> bytes:
    """The secret; raises cryptography's InvalidTag where the key or the purpose is another."""
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    return _cipher(data_directory).decrypt(nonce, body, purpose.encode())


@lru_cache(maxsize=64)
def _cipher(data_directory: Path) -> AESGCM:
    return AESGCM(private_file(data_directory / "sealing-key", lambda: secrets.token_bytes(32)))


def private_file(path: Path, content: Callable[[], bytes]) -> bytes:
    """A file's bytes, made once (mode 600, written whole, synced) by calling `content` where it is not there."""
    if not path.exists():
        write_private(path, content(), replace=False)
    return path.read_bytes()


def write_private(path: Path, content: bytes, *, replace: bool) -> None:
    """Writes a file of mode 600 whole or not at all; without `replace` the first of two writers wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            draft.replace(path)
        else:
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                return
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
