"""Policy evaluation: denies, boundaries, sessions, resource policies, one account and two."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from boatyard.api.timestamps import now
from boatyard.identity.policies import PolicySet, Request, judge
from boatyard.identity.policy_syntax import Grammar, MalformedPolicy, Policy, parse
from boatyard.identity.principals import Principal, Session

ACCOUNT, OTHER = "000000000000", "111111111111"
OBJECT = "arn:aws:s3:::b/k"
USER = Principal.of_user(ACCOUNT, "/", "ana", "AIDAANAANAANAANAANAAN")
SESSION = Principal.of_role(
    ACCOUNT,
    "R",
    Session(role_arn=f"arn:aws:iam::{ACCOUNT}:role/R", role_id="AROAR", name="s", issued=now(), expires=now()),
)
FEDERATED = Principal.of_federation(
    ACCOUNT, Session(role_arn=USER.arn, role_id=USER.user_id, name="s", issued=now(), expires=now())
)


def policy(*statements: dict[str, Any], grammar: Grammar = Grammar.INLINE) -> Policy:
    return parse(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), grammar)


def allow(action: str = "s3:*", resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str = "s3:*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": "*", **more}


def resource_policy(*statements: dict[str, Any]) -> Policy:
    return policy(*statements, grammar=Grammar.RESOURCE)


def request(principal: Principal = USER, owner: str | None = None) -> Request:
    return Request(principal, "s3:GetObject", OBJECT, {}, owner)


def test_nothing_said_is_no() -> None:
    decision = judge(PolicySet(), request())
    assert decision.message(request()) == (
        f"User: arn:aws:iam::{ACCOUNT}:user/ana is not authorized to perform: s3:GetObject on resource: {OBJECT}"
        " because no identity-based policy allows the s3:GetObject action"
    )


def test_a_deny_ends_it() -> None:
    decision = judge(PolicySet((policy(allow(), deny("s3:Get*")),)), request())
    assert decision.reason == "with an explicit deny in an identity-based policy"


def test_not_action_and_not_resource_exclude() -> None:
    others = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::secret/*"}
    assert judge(PolicySet((policy(others),)), request()).allowed
    kept = {"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"}
    assert not judge(PolicySet((policy(kept),)), request()).allowed


def test_boundaries_and_session_policies_narrow() -> None:
    own = (policy(allow()),)
    assert "no permissions boundary allows" in judge(PolicySet(own, policy(allow("iam:*"))), request()).reason
    narrowed = judge(PolicySet(own, None, (policy(allow("s3:PutObject")),)), request(SESSION))
    assert "no session policy allows" in narrowed.reason
    assert judge(PolicySet(own, policy(allow()), (policy(allow("s3:Get*")),)), request(SESSION)).allowed


@pytest.mark.parametrize(
    ("named", "principal", "allowed"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/ana", USER, True),
        ("AIDAANAANAANAANAANAAN", USER, True),
        (OTHER, USER, False),
        (f"arn:aws:iam::{ACCOUNT}:root", USER, False),
        ("*", USER, True),
        (f"arn:aws:iam::{ACCOUNT}:role/R", SESSION, True),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s", SESSION, True),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/R/other", SESSION, False),
    ],
)
def test_a_resource_policy_that_names_the_caller_suffices(named: str, principal: Principal, allowed: bool) -> None:
    bucket = resource_policy(allow(Principal={"AWS": named}))
    assert judge(PolicySet((), resource=bucket), request(principal)).allowed is allowed


def test_a_session_named_by_a_resource_policy_is_not_narrowed() -> None:
    session = resource_policy(allow(Principal={"AWS": SESSION.arn}))
    role = resource_policy(allow(Principal={"AWS": SESSION.policy_arn}))
    narrow = (policy(allow("s3:PutObject")),)
    assert judge(PolicySet((), None, narrow, session), request(SESSION)).allowed
    assert not judge(PolicySet((), None, narrow, role), request(SESSION)).allowed


def test_across_accounts_both_sides_must_allow() -> None:
    own = (policy(allow()),)
    bucket = resource_policy(allow(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    assert not judge(PolicySet(own), request(owner=OTHER)).allowed
    assert not judge(PolicySet((), resource=bucket), request(owner=OTHER)).allowed
    assert judge(PolicySet(own, resource=bucket), request(owner=OTHER)).allowed


def test_a_key_policy_must_take_part() -> None:
    own = (policy(allow("*")),)
    assert "no resource-based policy" in judge(PolicySet(own, resource_required=True), request()).reason
    key = resource_policy(allow("*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    assert judge(PolicySet(own, resource=key, resource_required=True), request()).allowed
    assert not judge(PolicySet((), resource=key, resource_required=True), request()).allowed


def test_services_are_named_with_or_without_region() -> None:
    service = Principal.of_service("logs.amazonaws.com", ACCOUNT)
    bucket = resource_policy(allow(Principal={"Service": "logs.us-east-1.amazonaws.com"}))
    assert judge(PolicySet((), resource=bucket), request(service)).allowed
    assert not judge(
        PolicySet((), resource=bucket), request(Principal.of_service("sns.amazonaws.com", ACCOUNT))
    ).allowed


def test_services_are_among_everybody() -> None:
    service = Principal.of_service("cloudwatch.amazonaws.com", ACCOUNT)
    everybody = resource_policy(allow(Principal={"AWS": "*"}))
    assert judge(PolicySet((), resource=everybody), request(service)).allowed


def test_a_federated_session_is_narrowed_under_its_users_name() -> None:
    narrow = (policy(allow("s3:PutObject")),)
    session = resource_policy(allow(Principal={"AWS": FEDERATED.arn}))
    user = resource_policy(allow(Principal={"AWS": USER.arn}))
    assert judge(PolicySet((), None, narrow, session), request(FEDERATED)).allowed
    assert "no session policy" in judge(PolicySet((), None, narrow, user), request(FEDERATED)).reason
    assert judge(PolicySet((), None, (policy(allow()),), user), request(FEDERATED)).allowed


def test_a_boundary_does_not_narrow_what_a_resource_gives_to_the_user() -> None:
    edge = policy(allow("iam:*"))
    for named in ({"AWS": USER.arn}, {"AWS": USER.user_id}, "*"):
        assert judge(PolicySet((), edge, (), resource_policy(allow(Principal=named))), request()).allowed
    role = resource_policy(allow(Principal={"AWS": SESSION.policy_arn}))
    assert "no permissions boundary" in judge(PolicySet((), edge, (), role), request(SESSION)).reason
    assert "boundary" in judge(PolicySet((policy(allow()),), policy(deny())), request()).reason


ROLE_AND_SESSION = [f"arn:aws:iam::{ACCOUNT}:role/R", f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s"]


@pytest.mark.parametrize(
    ("listed", "principal", "spared"),
    [
        ({"AWS": USER.arn}, USER, True),
        ({"AWS": USER.arn}, SESSION, False),
        ({"AWS": ACCOUNT}, USER, False),
        ({"AWS": ROLE_AND_SESSION}, SESSION, True),
        ({"AWS": ROLE_AND_SESSION[:1]}, SESSION, False),
        ({"AWS": ROLE_AND_SESSION[1:]}, SESSION, False),
        ({"Service": "sns.amazonaws.com"}, USER, False),
        ({"Service": "sns.amazonaws.com"}, Principal.of_service("sns.amazonaws.com", ACCOUNT), True),
        ({"Service": "sns.amazonaws.com"}, Principal.of_service("logs.amazonaws.com", ACCOUNT), False),
        ({"AWS": USER.arn}, Principal.anonymous(ACCOUNT), False),
    ],
)
def test_not_principal_denies_everybody_else(listed: dict[str, Any], principal: Principal, spared: bool) -> None:
    bucket = resource_policy({"Effect": "Deny", "NotPrincipal": listed, "Action": "s3:*", "Resource": "*"})
    decision = judge(PolicySet((policy(allow()),), resource=bucket), request(principal))
    assert (decision.reason != "with an explicit deny in a resource-based policy") is spared
    if spared and principal.service is None:
        bounded = judge(PolicySet((policy(allow()),), policy(allow()), (), bucket), request(principal))
        assert bounded.reason == "with an explicit deny in a resource-based policy"


def test_an_allow_with_not_principal_leaves_out_whoever_is_listed() -> None:
    for listed in ({"AWS": USER.arn}, {"AWS": ACCOUNT}, "*"):
        bucket = resource_policy(allow(NotPrincipal=listed))
        assert not judge(PolicySet((), resource=bucket), request()).allowed
    others = resource_policy(allow(NotPrincipal={"AWS": USER.arn}))
    assert judge(PolicySet((), resource=others), request(Principal.anonymous(ACCOUNT))).allowed


def test_root_is_not_bound_in_its_account() -> None:
    root = Principal.root(ACCOUNT)
    assert judge(PolicySet(resource=resource_policy(deny(Principal="*"))), request(root)).allowed
    assert not judge(PolicySet(), request(root, OTHER)).allowed


def test_anonymous_needs_a_policy_for_everybody() -> None:
    nobody = Principal.anonymous(ACCOUNT)
    assert judge(PolicySet(resource=resource_policy(allow(Principal="*"))), request(nobody)).allowed
    own_account = resource_policy(allow(Principal={"AWS": ACCOUNT}))
    assert not judge(PolicySet(resource=own_account), request(nobody)).allowed


def test_resources_may_hold_variables() -> None:
    own = (policy(allow(resource="arn:aws:s3:::b/${aws:username}/*")),)
    mine = Request(USER, "s3:GetObject", "arn:aws:s3:::b/ana/x", {"aws:username": "ana"})
    theirs = Request(USER, "s3:GetObject", "arn:aws:s3:::b/bob/x", {"aws:username": "ana"})
    assert judge(PolicySet(own), mine).allowed
    assert not judge(PolicySet(own), theirs).allowed
    account = (policy(allow(resource="arn:aws:s3:::${aws:username}")), policy(allow(resource="arn:aws:${x}:::b/*")))
    assert not judge(PolicySet(account), replace(mine, context={"x": "s3"})).allowed


@pytest.mark.parametrize("element", ["Action", "NotAction", "Resource", "NotResource"])
def test_an_empty_list_is_no_policy(element: str) -> None:
    """It would otherwise be about everything."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    statement.pop(element.removeprefix("Not"))
    with pytest.raises(MalformedPolicy):
        resource_policy({**statement, element: []})
