"""What policies grant is held against what was used, statement by statement, action by action, resource by resource."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.timestamps import now
from boatyard.identity.least_privilege.grants import excesses, grants_of
from boatyard.identity.least_privilege.known_actions import granted_by, known_actions
from boatyard.identity.records import Use

BUCKET, OTHER = "arn:aws:s3:::box", "arn:aws:s3:::other"
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/x"
JOBS = "arn:aws:sagemaker:us-east-1:000000000000:training-job"


def use(action: str, resource: str, *spellings: str, allowed: bool = True) -> Use:
    moment = now()
    return Use(identity="AROA1", allowed=allowed, action=action, resource=resource, principal="arn", times=1,
               first=moment, last=moment, spellings=list(spellings))  # fmt: skip


def beyond(actions: Any, resources: Any, *uses: Use, **more: Any) -> list[tuple[str, tuple[str, ...], str]]:
    """Action, resources and problem of each excess of one statement."""
    document = {"Statement": {"Effect": "Allow", "Action": actions, "Resource": resources, **more}}
    return [(each.action, each.resources, each.problem) for each in excesses(grants_of("p", document), uses)]


READ, WRITTEN = use("s3:GetObject", f"{BUCKET}/a"), use("s3:PutObject", f"{BUCKET}/b")


def test_what_was_used_is_no_excess() -> None:
    assert beyond(["s3:getobject", "s3:PutObject"], f"{BUCKET}/*", READ, WRITTEN) == []
    assert beyond("s3:GetObject", f"{BUCKET}/${{aws:username}}", READ) == []
    assert beyond("ecr:GetAuthorizationToken", "*", use("ecr:GetAuthorizationToken", "*")) == []
    assert beyond("logs:CreateLogGroup", GROUP, use("logs:CreateLogGroup", f"{GROUP}:log-stream:", GROUP)) == []
    assert beyond("s3:GetObject", f"{BUCKET}/a/1", use("s3:GetObject", f"{BUCKET}/a/*")) == []


def test_an_action_that_was_never_used_is_named_with_its_statement() -> None:
    document = {
        "Statement": [
            {"Effect": "Deny", "Action": "s3:*", "Resource": "*"},
            {"Sid": "Files", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{BUCKET}/*"},
        ]
    }
    found = excesses(grants_of("files", document), [READ])
    expected = f"policy files, statement 2 (Files): s3:PutObject on {BUCKET}/* was never used: remove it"
    assert [str(each) for each in found] == [expected]


def test_what_was_denied_was_not_used() -> None:
    assert beyond("s3:GetObject", f"{BUCKET}/*", use("s3:GetObject", f"{BUCKET}/a", allowed=False)) != []


def test_a_resource_that_was_never_used_is_an_excess_of_each_action_on_such_things() -> None:
    listed = use("s3:ListBucket", BUCKET)
    found = beyond(["s3:GetObject", "s3:ListBucket"], [BUCKET, f"{BUCKET}/*", OTHER, f"{OTHER}/*"], READ, listed)
    assert found == [("s3:GetObject", (f"{OTHER}/*",), "was never used"), ("s3:ListBucket", (OTHER,), "was never used")]


def test_a_wildcard_in_an_action_grants_what_nobody_used() -> None:
    [(action, _, problem)] = beyond("s3:Get*", f"{BUCKET}/*", READ)
    assert action == "s3:Get*"
    granted = granted_by("s3:get*")
    assert problem == f"grants {len(granted)} actions, of which 1 were used"
    assert {"s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketVersioning"} <= set(granted)
    document = {"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": f"{BUCKET}/*"}}
    assert set(excesses(grants_of("p", document), [READ])[0].never_used) == set(granted) - {"s3:GetObject"}
    assert beyond("s3:GetObject?*", f"{BUCKET}/*", READ)[0][2] == "was never used"
    # A wildcard that means no more than what was used is as good as its names.
    assert beyond("lambda:InvokeFunctio*", "*", use("lambda:InvokeFunction", "*")) == []


@pytest.mark.parametrize(
    ("action", "wide", "used"),
    [
        ("s3:GetObject", "*", f"{BUCKET}/a"),
        ("s3:GetObject", "arn:aws:s3:::*", f"{BUCKET}/a"),
        ("s3:ListBucket", "arn:aws:s3:::*", BUCKET),
        ("sagemaker:CreateTrainingJob", f"{JOBS}/*", f"{JOBS}/a"),
        ("sns:Publish", "arn:aws:sns:us-east-1:000000000000:*", "arn:aws:sns:us-east-1:000000000000:t"),
        ("iam:PassRole", "*", "arn:aws:iam::000000000000:role/a"),
    ],
)
def test_a_resource_that_names_nothing_is_an_excess_where_the_use_named_something(
    action: str, wide: str, used: str
) -> None:
    assert beyond(action, wide, use(action, used)) == [(action, (wide,), "reaches more than was used")]


def test_a_wildcard_resource_is_well_where_aws_has_no_other() -> None:
    everything = "arn:aws:logs:us-east-1:000000000000:log-group::log-stream:"
    assert beyond("logs:DescribeLogGroups", "*", use("logs:DescribeLogGroups", everything, "*")) == []
    assert beyond("sagemaker:ListModels", "*", use("sagemaker:ListModels", "*")) == []
    assert (
        beyond("sagemaker:CreateTrainingJob", f"{JOBS}/box-*", use("sagemaker:CreateTrainingJob", f"{JOBS}/box-a"))
        == []
    )


@pytest.mark.parametrize("negated", [{"NotAction": "iam:*"}, {"NotResource": BUCKET}])
def test_all_but_something_is_always_too_much(negated: dict[str, str]) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **negated}
    for name in negated:
        statement.pop(name.removeprefix("Not"))
    [found] = excesses(grants_of("p", {"Statement": [statement]}), [READ])
    assert "grants everything but" in found.problem
    assert found.fix == "name what is needed"


def test_known_actions_are_those_of_policies() -> None:
    known = set(known_actions().values())
    assert {
        "s3:ListBucket",
        "s3:ListAllMyBuckets",
        "iam:PassRole",
        "lambda:InvokeFunction",
        "codecommit:GitPush",
    } <= known
    assert not {"s3:HeadObject", "s3:ListObjectsV2", "lambda:Invoke", "s3:ListBuckets", "sns:PublishBatch"} & known
    assert all(name.count(":") == 1 for name in known)
