"""Which key is meant by an id, an ARN or an alias; AWS's own keys are made at their first use."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.identity.sealing import seal
from boatyard.services.kms.records import ALIASES, GRANTS, KEYS, Alias, Key
from boatyard.state.database import Reader, Transaction

_ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):(\d{12}):(key|alias)/(.+)")
_MANAGED = frozenset(
    f"alias/aws/{name}"
    for name in (
        *("s3", "ssm", "lambda", "sns", "codecommit", "ecr", "codebuild", "sagemaker", "logs", "events"),
        *("ebs", "secretsmanager", "dynamodb", "sqs", "kinesis"),
    )
)


def not_found(message: str) -> ApiError:
    """NotFoundException."""
    return ApiError("NotFoundException", message, status=400)


def invalid_state(message: str) -> ApiError:
    """KMSInvalidStateException."""
    return ApiError("KMSInvalidStateException", message, status=400)


def require_key(rx: Reader, call: Call, key_id: str, *, alias: bool = True) -> Key:
    """The key of an id, an ARN or (where an operation takes one) an alias; NotFoundException if there is none."""
    account, region, kind, name = _parse(call, key_id)
    if kind == "alias":
        if not alias:
            raise not_found(f"Invalid keyId '{key_id}'")
        found = ALIASES.get(rx, account, region, f"alias/{name}")
        if found is None:
            raise not_found(f"Alias arn:aws:kms:{region}:{account}:alias/{name} is not found.")
        name = found.key_id
    key = KEYS.get(rx, account, region, name)
    if key is None or (key.deletion_date is not None and key.deletion_date <= now()):
        raise not_found(f"Key 'arn:aws:kms:{region}:{account}:key/{name}' does not exist")
    return key


def _parse(call: Call, key_id: str) -> tuple[str, str, str, str]:
    if key_id.startswith("arn:"):
        match = _ARN.fullmatch(key_id)
        if match is None or match.group(1) != call.region:
            raise not_found(f"Invalid arn {key_id}")
        return match.group(2), match.group(1), match.group(3), match.group(4)
    if key_id.startswith("alias/"):
        return call.account, call.region, "alias", key_id.removeprefix("alias/")
    return call.account, call.region, "key", key_id


def usable_key(call: Call, key_id: str) -> Key:
    """A key that may encrypt and decrypt now; an AWS managed key is made if it is not there yet."""
    make_managed_key(call, key_id)
    with call.installation.database.reading() as rx:
        key = require_key(rx, call, key_id)
    check_usable(key)
    return key


def check_usable(key: Key) -> None:
    """DisabledException or KMSInvalidStateException for a key that may not be used."""
    if key.state == "Disabled":
        raise ApiError("DisabledException", f"{key.arn} is disabled.", status=400)
    if key.state != "Enabled":
        raise invalid_state(f"{key.arn} is pending deletion.")


def make_managed_key(call: Call, key_id: str) -> None:
    """Makes the key behind an alias of AWS, such as alias/aws/s3, where it is asked for and not there."""
    name = key_id.partition(":alias/")[2] if key_id.startswith("arn:") else key_id.removeprefix("alias/")
    name = f"alias/{name}"
    if name not in _MANAGED:
        return
    with call.installation.database.reading() as rx:
        if ALIASES.get(rx, call.account, call.region, name) is not None:
            return
    with call.installation.database.transaction() as tx:
        if ALIASES.get(tx, call.account, call.region, name) is not None:
            return
        service = name.rpartition("/")[2]
        key = new_key(
            call,
            description=f"Default key that protects my {service} data when no other key is defined",
            manager="AWS",
            policy=_managed_policy(call.account),
        )
        KEYS.insert(tx, key)
        ALIASES.insert(
            tx,
            Alias(
                account=call.account,
                region=call.region,
                name=name,
                key_id=key.id,
                created=key.created,
                updated=key.created,
            ),
        )


def _managed_policy(account: str) -> str:
    statement = {
        "Sid": "Allow use by all principals of the account",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [
            *("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant"),
            "kms:DescribeKey",
        ],
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:CallerAccount": account}},
    }
    metadata = {
        "Sid": "Allow direct access to key metadata to the account",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "auto-managed", "Statement": [statement, metadata]})


def default_policy(account: str) -> str:
    """What a key's policy is when none is given: the account decides by its own policies."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})


def new_key(call: Call, **fields: Any) -> Key:
    """A new key with its first generation of material, not yet stored."""
    key_id = str(uuid.uuid4())
    return Key(
        account=call.account,
        region=call.region,
        id=key_id,
        created=now(),
        material=[new_material(call, key_id)],
        **fields,
    )


def new_material(call: Call, key_id: str) -> bytes:
    """256 random bits, sealed for a key."""
    return seal(call.installation.data_directory, secrets.token_bytes(32), f"kms:{key_id}")


def purge(tx: Transaction, call: Call) -> None:
    """Removes the keys whose waiting period is over, with their aliases and grants."""
    for key in KEYS.select(tx, {"account": call.account, "region": call.region}):
        if key.deletion_date is None or key.deletion_date > now():
            continue
        where = {"account": key.account, "region": key.region, "key_id": key.id}
        for alias in ALIASES.select(tx, where):
            ALIASES.delete(tx, alias.account, alias.region, alias.name)
        for grant in GRANTS.select(tx, where):
            GRANTS.delete(tx, grant.account, grant.region, grant.id)
        KEYS.delete(tx, key.account, key.region, key.id)
