"""What IAM's operations share: finding an entity or saying it is not there, names, documents, pages and times."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.names import check_pattern
from boatyard.api.paging import page, page_of
from boatyard.api.timestamps import now
from boatyard.identity import aws_managed
from boatyard.identity.lookup import missing_principal
from boatyard.identity.policy_syntax import Grammar, MalformedPolicy, Policy, parse
from boatyard.identity.principals import Kind
from boatyard.identity.records import GROUPS, INSTANCE_PROFILES, POLICIES, ROLES, USERS, Group, Role, User
from boatyard.state.database import Reader
from boatyard.state.table import Record, Table

_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH = re.compile(r"(/)|(/[\x21-\x7e]+/)")
_MANAGED_SIZE = 6144
_TRUST_SIZE = 2048

Item = TypeVar("Item", bound=Record)
Pathed = TypeVar("Pathed", User, Group, Role)


def moment() -> datetime:
    """Now, to the second, as IAM counts."""
    return now().replace(microsecond=0)


def no_such(message: str) -> ApiError:
    """NoSuchEntity."""
    return ApiError("NoSuchEntity", message, status=404)


def conflict(message: str) -> ApiError:
    """DeleteConflict."""
    return ApiError("DeleteConflict", message, status=409)


def limit_exceeded(message: str) -> ApiError:
    """LimitExceeded."""
    return ApiError("LimitExceeded", message, status=409)


def already_exists(message: str) -> ApiError:
    """EntityAlreadyExists."""
    return ApiError("EntityAlreadyExists", message, status=409)


def require_user(rx: Reader, account: str, name: str) -> User:
    """A user, or NoSuchEntity."""
    found = USERS.get(rx, account, name.lower())
    if found is None:
        raise no_such(f"The user with name {name} cannot be found.")
    return found


def require_group(rx: Reader, account: str, name: str) -> Group:
    """A group, or NoSuchEntity."""
    found = GROUPS.get(rx, account, name.lower())
    if found is None:
        raise no_such(f"The group with name {name} cannot be found.")
    return found


def require_role(rx: Reader, account: str, name: str) -> Role:
    """A role, or NoSuchEntity."""
    found = ROLES.get(rx, account, name.lower())
    if found is None:
        raise no_such(f"The role with name {name} cannot be found.")
    return found


def caller_or_named(call: Call, params: Params) -> str:
    """The user an operation is about: the one named, else the caller, who must then be a user."""
    name = params.get("UserName")
    if name:
        return str(name)
    if call.principal.kind is not Kind.USER or not call.principal.name:
        raise ApiError("ValidationError", "Must specify userName when calling with non-User credentials", status=400)
    return call.principal.name


def check_name(name: str, member: str) -> str:
    """A name of IAM's characters; answers its folded form."""
    if not _NAME.fullmatch(name):
        raise ApiError(
            "ValidationError",
            f"The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the"
            " following: +=,.@_-",
            status=400,
        )
    return name.lower()


def check_path(path: str | None) -> str:
    """A path, `/` when none is given."""
    found = path or "/"
    if not _PATH.fullmatch(found):
        raise ApiError(
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric"
            " characters and/or / characters.",
            status=400,
        )
    return found


def check_document(document: str, grammar: Grammar) -> Policy:
    """A parsed policy document; MalformedPolicyDocument where it breaks the grammar."""
    if grammar is Grammar.MANAGED and _size(document) > _MANAGED_SIZE:
        raise limit_exceeded(f"Cannot exceed quota for PolicySize: {_MANAGED_SIZE}")
    if grammar is Grammar.TRUST and _size(document) > _TRUST_SIZE:
        raise limit_exceeded(f"Cannot exceed quota for ACLSizePerRole: {_TRUST_SIZE}")
    try:
        return parse(document, grammar)
    except MalformedPolicy as error:
        raise ApiError("MalformedPolicyDocument", str(error), status=400) from error


def _size(document: str) -> int:
    """Characters without white space: that is how IAM counts."""
    return len(re.sub(r"\s", "", document))


def document_size(documents: Sequence[str]) -> int:
    """The characters of several documents together, white space left out."""
    return sum(_size(document) for document in documents)


def check_trust(rx: Reader, account: str, document: str) -> None:
    """A trust policy that can be: well formed, and every user or role of this account that it names is there."""
    missing = missing_principal(rx, account, check_document(document, Grammar.TRUST))
    if missing is not None:
        raise ApiError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{missing}"', status=400)


def check_boundary(rx: Reader, arn: str | None) -> str | None:
    """A permissions boundary's ARN, which must be a managed policy's."""
    if arn is not None and not policy_exists(rx, arn):
        raise no_such(f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn


def policy_exists(rx: Reader, arn: str) -> bool:
    """Whether an ARN is a managed policy's, AWS's or a customer's."""
    if aws_managed.find(arn) is not None:
        return True
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return False
    record = POLICIES.get(rx, parts[4], parts[5].rpartition("/")[2].lower())
    return record is not None and record.arn == arn


def new_tags(params: Params, kind: str) -> dict[str, str]:
    """The tags given for a new entity, checked."""
    found = tag_lists.to_dict(params.get("Tags"))
    check_tags(found, kind)
    return found


def check_tags(found: dict[str, str], kind: str) -> None:
    """LimitExceeded or InvalidInput for tags that IAM does not take."""
    if len(found) > tag_lists.MAXIMUM:
        raise limit_exceeded(f"Cannot exceed quota for TagsPer{kind}: {tag_lists.MAXIMUM}")
    tag_lists.check(found, "InvalidInput")


def check_description(text: str | None) -> str | None:
    """A description that IAM takes: Latin-1 without control characters. ValidationError for another."""
    if text:
        check_pattern(text, r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*", "description", "ValidationError")
    return text


def encoded(document: str) -> str:
    """A document as IAM answers it: percent-encoded (RFC 3986)."""
    return quote(document, safe="-_.~")


def listing(
    name: str, items: Sequence[Item], params: Params, view: Callable[[Item], Any], key: Callable[[Item], Any]
) -> dict[str, Any]:
    """A page of entities under a member's name, with IsTruncated and Marker."""
    chosen, token = page(items, params.get("Marker"), params.get("MaxItems", 100), key, "InvalidInput")
    answer: dict[str, Any] = {name: [view(item) for item in chosen], "IsTruncated": token is not None}
    return answer | ({"Marker": token} if token else {})


def path_listing(
    name: str, rx: Reader, table: Table[Pathed], call: Call, params: Params, view: Callable[[Pathed], Any]
) -> dict[str, Any]:
    """A page of the entities of a table that are under PathPrefix."""
    prefix = params.get("PathPrefix", "/")
    chosen, token = page_of(
        rx,
        table,
        {"account": call.account},
        params.get("Marker"),
        params.get("MaxItems", 100),
        keep=lambda item: item.path.startswith(prefix),
        code="InvalidInput",
    )
    answer: dict[str, Any] = {name: [view(item) for item in chosen], "IsTruncated": token is not None}
    return answer | ({"Marker": token} if token else {})


def text_listing(name: str, items: Sequence[str], params: Params) -> dict[str, Any]:
    """A page of names."""
    chosen, token = page(items, params.get("Marker"), params.get("MaxItems", 100), str, "InvalidInput")
    answer: dict[str, Any] = {name: chosen, "IsTruncated": token is not None}
    return answer | ({"Marker": token} if token else {})


def profiles_of(rx: Reader, account: str, role: str) -> list[Any]:
    """The instance profiles that hold a role, by its name."""
    return [item for item in INSTANCE_PROFILES.select(rx, {"account": account}) if item.role == role]
