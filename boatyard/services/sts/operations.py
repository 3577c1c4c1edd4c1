"""STS: the caller's identity, sessions of roles, and temporary credentials of users."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.timestamps import now
from boatyard.identity import credentials, unique_ids
from boatyard.identity.credentials import Credential
from boatyard.identity.principals import Kind, Principal, Session
from boatyard.identity.request_context import call_context
from boatyard.identity.sessions import assume_role as open_session
from boatyard.identity.sessions import session_policies

_TWELVE_HOURS = 43200
_ROOT_HOUR = 3600


def get_caller_identity(call: Call, params: Params) -> dict[str, Any]:
    """Tell who calls. (STS API: GetCallerIdentity)"""
    return {"UserId": call.principal.user_id, "Account": call.principal.account, "Arn": call.principal.arn}


def assume_role(call: Call, params: Params) -> dict[str, Any]:
    """Give temporary credentials of a role that trusts the caller, who is not the root. (STS API: AssumeRole)"""
    for name in ("SerialNumber", "TokenCode", "ProvidedContexts"):
        if params.get(name):
            raise not_supported("sts", "AssumeRole", name)
    caller = call.principal
    if caller.is_root:
        raise ApiError("AccessDenied", "Roles may not be assumed by root accounts.", status=403)
    tags = tag_lists.to_dict(params.get("Tags"))
    tag_lists.check(tags, "ValidationError")
    inherited = (
        {
            key: caller.session.tags[key]
            for key in (caller.session.transitive_tag_keys if caller.session else ())
            if key in caller.session.tags
        }
        if caller.session
        else {}
    )
    principal = open_session(
        call.installation,
        caller,
        params["RoleArn"],
        params["RoleSessionName"],
        params.get("DurationSeconds", 3600),
        params.get("Policy"),
        policy_arns=[item["arn"] for item in params.get("PolicyArns", [])],
        tags=tags | inherited,
        transitive_tag_keys=params.get("TransitiveTagKeys", []),
        external_id=params.get("ExternalId"),
        source_identity=params.get("SourceIdentity"),
        context=dict(call_context(call, "sts")),
    )
    if principal.session is None:
        raise ApiError("ValidationError", "A role's session has no end", status=400)
    answer: dict[str, Any] = {
        "Credentials": _shown(credentials.issue(call.installation, principal, principal.session.expires)),
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
    }
    if params.get("SourceIdentity"):
        answer["SourceIdentity"] = params["SourceIdentity"]
    if principal.session.policies:
        answer["PackedPolicySize"] = sum(map(len, principal.session.policies)) * 100 // 2048
    return answer


def _shown(credential: Credential) -> dict[str, Any]:
    return {
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.secret_access_key,
        "SessionToken": credential.session_token,
        "Expiration": credential.expires,
    }


def _lasting(call: Call, params: Params, operation: str) -> int:
    """The seconds asked for; the root's credentials last at most an hour, and sessions get none."""
    if call.principal.kind not in (Kind.USER, Kind.ROOT):
        raise ApiError("AccessDenied", f"Cannot call {operation} with session credentials", status=403)
    wanted = int(params.get("DurationSeconds", _TWELVE_HOURS))
    return min(wanted, _ROOT_HOUR) if call.principal.is_root else wanted


def get_session_token(call: Call, params: Params) -> dict[str, Any]:
    """Give the calling user temporary credentials of its own. (STS API: GetSessionToken)"""
    for name in ("SerialNumber", "TokenCode"):
        if params.get(name):
            raise not_supported("sts", "GetSessionToken", name)
    expires = now() + timedelta(seconds=_lasting(call, params, "GetSessionToken"))
    return {"Credentials": _shown(credentials.issue(call.installation, call.principal, expires))}


def get_federation_token(call: Call, params: Params) -> dict[str, Any]:
    """Give temporary credentials with the calling user's permissions, narrowed. (STS API: GetFederationToken)"""
    lasting = _lasting(call, params, "GetFederationToken")
    if not _FEDERATED_NAME.fullmatch(params["Name"]):
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{params['Name'][:100]}' at 'name' failed to satisfy constraint:"
            " Member must satisfy regular expression pattern: [\\w+=,.@-]*",
            status=400,
        )
    arns = [item["arn"] for item in params.get("PolicyArns", [])]
    issued = now()
    session = Session(
        role_arn=call.principal.arn,
        role_id=call.principal.user_id,
        name=params["Name"],
        issued=issued,
        expires=issued + timedelta(seconds=lasting),
        policies=session_policies(call.installation, call.account, params.get("Policy"), arns) or (_NOTHING,),
        tags=tag_lists.to_dict(params.get("Tags")),
    )
    principal = Principal.of_federation(call.account, session)
    return {
        "Credentials": _shown(credentials.issue(call.installation, principal, session.expires)),
        "FederatedUser": {"FederatedUserId": principal.user_id, "Arn": principal.arn},
    }


_FEDERATED_NAME = re.compile(r"[\w+=,.@-]{2,32}", re.ASCII)
_NOTHING = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:Nothing","Resource":"*"}}'
"""Without a session policy a federated user may do nothing of its own."""


def get_access_key_info(call: Call, params: Params) -> dict[str, Any]:
    """Tell which account an access key belongs to. (STS API: GetAccessKeyInfo)"""
    key_id = params["AccessKeyId"]
    found = credentials.find(call.installation, key_id)
    account = found.principal.account if found else unique_ids.account_of(key_id)
    if account is None:
        raise ApiError("ValidationError", "Specified Access Key ID is invalid.", status=400)
    return {"Account": account}
