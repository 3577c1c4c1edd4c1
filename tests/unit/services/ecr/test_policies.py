"""A repository's policy is one that every later request can be judged by."""

from __future__ import annotations

import json

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError

_ALLOW = {"Effect": "Allow", "Action": "ecr:BatchGetImage"}


@pytest.mark.parametrize(
    "statement", [_ALLOW, _ALLOW | {"Principal": {"AWS": "nobody"}}, {"Principal": "*"}, [], "text"]
)
def test_a_policy_that_is_none_is_refused_when_it_is_set(call: Call, statement: object) -> None:
    ecr = call.client("ecr")
    ecr.create_repository(repositoryName="repository")
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    with pytest.raises(ApiError, match="Invalid repository policy provided") as refused:
        ecr.set_repository_policy(repositoryName="repository", policyText=text)
    assert refused.value.code == "InvalidParameterException"
    assert ecr.describe_repositories(repositoryNames=["repository"])["repositories"]


def test_a_policy_without_resource_is_right(call: Call) -> None:
    ecr = call.client("ecr")
    ecr.create_repository(repositoryName="repository")
    text = json.dumps({"Version": "2012-10-17", "Statement": [_ALLOW | {"Principal": "*", "Sid": "all"}]})
    assert ecr.set_repository_policy(repositoryName="repository", policyText=text)["policyText"] == text
