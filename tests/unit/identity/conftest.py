"""What identity's tests share: roles and users put straight into the records."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.identity import unique_ids
from boatyard.identity.records import ROLES, USERS, Role, User

ACCOUNT = "000000000000"


def trust(principal: dict[str, Any] | str, **condition: Any) -> str:
    """A trust policy that lets a principal in, under a condition if one is given."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.fixture
def make_role(installation: Installation) -> Callable[..., Role]:
    """Puts a role of a name and a trust policy into the records."""

    def make(name: str, trust_policy: str, path: str = "/", **fields: Any) -> Role:
        role = Role(
            account=ACCOUNT,
            folded=name.lower(),
            name=name,
            path=path,
            id=unique_ids.unique_id(unique_ids.ROLE),
            created=now(),
            trust_policy=trust_policy,
            **fields,
        )
        with installation.database.transaction() as tx:
            ROLES.insert(tx, role)
        return role

    return make


@pytest.fixture
def make_user(installation: Installation) -> Callable[..., User]:
    """Puts a user of a name into the records."""

    def make(name: str, **fields: Any) -> User:
        user = User(
            account=ACCOUNT,
            folded=name.lower(),
            name=name,
            path="/",
            id=unique_ids.unique_id(unique_ids.USER),
            created=now(),
            **fields,
        )
        with installation.database.transaction() as tx:
            USERS.insert(tx, user)
        return user

    return make
