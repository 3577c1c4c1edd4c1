"""Ciphertexts: AES-256-GCM under a key's material, bound to the encryption context, naming their key.

A blob is a version byte, the length of the key's ARN, the ARN, the generation of the material (two bytes), a nonce
of 12 bytes, and the encrypted text with its tag.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_NONCE = 12
_TAG = 16


class InvalidCiphertext(ValueError):
    """What is not a ciphertext, or was changed, or belongs to another key or context."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A ciphertext taken apart."""

    key_arn: str
    generation: int
    nonce: bytes
    content: bytes


def encrypt(material: bytes, key_arn: str, generation: int, plaintext: bytes, context: Mapping[str, str]) -> bytes:
    """A ciphertext of `plaintext` that opens only with the same context."""
    nonce = secrets.token_bytes(_NONCE)
    name = key_arn.encode()
    head = bytes([_VERSION, len(name)]) + name + generation.to_bytes(2, "big")
    content = AESGCM(material).encrypt(nonce, plaintext, head + _canonical(context))
    return head + nonce + content


def open_envelope(blob: bytes) -> Envelope:
    """Which key a ciphertext names; InvalidCiphertext for anything else."""
    if len(blob) < 2 or blob[0] != _VERSION or len(blob) < 2 + blob[1] + 2 + _NONCE + _TAG:
        raise InvalidCiphertext("not a ciphertext")
    end = 2 + blob[1]
    try:
        key_arn = blob[2:end].decode("ascii")
    except UnicodeDecodeError as error:
        raise InvalidCiphertext("not a ciphertext") from error
    generation = int.from_bytes(blob[end : end + 2], "big")
    return Envelope(key_arn, generation, blob[end + 2 : end + 2 + _NONCE], blob[end + 2 + _NONCE :])


def decrypt(material: bytes, envelope: Envelope, context: Mapping[str, str]) -> bytes:
    """The plaintext; InvalidCiphertext when key, context or content are not what they were."""
    name = envelope.key_arn.encode()
    head = bytes([_VERSION, len(name)]) + name + envelope.generation.to_bytes(2, "big")
    try:
        return AESGCM(material).decrypt(envelope.nonce, envelope.content, head + _canonical(context))
    except InvalidTag as error:
        raise InvalidCiphertext("the ciphertext or its context was changed") from error


def _canonical(context: Mapping[str, str]) -> bytes:
    return json.dumps(sorted(context.items()), separators=(",", ":")).encode()
