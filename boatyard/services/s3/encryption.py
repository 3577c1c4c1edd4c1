"""Server-side encryption: which is asked for, and the data key of each object under S3's own key or one of KMS."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag

from boatyard.api import json_text
from boatyard.api.call import Call
from boatyard.api.errors import ApiError, not_supported
from boatyard.identity import sealing as master
from boatyard.services.s3.records import Bucket, Encryption, ObjectVersion
from boatyard.services.s3.sealing import KEY, DamagedContent, unwrap, wrap

PURPOSE = "s3 object"
MANAGED_KEY = "alias/aws/s3"


@dataclass(frozen=True, slots=True)
class Choice:
    """The encryption that a new object gets."""

    algorithm: str = "AES256"
    key_id: str | None = None
    context: Mapping[str, str] | None = None
    bucket_key: bool = False


def choose(bucket: Bucket, operation: str, params: Mapping[str, Any]) -> Choice:
    """What the request asks for, else the bucket's default (S3, "Setting default server-side encryption")."""
    refuse_client_keys(operation, params)
    asked, key_id = params.get("ServerSideEncryption"), params.get("SSEKMSKeyId")
    if asked is None and key_id is not None:
        message = (
            "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : "
            "aws:kms"
        )
        raise ApiError("InvalidArgument", message, status=400, ArgumentName="x-amz-server-side-encryption")
    rule = default_rule(bucket)
    default = rule["ApplyServerSideEncryptionByDefault"]
    algorithm = asked or default["SSEAlgorithm"]
    check_algorithm(operation, algorithm)
    if algorithm == "AES256":
        if key_id is not None:
            message = "The encryption method specified is not supported with a KMS key id"
            raise ApiError("InvalidArgument", message, status=400, ArgumentName="x-amz-server-side-encryption")
        return Choice()
    bucket_key = params.get("BucketKeyEnabled")
    return Choice(
        algorithm=algorithm,
        key_id=key_id or default.get("KMSMasterKeyID") or MANAGED_KEY,
        context=_context(params.get("SSEKMSEncryptionContext")),
        bucket_key=bool(rule.get("BucketKeyEnabled", False) if bucket_key is None else bucket_key),
    )


def refuse_client_keys(operation: str, params: Mapping[str, Any]) -> None:
    """Refuses SSE-C, in which the client brings the key."""
    for name in ("SSECustomerAlgorithm", "SSECustomerKey", "CopySourceSSECustomerKey"):
        if params.get(name) is not None:
            raise not_supported("S3", operation, f"{name} (keys that the client provides, SSE-C)")


def default_rule(bucket: Bucket) -> dict[str, Any]:
    """The bucket's default encryption: SSE-S3 unless it was set."""
    if bucket.encryption:
        rule: dict[str, Any] = bucket.encryption["Rules"][0]
        if "ApplyServerSideEncryptionByDefault" in rule:
            return rule
    return {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}


def check_algorithm(operation: str, algorithm: str) -> None:
    """Raises for what is no encryption, or one that boatyard does not do."""
    if algorithm == "aws:kms:dsse":
        raise not_supported("S3", operation, "ServerSideEncryption aws:kms:dsse")
    if algorithm not in ("AES256", "aws:kms"):
        raise ApiError(
            "InvalidArgument",
            "The encryption method specified is not supported",
            status=400,
            ArgumentName="x-amz-server-side-encryption",
            ArgumentValue=algorithm,
        )


def new_key(call: Call, choice: Choice, bucket: str, key: str) -> tuple[bytes, Encryption]:
    """A new object's data key, and what is kept of it."""
    return seal_key(call, choice, os.urandom(KEY), bucket, key)


def seal_key(call: Call, choice: Choice, data_key: bytes, bucket: str, key: str) -> tuple[bytes, Encryption]:
    """Puts a data key under S3's own key, or under a data key of KMS that the caller must be allowed to make."""
    if choice.algorithm == "AES256":
        sealed = master.seal(call.installation.data_directory, data_key, PURPOSE)
        return data_key, Encryption(wrapped=sealed)
    target = bucket if choice.bucket_key else f"{bucket}/{key}"
    context = {"aws:s3:arn": f"arn:aws:s3:::{target}", **(choice.context or {})}
    made = _kms(call, "GenerateDataKey", KeyId=choice.key_id, KeySpec="AES_256", EncryptionContext=context)
    return data_key, Encryption(
        algorithm=choice.algorithm,
        wrapped=wrap(made["Plaintext"], data_key),
        kms_key=made["KeyId"],
        kms_ciphertext=made["CiphertextBlob"],
        context=context,
        bucket_key=choice.bucket_key,
    )


def open_key(call: Call, encryption: Encryption) -> bytes:
    """An object's data key; with SSE-KMS only for a caller who may kms:Decrypt."""
    if encryption.kms_ciphertext is None:
        try:
            return master.unseal(call.installation.data_directory, encryption.wrapped, PURPOSE)
        except InvalidTag as error:
            raise DamagedContent(
                "the key of a stored object cannot be opened: is sealing-key in the data directory the one it was "
                "written with?"
            ) from error
    opened = _kms(
        call,
        "Decrypt",
        CiphertextBlob=encryption.kms_ciphertext,
        KeyId=encryption.kms_key,
        EncryptionContext=encryption.context,
    )
    return unwrap(opened["Plaintext"], encryption.wrapped)


def answer(version: ObjectVersion) -> dict[str, Any]:
    """What a response says about an object's encryption."""
    encryption = version.encryption
    return members(encryption) if encryption is not None else {}


def members(encryption: Encryption) -> dict[str, Any]:
    """The members that a response has for this encryption."""
    said: dict[str, Any] = {"ServerSideEncryption": encryption.algorithm}
    if encryption.kms_key is not None:
        said["SSEKMSKeyId"] = encryption.kms_key
        if encryption.bucket_key:
            said["BucketKeyEnabled"] = True
    return said


def etag(choice: Choice, md5: bytes) -> str:
    """An entity tag: the MD5 with SSE-S3; with SSE-KMS something else, which tells nothing (S3 API, "Object")."""
    return md5.hex() if choice.algorithm == "AES256" else os.urandom(16).hex()


def _kms(call: Call, operation: str, **params: Any) -> dict[str, Any]:
    try:
        return call.invoke("kms", operation, **params)
    except ApiError as error:
        if error.code in ("AccessDeniedException", "AccessDenied"):
            raise ApiError("AccessDenied", error.message, status=403) from error
        raise ApiError(f"KMS.{error.code}", error.message, status=400) from error


def _context(encoded: str | None) -> dict[str, str]:
    if encoded is None:
        return {}
    try:
        context = json_text.read(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        context = None
    if not isinstance(context, dict) or not all(isinstance(value, str) for value in context.values()):
        message = "The header x-amz-server-side-encryption-context shall be base64-encoded JSON of strings"
        raise ApiError("InvalidArgument", message, status=400, ArgumentName="x-amz-server-side-encryption-context")
    return context
