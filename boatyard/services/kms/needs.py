"""What KMS's operations need: on the key that an id, an alias or a ciphertext names."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.identity.actions.condition_keys import told
from boatyard.identity.actions.model import Keys, Need
from boatyard.identity.resource_policies import needs_finder
from boatyard.services.kms.ciphertexts import InvalidCiphertext, open_envelope
from boatyard.services.kms.key_policies import GRANT_ID
from boatyard.services.kms.lookup import make_managed_key, require_key
from boatyard.services.kms.records import GRANTS, Grant

_LISTS = frozenset({"CreateKey", "ListKeys", "ListAliases", "GenerateRandom", "ListRetirableGrants"})
_ALIASES = frozenset({"CreateAlias", "UpdateAlias", "DeleteAlias"})

_NEW_KEY = {
    "kms:keyspec": ("KeySpec", "SYMMETRIC_DEFAULT"),
    "kms:keyusage": ("KeyUsage", "ENCRYPT_DECRYPT"),
    "kms:keyorigin": ("Origin", "AWS_KMS"),
    "kms:multiregion": ("MultiRegion", "false"),
    "kms:bypasspolicylockoutsafetycheck": ("BypassPolicyLockoutSafetyCheck", "false"),
}
"""The keys of a request for a new key: the parameter of each, and what it is without."""
_TOLD: dict[str, dict[str, str]] = {
    "CreateKey": {parameter: key for key, (parameter, _) in _NEW_KEY.items()},
    "PutKeyPolicy": {"BypassPolicyLockoutSafetyCheck": "kms:bypasspolicylockoutsafetycheck"},
    "CreateGrant": {
        "Operations": "kms:grantoperations",
        "GranteePrincipal": "kms:granteeprincipal",
        "RetiringPrincipal": "kms:retiringprincipal",
    },
    "EnableKeyRotation": {"RotationPeriodInDays": "kms:rotationperiodindays"},
    "ScheduleKeyDeletion": {"PendingWindowInDays": "kms:schedulekeydeletionpendingwindowindays"},
}


@needs_finder("kms")
def needs(call: Call, operation: str, params: Params) -> list[Need]:
    """The actions and keys of an operation, after the Service Authorization Reference's page of KMS."""
    keys: Keys = {"kms:calleraccount": call.principal.account, **told(params, _TOLD.get(operation, {}))}
    if operation == "CreateKey":
        keys = {**{name: value for name, (_, value) in _NEW_KEY.items()}, **keys}
    if operation in _LISTS:
        return [Need(f"kms:{operation}", context=keys)]
    if operation in _ALIASES:
        alias = f"arn:aws:kms:{call.region}:{call.account}:{params['AliasName']}"
        target = params.get("TargetKeyId") or params["AliasName"]
        return [Need(f"kms:{operation}", resource, keys) for resource in (alias, _key(call, target))]
    if operation == "ReEncrypt":
        source = _ciphertext_key(params.get("CiphertextBlob", b""))
        into = _key(call, params["DestinationKeyId"])
        source_keys = keys | _context(params.get("SourceEncryptionContext", {}))
        target_keys = keys | _context(params.get("DestinationEncryptionContext", {}))
        return [Need("kms:ReEncryptFrom", source, source_keys), Need("kms:ReEncryptTo", into, target_keys)]
    if operation == "RetireGrant":
        return [_retirement(call, params, keys)]
    keys |= _context(params.get("EncryptionContext", {}))
    if operation == "Decrypt" and params.get("CiphertextBlob") is not None:
        return [Need("kms:Decrypt", _ciphertext_key(params["CiphertextBlob"]), keys)]
    if operation == "CreateGrant":
        keys["kms:grantisforawsresource"] = "true" if call.via else "false"
        if params.get("Constraints"):
            keys["kms:grantconstrainttype"] = next(iter(params["Constraints"]))
    reference = params.get("KeyId")
    if reference and "alias/" in reference:
        keys["kms:requestalias"] = "alias/" + reference.partition("alias/")[2]
    return [Need(f"kms:{operation}", _key(call, reference) if reference else "*", keys)]


def _key(call: Call, reference: str) -> str:
    """A key's ARN; where there is no such key, the ARN that it would have: the operation says what is wrong."""
    make_managed_key(call, reference)
    with call.installation.database.reading() as rx:
        try:
            return require_key(rx, call, reference).arn
        except ApiError:
            kind = "" if reference.startswith("alias/") else "key/"
            base = f"arn:aws:kms:{call.region}:{call.account}:"
            return reference if reference.startswith("arn:") else f"{base}{kind}{reference}"


def _retirement(call: Call, params: Params, keys: Keys) -> Need:
    """Giving a grant back: on its key, with the grant's own id, as the statement for who may retire it has it."""
    grant: Grant | None = None
    with call.installation.database.reading() as rx:
        if params.get("GrantToken"):
            where = {"account": call.account, "region": call.region, "token": params["GrantToken"]}
            grant = next(iter(GRANTS.select(rx, where)), None)
        elif params.get("GrantId"):
            grant = GRANTS.get(rx, call.account, call.region, params["GrantId"])
    if grant is None:
        return Need("kms:RetireGrant", _key(call, params["KeyId"]) if params.get("KeyId") else "*", keys)
    arn = f"arn:aws:kms:{grant.region}:{grant.account}:key/{grant.key_id}"
    return Need("kms:RetireGrant", arn, keys | {GRANT_ID: grant.id})


def _ciphertext_key(blob: bytes) -> str:
    try:
        return open_envelope(blob).key_arn
    except InvalidCiphertext:
        return "*"


def _context(given: dict[str, Any]) -> Keys:
    keys: Keys = {f"kms:encryptioncontext:{key.lower()}": str(value) for key, value in given.items()}
    return keys | ({"kms:encryptioncontextkeys": tuple(given)} if given else {})
