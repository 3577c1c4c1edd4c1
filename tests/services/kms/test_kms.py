"""KMS with a real client: bytes come back, and keys outlive a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.server import RunningServer, unique


def test_bytes_come_back(client: Callable[..., Any]) -> None:
    kms = client("kms")
    key = kms.create_key(Description="d", Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    alias = f"alias/{unique('key')}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    content = bytes(range(256))
    sealed = kms.encrypt(KeyId=alias, Plaintext=content, EncryptionContext={"a": "b"})
    assert sealed["KeyId"] == key["Arn"]
    blob = sealed["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == content
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=blob)
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId=f"alias/{unique('none')}")
    data = kms.generate_data_key(KeyId="alias/aws/s3", KeySpec="AES_256")
    assert kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"] == data["Plaintext"]


def test_keys_outlive_a_crash(scratch: Callable[..., RunningServer]) -> None:
    server = scratch()
    kms = server.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"kept")["CiphertextBlob"]
    server.kill()
    server.start()
    assert server.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
