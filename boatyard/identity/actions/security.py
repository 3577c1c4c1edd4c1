"""IAM's, STS's, KMS's and Parameter Store's operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from boatyard.identity.actions import condition_keys
from boatyard.identity.actions.model import Keys, Need, Params, Table, base
from boatyard.identity.records import GROUPS, INSTANCE_PROFILES, POLICIES, ROLES, USERS
from boatyard.identity.resource_policies import find_needs

if TYPE_CHECKING:
    from boatyard.api.call import Call

_ENTITIES = (
    ("InstanceProfileName", "instance-profile", INSTANCE_PROFILES),
    ("RoleName", "role", ROLES),
    ("GroupName", "group", GROUPS),
    ("UserName", "user", USERS),
    ("PolicyName", "policy", POLICIES),
)
_LISTS = frozenset(
    {
        *("ListRoles", "ListUsers", "ListGroups", "ListPolicies", "ListInstanceProfiles"),
        *("SimulateCustomPolicy", "GetAccountSummary"),
    }
)
_SELF = frozenset(
    {
        *("GetUser", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey"),
        *("ListServiceSpecificCredentials", "UpdateServiceSpecificCredential"),
        *("DeleteServiceSpecificCredential", "ResetServiceSpecificCredential"),
    }
)
"""What a user may be asked of without a name, and then means whoever calls."""


def _iam(call: Call, operation: str, params: Params) -> list[Need]:
    """The entity that is named first: a role, a group, a profile, a user, else a managed policy."""
    action = f"iam:{operation}"
    if operation in _LISTS:
        return [Need(action)]
    if operation == "GetServiceLinkedRoleDeletionStatus":
        return [Need(action, f"arn:aws:iam::{call.account}:role/aws-service-role/*")]
    if operation == "CreateServiceLinkedRole":
        service = params["AWSServiceName"]
        role = f"arn:aws:iam::{call.account}:role/aws-service-role/{service}/*"
        return [Need(action, role, {"iam:awsservicename": service})]
    if operation == "SimulatePrincipalPolicy":
        return [Need(action, params["PolicySourceArn"])]
    for name, kind, table in _ENTITIES:
        if name in params:
            keys = _iam_context(call, table, params[name], params)
            needs = [Need(action, _entity(call, kind, table, params[name], params), keys)]
            if operation == "AddRoleToInstanceProfile":
                role = _entity(call, "role", ROLES, params["RoleName"], {})
                needs.append(Need("iam:PassRole", role, {"iam:passedtoservice": "ec2.amazonaws.com"}))
            return needs
    if "PolicyArn" in params:
        return [Need(action, params["PolicyArn"])]
    if operation in _SELF:
        return [Need(action, call.principal.arn)]
    return [Need(action)]


def _entity(call: Call, kind: str, table: object, name: str, params: Params) -> str:
    """An entity's ARN, with the path that it has or is to get."""
    with call.installation.database.reading() as rx:
        found = table.get(rx, call.account, name.lower())  # type: ignore[attr-defined]
    if found is not None:
        return str(found.arn)
    return f"arn:aws:iam::{call.account}:{kind}{params.get('Path', '/')}{name}"


def _iam_context(call: Call, table: object, name: str, params: Params) -> Keys:
    """The policy that is attached, the boundary that is set (else the one there is), the service of a password."""
    keys: Keys = {}
    if "PolicyArn" in params:
        keys["iam:policyarn"] = params["PolicyArn"]
    if "ServiceName" in params:
        keys["iam:servicespecificcredentialservicename"] = params["ServiceName"]
    boundary = params.get("PermissionsBoundary")
    if boundary is None:
        with call.installation.database.reading() as rx:
            boundary = getattr(table.get(rx, call.account, name.lower()), "boundary", None)  # type: ignore[attr-defined]
    return keys | ({"iam:permissionsboundary": boundary} if boundary else {})


def _nothing(call: Call, operation: str, params: Params) -> list[Need]:
    """Asked of the role's trust policy itself, or free to everybody."""
    return []


def _kms(call: Call, operation: str, params: Params) -> Sequence[Need]:
    """KMS knows which key an alias or a ciphertext names."""
    return find_needs("kms", call, operation, params)


def _ssm(call: Call, operation: str, params: Params) -> list[Need]:
    names = [params[key] for key in ("Name", "Path", "ResourceId") if key in params] or params.get("Names", [])
    if operation == "DescribeParameters" or not names:
        return [Need(f"ssm:{operation}", f"arn:aws:ssm:{call.region}:{call.account}:*", spellings=("*",))]
    return [Need(f"ssm:{operation}", _parameter(call, name)) for name in names]


def _parameter(call: Call, name: str) -> str:
    """The ARN of a parameter that is given by name or ARN, without the version or label behind it."""
    given, found, rest = name.partition(":parameter/") if name.startswith("arn:") else ("", "", name)
    return f"{base(given, 'ssm', call)}:parameter/{(rest if found else name).partition(':')[0].strip('/')}"


TABLES = {
    "iam": Table(
        prefix="iam",
        every=_iam,
        tagging={
            "CreateRole": "TagRole",
            "CreateUser": "TagUser",
            "CreatePolicy": "TagPolicy",
            "CreateInstanceProfile": "TagInstanceProfile",
        },
    ),
    "kms": Table(prefix="kms", every=_kms, tagging={"CreateKey": "TagResource"}),
    "ssm": Table(prefix="ssm", every=_ssm, context=condition_keys.ssm, tagging={"PutParameter": "AddTagsToResource"}),
    "sts": Table(
        prefix="sts",
        special={"AssumeRole": _nothing, "GetCallerIdentity": _nothing, "GetSessionToken": _nothing},
        rules={"GetFederationToken": ("GetFederationToken arn:aws:sts::{account}:federated-user/{Name}",)},
    ),
}
