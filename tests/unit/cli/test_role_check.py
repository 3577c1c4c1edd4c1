"""What a template may say of unused grants: an action, a reason, and no more than that."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.cli.role_check import Kept, RoleCheck, _entries, _keeps
from boatyard.identity.least_privilege.grants import Excess, Grant

GRANT = Grant("p", 1, None, ("s3:GetObject",), ("arn:aws:s3:::box/*", "arn:aws:s3:::other/*"))


def read(metadata: Any) -> tuple[list[Kept], list[str]]:
    check = RoleCheck("stack", "Role", "role", 0)
    return _entries(check, metadata), check.faults


def test_entries_are_read() -> None:
    entries = [
        {"Action": "s3:GetObject", "Reason": " Why. "},
        {"Action": ["a:B", "a:C"], "Resource": "arn:*", "Reason": "Because."},
    ]
    assert read({"LeastPrivilege": {"KeepUnused": entries}, "Other": 1}) == (
        [Kept(("s3:GetObject",), (), "Why."), Kept(("a:B", "a:C"), ("arn:*",), "Because.")],
        [],
    )
    assert read({}) == ([], [])


@pytest.mark.parametrize(
    "told",
    [
        None,
        "all",
        [],
        {"Keep": []},
        {"KeepUnused": None},
        {"KeepUnused": {"Action": "a:B", "Reason": "x"}},
        {"KeepUnused": ["a:B"]},
        {"KeepUnused": [{"Reason": "x"}]},
        {"KeepUnused": [{"Action": [], "Reason": "x"}]},
        {"KeepUnused": [{"Action": "a:B"}]},
        {"KeepUnused": [{"Action": "a:B", "Reason": ["x"]}]},
        {"KeepUnused": [{"Action": "a:B", "Reason": "x", "Resource": {"Fn::Sub": "${x}"}}]},
        {"KeepUnused": [{"Action": "a:B", "Reason": "x", "Actions": "a:C"}]},
    ],
)
def test_what_is_wrong_keeps_nothing_and_is_told(told: Any) -> None:
    entries, faults = read({"LeastPrivilege": told})
    assert entries == []
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("action", "resources", "kept"),
    [
        ("S3:getobject", (), True),
        ("s3:GetObject", ("arn:aws:s3:::box/*", "*other*"), True),
        ("s3:GetObject", ("arn:aws:s3:::box/*",), False),
        ("s3:*", (), False),
        ("s3:PutObject", (), False),
    ],
)
def test_an_entry_keeps_the_action_that_it_names_on_the_resources_that_it_names(
    action: str, resources: tuple[str, ...], kept: bool
) -> None:
    excess = Excess(GRANT, "s3:GetObject", GRANT.resources, "was never used", "remove it")
    assert _keeps(Kept((action,), resources, "x"), excess) is kept
