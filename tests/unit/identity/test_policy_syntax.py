"""The grammar of policy documents, in IAM's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boatyard.identity import aws_managed
from boatyard.identity.policy_syntax import Grammar, MalformedPolicy, parse

STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(statement: Any, version: str | None = "2012-10-17", **fields: Any) -> str:
    return json.dumps(({"Version": version} if version else {}) | {"Statement": statement} | fields)


def test_a_statement_may_be_an_object_and_an_action_a_string() -> None:
    policy = parse(document(STATEMENT), Grammar.MANAGED)
    assert policy.statements[0].actions == ("s3:getobject",)
    assert policy.statements[0].allow


def test_an_inline_policy_may_be_of_the_old_version() -> None:
    assert not parse(document([STATEMENT], None), Grammar.INLINE).variables
    with pytest.raises(MalformedPolicy, match="must be version 2012-10-17 or greater"):
        parse(document([STATEMENT], None), Grammar.MANAGED)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ([], "Syntax errors in policy."),
        ("x", "Syntax errors in policy."),
        (STATEMENT | {"Effect": "allow"}, "Syntax errors in policy."),
        (STATEMENT | {"Actions": "s3:*"}, "Syntax errors in policy."),
        (STATEMENT | {"NotAction": "s3:*"}, "Syntax errors in policy."),
        (STATEMENT | {"Resource": None}, "Syntax errors in policy."),
        ({"Effect": "Allow", "Resource": "*"}, "Policy statement must contain actions."),
        ({"Effect": "Allow", "Action": "s3:*"}, "Policy statement must contain resources."),
        (STATEMENT | {"Action": "GetObject"}, "Actions/Conditions must be prefaced by a vendor"),
        (STATEMENT | {"Action": "s3:a:b"}, "can contain only one colon"),
        (STATEMENT | {"Action": "s 3:a"}, "Vendor s 3 is not valid"),
        (STATEMENT | {"Resource": "bucket"}, 'Resource bucket must be in ARN format or "*".'),
        (STATEMENT | {"Resource": "arn:xyz:s3:::b"}, 'Partition "xyz" is not valid for resource'),
        (STATEMENT | {"Principal": "*"}, "Policy document should not specify a principal."),
        (STATEMENT | {"Sid": "not alphanumeric!"}, "must be alpha-numeric"),
        ([STATEMENT | {"Sid": "A"}, STATEMENT | {"Sid": "A"}], "must be unique"),
        (STATEMENT | {"Condition": {"Equals": {"a": "b"}}}, "Invalid Condition type : Equals."),
    ],
)
def test_what_breaks_an_identity_policy(statement: Any, message: str) -> None:
    with pytest.raises(MalformedPolicy) as malformed:
        parse(document(statement), Grammar.INLINE)
    assert message in str(malformed.value)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (TRUST | {"Resource": "*"}, "Has prohibited field Resource"),
        (TRUST | {"Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        (TRUST | {"Principal": {"AWS": "nobody"}}, 'Invalid principal in policy: "AWS":"nobody"'),
        (TRUST | {"Principal": {"Service": "lambda"}}, 'Invalid principal in policy: "SERVICE":"lambda"'),
        (TRUST | {"Principal": {"Who": "*"}}, 'Invalid principal in policy: "Who"'),
        ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "Missing required field Principal"),
        ({"Effect": "Allow", "Principal": "*"}, "Missing required field Action"),
        (TRUST | {"Effect": "Maybe"}, "Invalid effect: Maybe"),
    ],
)
def test_what_breaks_a_trust_policy(statement: Any, message: str) -> None:
    with pytest.raises(MalformedPolicy) as malformed:
        parse(document(statement), Grammar.TRUST)
    assert message in str(malformed.value)


def test_text_that_is_not_json_is_malformed() -> None:
    with pytest.raises(MalformedPolicy, match="Syntax errors"):
        parse("{", Grammar.INLINE)
    with pytest.raises(MalformedPolicy, match="invalid Json"):
        parse("{", Grammar.TRUST)
    with pytest.raises(MalformedPolicy):
        parse("[]", Grammar.INLINE)


def test_condition_operators_are_taken_apart() -> None:
    statement = STATEMENT | {"Condition": {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a", 1, True]}}}
    (condition,) = parse(document(statement), Grammar.INLINE).statements[0].conditions
    assert (condition.operator, condition.quantifier, condition.if_exists) == ("StringLike", "ForAnyValue", True)
    assert (condition.key, condition.values) == ("aws:tagkeys", ("a", "1", "true"))


def test_every_managed_policy_of_aws_parses() -> None:
    known = aws_managed.policies()
    assert "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole" in known
    for retired in ("AWSLambdaFullAccess", "AWSCodePipelineFullAccess"):
        assert f"arn:aws:iam::aws:policy/{retired}" in known
    for policy in known.values():
        assert parse(policy.document, Grammar.MANAGED).statements, policy.name
