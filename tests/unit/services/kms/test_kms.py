"""KMS: what a key encrypts opens with that key and that context only, and never leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.kms import ciphertexts
from boatyard.services.kms.key_policies import key_policy

ACCOUNT = "000000000000"


def make(call: Call, **params: Any) -> str:
    arn: str = call.invoke("kms", "CreateKey", **params)["KeyMetadata"]["Arn"]
    return arn


def code_of(call: Call, operation: str, **params: Any) -> str:
    with pytest.raises(ApiError) as error:
        call.invoke("kms", operation, **params)
    return error.value.code


def test_what_is_encrypted_is_decrypted_with_the_same_context(call: Call) -> None:
    kms = call.client("kms")
    key = make(call, Description="mine")
    sealed = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext={"a": "1", "b": "2"})
    blob = sealed["CiphertextBlob"]
    assert b"secret" not in blob
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"b": "2", "a": "1"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", key)
    for context in ({}, {"a": "1"}, {"a": "1", "b": "3"}):
        assert code_of(call, "Decrypt", CiphertextBlob=blob, EncryptionContext=context) == (
            "InvalidCiphertextException"
        )
    changed = blob[:-1] + bytes([blob[-1] ^ 1])
    assert code_of(call, "Decrypt", CiphertextBlob=changed) == "InvalidCiphertextException"
    assert code_of(call, "Decrypt", CiphertextBlob=b"\x01") == "InvalidCiphertextException"
    other = make(call)
    assert (
        code_of(call, "Decrypt", CiphertextBlob=blob, KeyId=other, EncryptionContext={"a": "1", "b": "2"})
        == "IncorrectKeyException"
    )


def test_data_keys(call: Call) -> None:
    kms = call.client("kms")
    key = make(call)
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    assert len(made["Plaintext"]) == 32
    assert kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    hidden = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=24)
    assert "Plaintext" not in hidden
    assert len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 24
    assert code_of(call, "GenerateDataKey", KeyId=key) == "ValidationException"
    assert len(kms.generate_random(NumberOfBytes=40)["Plaintext"]) == 40


def test_re_encryption_and_rotation_keep_old_ciphertexts_readable(call: Call) -> None:
    kms = call.client("kms")
    first, second = make(call), make(call)
    old = kms.encrypt(KeyId=first, Plaintext=b"x")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=first)
    assert ciphertexts.open_envelope(kms.encrypt(KeyId=first, Plaintext=b"x")["CiphertextBlob"]).generation == 1
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"x"
    moved = kms.re_encrypt(CiphertextBlob=old, DestinationKeyId=second, DestinationEncryptionContext={"to": "second"})
    assert (moved["SourceKeyId"], moved["KeyId"]) == (first, second)
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"to": "second"})
    assert opened["Plaintext"] == b"x"


def test_aliases_lead_to_keys(call: Call) -> None:
    kms = call.client("kms")
    first, second = make(call), make(call)
    kms.create_alias(AliasName="alias/mine", TargetKeyId=first)
    assert kms.describe_key(KeyId="alias/mine")["KeyMetadata"]["Arn"] == first
    assert code_of(call, "CreateAlias", AliasName="alias/mine", TargetKeyId=first) == "AlreadyExistsException"
    kms.update_alias(AliasName="alias/mine", TargetKeyId=second)
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/mine"
    assert kms.encrypt(KeyId=arn, Plaintext=b"x")["KeyId"] == second
    assert [alias["AliasName"] for alias in kms.list_aliases(KeyId=second)["Aliases"]] == ["alias/mine"]
    kms.delete_alias(AliasName="alias/mine")
    assert code_of(call, "DescribeKey", KeyId="alias/mine") == "NotFoundException"
    assert code_of(call, "CreateAlias", AliasName="mine", TargetKeyId=first) == "ValidationException"
    assert code_of(call, "CreateAlias", AliasName="alias/aws/x", TargetKeyId=first) == "NotAuthorizedException"


def test_keys_of_aws_are_made_when_used(call: Call) -> None:
    kms = call.client("kms")
    assert kms.list_aliases()["Aliases"] == []
    made = kms.generate_data_key(KeyId="alias/aws/s3", KeySpec="AES_256")
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyManager"] == "AWS"
    assert kms.generate_data_key(KeyId="alias/aws/s3", KeySpec="AES_256")["KeyId"] == made["KeyId"]
    assert code_of(call, "ScheduleKeyDeletion", KeyId=made["KeyId"]) == "AccessDeniedException"
    assert code_of(call, "DescribeKey", KeyId="alias/aws/unknown") == "NotFoundException"


def test_a_key_that_is_off_or_going_is_not_used(call: Call) -> None:
    kms = call.client("kms")
    key = make(call)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    assert code_of(call, "Encrypt", KeyId=key, Plaintext=b"x") == "DisabledException"
    assert code_of(call, "Decrypt", CiphertextBlob=blob) == "DisabledException"
    kms.enable_key(KeyId=key)
    assert code_of(call, "ScheduleKeyDeletion", KeyId=key, PendingWindowInDays=6) == "ValidationException"
    going = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert going["KeyState"] == "PendingDeletion"
    assert code_of(call, "Decrypt", CiphertextBlob=blob) == "KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    assert code_of(call, "DescribeKey", KeyId="no-such-key") == "NotFoundException"


def test_what_is_not_done_is_refused(call: Call) -> None:
    assert code_of(call, "CreateKey", KeySpec="RSA_2048") == "UnsupportedOperationException"
    assert code_of(call, "CreateKey", MultiRegion=True) == "UnsupportedOperationException"


def test_a_policy_that_locks_its_maker_out_is_refused(call: Call) -> None:
    key = make(call)
    statement = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}
    locked = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert code_of(call, "PutKeyPolicy", KeyId=key, Policy=locked) == "MalformedPolicyDocumentException"
    call.invoke("kms", "PutKeyPolicy", KeyId=key, Policy=locked, BypassPolicyLockoutSafetyCheck=True)
    assert call.invoke("kms", "GetKeyPolicy", KeyId=key)["Policy"] == locked
    missing = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": statement | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/none"}},
        }
    )
    assert code_of(call, "PutKeyPolicy", KeyId=key, Policy=missing) == "MalformedPolicyDocumentException"


def test_grants_take_part_in_the_key_policy(call: Call) -> None:
    kms = call.client("kms")
    key = make(call)
    grantee = f"arn:aws:iam::{ACCOUNT}:role/Reader"
    grant = kms.create_grant(
        KeyId=key,
        GranteePrincipal=grantee,
        Operations=["Decrypt"],
        Constraints={"EncryptionContextSubset": {"a": "1"}},
    )
    (listed,) = kms.list_grants(KeyId=key)["Grants"]
    assert (listed["GrantId"], listed["GranteePrincipal"]) == (grant["GrantId"], grantee)
    statements = json.loads(key_policy(call, key) or "")["Statement"]
    assert statements[-1]["Condition"] == {"StringEquals": {"kms:EncryptionContext:a": "1"}}
    kms.retire_grant(GrantToken=grant["GrantToken"])
    assert kms.list_grants(KeyId=key)["Grants"] == []


@pytest.mark.parametrize(
    "who",
    [
        {"GranteePrincipal": "*"},
        {"GranteePrincipal": "nobody"},
        {"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:role/Reader", "RetiringPrincipal": "*"},
        {"GranteeServicePrincipal": "somebody"},
    ],
)
def test_grants_are_for_principals_that_there_can_be(call: Call, who: dict[str, str]) -> None:
    """A grant becomes a part of what every use of the key is judged by: one for nobody would end them all."""
    key = make(call)
    assert code_of(call, "CreateGrant", KeyId=key, Operations=["Decrypt"], **who) == "InvalidArnException"
    assert call.invoke("kms", "ListGrants", KeyId=key)["Grants"] == []


def test_tags_and_rotation_are_kept(call: Call) -> None:
    kms = call.client("kms")
    key = make(call, Tags=[{"TagKey": "team", "TagValue": "a"}])
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "stage", "TagValue": "b"}])
    kms.untag_resource(KeyId=key, TagKeys=["team"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "stage", "TagValue": "b"}]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 90
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
