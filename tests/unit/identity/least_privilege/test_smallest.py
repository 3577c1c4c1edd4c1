"""The smallest policy covers what was used, and the next run of the same, and nothing that can be told apart."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard.identity.least_privilege.grants import excesses, grants_of
from boatyard.identity.least_privilege.smallest import generalised, smallest_policy
from boatyard.identity.patterns import arn_matches
from boatyard.identity.policy_syntax import Grammar, parse
from tests.unit.identity.least_privilege.test_grants import BUCKET, GROUP, JOBS, use

KEY = "arn:aws:kms:us-east-1:000000000000:key/c0f6f4f7-a418-4cef-93d8-2302f065d382"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function"
UUID = "2302f065-a418-4cef-93d8-2302f065d382"


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ([f"{BUCKET}/train/iris.csv"], [f"{BUCKET}/train/iris.csv"]),
        ([f"{BUCKET}/a/1", f"{BUCKET}/a/2"], [f"{BUCKET}/a/*"]),
        ([f"{BUCKET}/a/1", f"{BUCKET}/b"], [f"{BUCKET}/*"]),
        ([BUCKET, f"{BUCKET}/a"], [BUCKET, f"{BUCKET}/a"]),
        ([f"{BUCKET}/runs/{UUID}/model.tar.gz"], [f"{BUCKET}/runs/*"]),
        ([f"{JOBS}/box-1a2b3c4d-9f"], [f"{JOBS}/box-*"]),
        ([f"{JOBS}/box-20261123072959"], [f"{JOBS}/box-*"]),
        ([f"{JOBS}/one", f"{JOBS}/two"], [f"{JOBS}/one", f"{JOBS}/two"]),
        ([f"{JOBS}/box-{name}" for name in "abcdef"], [f"{JOBS}/box-*"]),
        ([f"{JOBS}/{name}" for name in "abcdef"], [f"{JOBS}/*"]),
        ([KEY], [KEY]),
        ([f"{FUNCTION}:{name}" for name in ("train", "test")], [f"{FUNCTION}:test", f"{FUNCTION}:train"]),
        ([f"{GROUP}:log-stream:2026/1", f"{GROUP}:log-stream:"], [f"{GROUP}:*"]),
        (["arn:aws:logs:us-east-1:000000000000:log-group::log-stream:"], ["*"]),
        ([f"{BUCKET}/a/*", f"{BUCKET}/a/x"], [f"{BUCKET}/a/*"]),
        (["*", KEY], ["*"]),
    ],
)
def test_names_that_are_made_anew_are_told_by_what_stays(resources: list[str], told: list[str]) -> None:
    assert generalised(resources) == told


def test_actions_with_the_same_resources_share_a_statement() -> None:
    uses = [
        use("s3:PutObject", f"{BUCKET}/a"),
        use("s3:GetObject", f"{BUCKET}/a"),
        use("sagemaker:ListModels", "*"),
        use("ecr:GetAuthorizationToken", "*"),
        use("s3:DeleteObject", f"{BUCKET}/a", allowed=False),
    ]
    document = smallest_policy(uses)
    assert document["Statement"] == [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{BUCKET}/a"},
        {"Effect": "Allow", "Action": "sagemaker:ListModels", "Resource": "*"},
    ]
    parse(json.dumps(document), Grammar.INLINE)
    assert excesses(grants_of("p", document), uses) == []


HERE = "us-east-1:000000000000"
WORDS = st.sampled_from(["a", "b", "box", "1a2b3c4d", UUID, "20261123072959", "x*y", "Ä", "", "data"])
NAMES = st.lists(WORDS, min_size=1, max_size=4).map("/".join)
RESOURCES = st.one_of(
    st.builds("arn:aws:s3:::{}/{}".format, st.sampled_from(["box", "other"]), NAMES),
    st.builds("arn:aws:s3:::{}".format, st.sampled_from(["box", "other"])),
    st.builds(f"arn:aws:sagemaker:{HERE}:{{}}/{{}}".format, st.sampled_from(["model", "endpoint"]), NAMES),
    st.builds(f"arn:aws:logs:{HERE}:log-group:/aws/{{}}:log-stream:{{}}".format, WORDS, NAMES),
    st.builds(f"arn:aws:kms:{HERE}:key/{{}}".format, WORDS),
    st.builds(f"arn:aws:codecommit:{HERE}:{{}}".format, WORDS),
    st.builds(f"arn:aws:cloudformation:{HERE}:stack/{{}}/*".format, WORDS),
    st.just("*"),
)


@given(st.sets(RESOURCES, max_size=12))
def test_a_pattern_is_never_narrower_than_what_was_used(resources: set[str]) -> None:
    told = generalised(resources)
    assert all(any(arn_matches(pattern, resource) for pattern in told) for resource in resources)
    assert len(told) <= len(resources)
