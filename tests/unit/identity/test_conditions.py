"""Condition operators and policy variables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boatyard.identity.conditions import holds
from boatyard.identity.patterns import Context, arn_matches
from boatyard.identity.policy_syntax import Grammar, parse

CONTEXT: Context = {
    "aws:username": "ana",
    "aws:sourceip": "10.1.2.3",
    "aws:currenttime": "2026-03-01T12:00:00Z",
    "aws:tagkeys": ("team", "stage"),
    "aws:sourcearn": "arn:aws:s3:::bucket",
    "s3:prefix": "home/ana/x",
    "aws:securetransport": "true",
    "s3:max-keys": "10",
    "odd": "a*c",
}


def judged(operator: str, key: str, value: Any, version: str = "2012-10-17") -> bool:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {key: value}}}
    policy = parse(json.dumps({"Version": version, "Statement": statement}), Grammar.INLINE)
    return holds(policy.statements[0].conditions[0], CONTEXT, policy.variables)


@pytest.mark.parametrize(
    ("operator", "key", "value", "expected"),
    [
        ("StringEquals", "aws:UserName", "ana", True),
        ("StringEquals", "aws:username", ["bob", "ana"], True),
        ("StringEquals", "aws:username", "Ana", False),
        ("StringEqualsIgnoreCase", "aws:username", "ANA", True),
        ("StringNotEquals", "aws:username", ["bob", "ana"], False),
        ("StringNotEquals", "absent", "x", True),
        ("StringEquals", "absent", "x", False),
        ("StringEqualsIfExists", "absent", "x", True),
        ("StringLike", "s3:prefix", "home/${aws:username}/*", True),
        ("StringLike", "s3:prefix", "home/${aws:absent, 'ana'}/*", True),
        ("StringLike", "s3:prefix", "home/${aws:absent}/*", False),
        ("StringEquals", "odd", "a${*}c", True),
        ("StringLike", "aws:username", "${odd}", False),
        ("StringNotLike", "s3:prefix", "home/*", False),
        ("NumericLessThanEquals", "s3:max-keys", "10", True),
        ("NumericGreaterThan", "s3:max-keys", 10, False),
        ("NumericEquals", "aws:username", "1", False),
        ("DateLessThan", "aws:CurrentTime", "2026-04-01T00:00:00Z", True),
        ("DateGreaterThan", "aws:CurrentTime", "1900000000", False),
        ("Bool", "aws:SecureTransport", True, True),
        ("Bool", "aws:SecureTransport", "false", False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", True),
        ("NotIpAddress", "aws:SourceIp", ["10.1.0.0/16", "1.2.3.4"], False),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:::buck*", True),
        ("ArnNotEquals", "aws:SourceArn", "arn:aws:s3:::bucket", False),
        ("Null", "absent", "true", True),
        ("Null", "aws:username", "true", False),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team", "stage", "x"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team"], False),
        ("ForAllValues:StringEquals", "absent", ["team"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["team"], True),
        ("ForAnyValue:StringEquals", "absent", ["team"], False),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["team"], True),
        ("BinaryEquals", "odd", "!", False),
    ],
)
def test_operators(operator: str, key: str, value: Any, expected: bool) -> None:
    assert judged(operator, key, value) is expected


def test_variables_are_text_in_the_old_version() -> None:
    assert not judged("StringLike", "s3:prefix", "home/${aws:username}/*", "2008-10-17")


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k/with:colon", True),
        ("arn:aws:s3:::b", "arn:aws:s3:::bucket", False),
        ("arn:aws:iam::1:role/*", "arn:aws:iam::1:user/x", False),
        ("arn:aws:*:*:*:*", "arn:aws:sqs:us-east-1:1:q", True),
        ("arn:*:role/x", "arn:aws:iam::1:role/x", True),
        ("arn:aws:logs:us-east-1:?:log-group:a", "arn:aws:logs:us-east-1:1:log-group:a", True),
    ],
)
def test_arns(pattern: str, arn: str, expected: bool) -> None:
    assert arn_matches(pattern, arn) is expected
