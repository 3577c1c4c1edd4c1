"""Assuming roles: who is let in by a trust policy, for how long, under what name."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.identity.principals import Principal
from boatyard.identity.records import Role
from boatyard.identity.sessions import assume_for_service, assume_role
from tests.unit.identity.conftest import ACCOUNT, trust

ROOT = Principal.root(ACCOUNT)
MakeRole = Callable[..., Role]


def test_a_service_takes_on_a_role_that_trusts_it(installation: Installation, make_role: MakeRole) -> None:
    role = make_role("Training", trust({"Service": "sagemaker.amazonaws.com"}), path="/service-role/")
    principal = assume_for_service(installation, "sagemaker.amazonaws.com", role.arn, session_name="SageMaker")
    assert principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/Training/SageMaker"
    assert principal.user_id == f"{role.id}:SageMaker"
    assert principal.policy_arn == role.arn
    assert principal.session is not None
    assert principal.session.service == "sagemaker.amazonaws.com"


def test_a_service_that_is_not_trusted_is_refused(installation: Installation, make_role: MakeRole) -> None:
    role = make_role("Training", trust({"Service": ["sagemaker.amazonaws.com"]}))
    with pytest.raises(ApiError, match=r"codebuild.amazonaws.com is not authorized to perform: sts:AssumeRole"):
        assume_for_service(installation, "codebuild.amazonaws.com", role.arn)
    with pytest.raises(ApiError, match="does not exist"):
        assume_for_service(installation, "codebuild.amazonaws.com", f"arn:aws:iam::{ACCOUNT}:role/Missing")


def test_an_account_that_is_trusted_includes_its_root(installation: Installation, make_role: MakeRole) -> None:
    role = make_role("Operator", trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    closed = make_role("Closed", trust({"AWS": "arn:aws:iam::111111111111:root"}))
    assert assume_role(installation, ROOT, role.arn, "me").arn.endswith("assumed-role/Operator/me")
    with pytest.raises(ApiError) as refused:
        assume_role(installation, ROOT, closed.arn, "me")
    assert (refused.value.code, refused.value.status) == ("AccessDenied", 403)


def test_an_external_id_is_asked_for(installation: Installation, make_role: MakeRole) -> None:
    role = make_role("Partner", trust({"AWS": ACCOUNT}, StringEquals={"sts:ExternalId": "secret"}))
    with pytest.raises(ApiError, match="not authorized"):
        assume_role(installation, ROOT, role.arn, "me", external_id="other")
    assert assume_role(installation, ROOT, role.arn, "me", external_id="secret").session is not None


def test_tags_need_their_own_permission(installation: Installation, make_role: MakeRole) -> None:
    role = make_role("Plain", trust({"AWS": ACCOUNT}))
    with pytest.raises(ApiError, match="sts:TagSession"):
        assume_role(installation, ROOT, role.arn, "me", tags={"team": "a"})


def test_durations_names_and_policies_are_checked(installation: Installation, make_role: MakeRole) -> None:
    role = make_role("Short", trust({"AWS": ACCOUNT}))
    with pytest.raises(ApiError, match="MaxSessionDuration set for this role"):
        assume_role(installation, ROOT, role.arn, "me", 7200)
    with pytest.raises(ApiError, match="roleSessionName"):
        assume_role(installation, ROOT, role.arn, "not ok")
    with pytest.raises(ApiError, match="is invalid"):
        assume_role(installation, ROOT, "Short", "me")
    with pytest.raises(ApiError) as malformed:
        assume_role(installation, ROOT, role.arn, "me", policy="{}")
    assert malformed.value.code == "MalformedPolicyDocument"
    wide = json.dumps({"Version": "2012-10-17", "Statement": [], "Id": "x" * 2100})
    with pytest.raises(ApiError) as large:
        assume_role(installation, ROOT, role.arn, "me", policy=wide)
    assert large.value.code == "PackedPolicyTooLarge"


def test_a_session_that_assumes_a_role_has_one_hour(installation: Installation, make_role: MakeRole) -> None:
    role = make_role("Long", trust({"AWS": ACCOUNT}), max_session_duration=43200)
    first = assume_role(installation, ROOT, role.arn, "one", 43200)
    with pytest.raises(ApiError, match="role chaining"):
        assume_role(installation, first, role.arn, "two", 3601)


def test_a_services_session_name_is_made_to_fit(installation: Installation, make_role: MakeRole) -> None:
    role = make_role("Training", trust({"Service": "lambda.amazonaws.com"}))
    for given, name in (("f", "f-"), ("a b/c", "a-b-c"), ("x" * 80, "x" * 64)):
        principal = assume_for_service(installation, "lambda.amazonaws.com", role.arn, session_name=given)
        assert principal.arn.endswith(f"/Training/{name}")
