"""Encrypt, decrypt and make data keys: the work that KMS keys do."""

from __future__ import annotations

import secrets
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.identity.sealing import unseal
from boatyard.services.kms import ciphertexts
from boatyard.services.kms.ciphertexts import Envelope, InvalidCiphertext
from boatyard.services.kms.lookup import check_usable, require_key, usable_key
from boatyard.services.kms.records import Key

_ALGORITHM = "SYMMETRIC_DEFAULT"
_KEY_BYTES = {"AES_256": 32, "AES_128": 16}


def _check(params: Params, operation: str) -> None:
    if params.get("Recipient"):
        raise not_supported("kms", operation, "Recipient (Nitro enclaves)")
    for name in ("EncryptionAlgorithm", "SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"):
        if params.get(name, _ALGORITHM) != _ALGORITHM:
            raise ApiError("InvalidKeyUsageException", f"{params[name]} is not valid for a symmetric key.", status=400)


def _dry_run(params: Params) -> None:
    if params.get("DryRun"):
        raise ApiError("DryRunOperationException", "The request would have succeeded.", status=412)


def _material(call: Call, key: Key, generation: int) -> bytes:
    sealed = key.material[generation]
    return unseal(call.installation.data_directory, sealed, f"kms:{key.id}")


def _seal(call: Call, key: Key, plaintext: bytes, context: dict[str, str]) -> bytes:
    generation = len(key.material) - 1
    return ciphertexts.encrypt(_material(call, key, generation), key.arn, generation, plaintext, context)


def _invalid() -> ApiError:
    return ApiError("InvalidCiphertextException", "", status=400)


def _key_of(call: Call, blob: bytes, named: str | None) -> tuple[Key, Envelope]:
    """The key that a ciphertext names, which must be the one that the caller names, if it names one."""
    try:
        envelope = ciphertexts.open_envelope(blob)
    except InvalidCiphertext as error:
        raise _invalid() from error
    with call.installation.database.reading() as rx:
        if named is not None and require_key(rx, call, named).arn != envelope.key_arn:
            raise ApiError(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation.",
                status=400,
            )
        try:
            key = require_key(rx, call, envelope.key_arn)
        except ApiError as error:
            raise ApiError(
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region,"
                " or you are not allowed to access.",
                status=400,
            ) from error
    check_usable(key)
    return key, envelope


def _open(call: Call, key: Key, envelope: Envelope, context: dict[str, str]) -> bytes:
    if envelope.generation >= len(key.material):
        raise _invalid()
    try:
        return ciphertexts.decrypt(_material(call, key, envelope.generation), envelope, context)
    except InvalidCiphertext as error:
        raise _invalid() from error


def encrypt(call: Call, params: Params) -> dict[str, Any]:
    """Encrypt up to 4096 bytes under a key. (KMS API: Encrypt)"""
    _check(params, "Encrypt")
    key = usable_key(call, params["KeyId"])
    _dry_run(params)
    blob = _seal(call, key, params["Plaintext"], params.get("EncryptionContext", {}))
    return {"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": _ALGORITHM}


def decrypt(call: Call, params: Params) -> dict[str, Any]:
    """Decrypt what a key has encrypted, with the same context. (KMS API: Decrypt)"""
    _check(params, "Decrypt")
    if params.get("CiphertextBlob") is None:
        raise ApiError("ValidationException", "CiphertextBlob must be given", status=400)
    key, envelope = _key_of(call, params["CiphertextBlob"], params.get("KeyId"))
    _dry_run(params)
    plaintext = _open(call, key, envelope, params.get("EncryptionContext", {}))
    return {"KeyId": key.arn, "Plaintext": plaintext, "EncryptionAlgorithm": _ALGORITHM}


def re_encrypt(call: Call, params: Params) -> dict[str, Any]:
    """Decrypt with one key and encrypt with another, inside. (KMS API: ReEncrypt)"""
    _check(params, "ReEncrypt")
    source, envelope = _key_of(call, params["CiphertextBlob"], params.get("SourceKeyId"))
    target = usable_key(call, params["DestinationKeyId"])
    _dry_run(params)
    plaintext = _open(call, source, envelope, params.get("SourceEncryptionContext", {}))
    return {
        "CiphertextBlob": _seal(call, target, plaintext, params.get("DestinationEncryptionContext", {})),
        "SourceKeyId": source.arn,
        "KeyId": target.arn,
        "SourceEncryptionAlgorithm": _ALGORITHM,
        "DestinationEncryptionAlgorithm": _ALGORITHM,
    }


def _data_key(call: Call, params: Params, operation: str) -> dict[str, Any]:
    _check(params, operation)
    spec, number = params.get("KeySpec"), params.get("NumberOfBytes")
    if (spec is None) == (number is None):
        raise ApiError("ValidationException", "Please specify either number of bytes or key spec.", status=400)
    key = usable_key(call, params["KeyId"])
    _dry_run(params)
    plaintext = secrets.token_bytes(_KEY_BYTES[spec] if spec is not None else int(number or 0))
    blob = _seal(call, key, plaintext, params.get("EncryptionContext", {}))
    return {"CiphertextBlob": blob, "Plaintext": plaintext, "KeyId": key.arn}


def generate_data_key(call: Call, params: Params) -> dict[str, Any]:
    """Make a data key, in the clear and encrypted. (KMS API: GenerateDataKey)"""
    return _data_key(call, params, "GenerateDataKey")


def generate_data_key_without_plaintext(call: Call, params: Params) -> dict[str, Any]:
    """Make a data key, only encrypted. (KMS API: GenerateDataKeyWithoutPlaintext)"""
    made = _data_key(call, params, "GenerateDataKeyWithoutPlaintext")
    return {"CiphertextBlob": made["CiphertextBlob"], "KeyId": made["KeyId"]}


def generate_random(call: Call, params: Params) -> dict[str, Any]:
    """Give random bytes. (KMS API: GenerateRandom)"""
    _check(params, "GenerateRandom")
    if params.get("CustomKeyStoreId"):
        raise not_supported("kms", "GenerateRandom", "CustomKeyStoreId")
    if params.get("NumberOfBytes") is None:
        raise ApiError("ValidationException", "NumberOfBytes is a required parameter.", status=400)
    return {"Plaintext": secrets.token_bytes(params["NumberOfBytes"])}
