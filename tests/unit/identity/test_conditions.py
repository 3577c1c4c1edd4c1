"""Condition operators and policy variables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boatyard.identity.conditions import holds
from boatyard.identity.patterns import Context, arn_matches, matches, resource_matches
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
    "price": "$5",
    "bits": "aGk=",
    "nothing": (),
    "blank": "",
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
        ("BinaryEquals", "bits", "aGk=", True),
        ("BinaryEqualsIfExists", "absent", "aGk=", True),
        ("StringEqualsIgnoreCase", "s3:prefix", "HOME/${aws:username}/X", True),
        ("StringNotEqualsIgnoreCase", "aws:username", "ANA", False),
        ("StringNotLike", "s3:prefix", "home/${aws:absent}/*", True),
        ("StringLike", "odd", "a${*}c", True),
        ("StringLike", "odd", "a${?}c", False),
        ("StringEquals", "price", "${$}5", True),
        ("StringEquals", "aws:username", "${aws:TagKeys}", False),
        ("ForAnyValue:StringEquals", "aws:TagKeys", "${aws:TagKeys}", False),
        ("NumericNotEquals", "s3:max-keys", ["10", "11"], False),
        ("NumericLessThan", "s3:max-keys", "10.5", True),
        ("NumericGreaterThanEquals", "s3:max-keys", "10.0", True),
        ("NumericEquals", "s3:max-keys", "1_0", False),
        ("NumericEquals", "s3:max-keys", "${s3:max-keys}", False),
        ("NumericLessThanIfExists", "absent", "1", True),
        ("DateEquals", "aws:CurrentTime", "2026-03-01T13:00:00+01:00", True),
        ("DateNotEquals", "aws:CurrentTime", "2026-03-01T12:00:00Z", False),
        ("DateGreaterThan", "aws:CurrentTime", "2026", True),
        ("DateLessThanEquals", "aws:CurrentTime", "2026-03", False),
        ("DateGreaterThanEquals", "aws:CurrentTime", "2026-03-01", True),
        ("DateLessThan", "aws:CurrentTime", "yesterday", False),
        ("Bool", "aws:SecureTransport", "${aws:SecureTransport}", True),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", False),
        ("IpAddress", "aws:SourceIp", "10.1.2.3", True),
        ("IpAddress", "aws:SourceIp", "10.*", False),
        ("ArnEquals", "aws:SourceArn", "arn:aws:s3:::buck?t", True),
        ("ArnNotLike", "absent", "arn:aws:s3:::bucket", True),
        ("Null", "aws:username", "false", True),
        ("Null", "nothing", "true", True),
        ("ForAllValues:StringEquals", "nothing", ["team"], True),
        ("ForAllValues:StringEquals", "blank", ["team"], True),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", ["team"], False),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", ["other"], True),
        ("ForAllValues:StringLikeIfExists", "absent", ["t*"], True),
        ("ForAnyValue:StringEquals", "nothing", ["team"], False),
        ("ForAnyValue:StringNotEquals", "nothing", ["team"], False),
        ("ForAnyValue:StringEquals", "blank", [""], False),
        ("ForAnyValue:StringLike", "aws:TagKeys", ["sta*"], True),
        ("ForAnyValue:StringEqualsIfExists", "absent", ["team"], True),
        ("forallvalues:stringequals", "aws:TagKeys", ["team", "stage"], True),
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
        ("arn:aws:iam::1*:user/x", "arn:aws:iam::12:user/x", True),
        ("arn:aws:*:x", "arn:aws:s3:us-east-1:1:x", False),
        ("arn:aws:logs:us-east-1:?:log-group:a", "arn:aws:logs:us-east-1:1:log-group:a", True),
    ],
)
def test_arn_conditions_compare_part_by_part(pattern: str, arn: str, expected: bool) -> None:
    assert arn_matches(pattern, arn) is expected


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("arn:*:role/x", "arn:aws:iam::1:role/x", True),
        ("arn:aws:s3*", "arn:aws:s3:::b/k", True),
        ("arn:aws:s3:::b*/k", "arn:aws:s3:::bucket/a:b/k", True),
        ("arn:aws:lambda:*:function:f", "arn:aws:lambda:us-east-1:1:function:f", True),
        ("arn:aws:l*a:us-east-1:1:function:f", "arn:aws:lambda:us-east-1:1:function:f", True),
        ("arn:aws:l*1:1:function:f", "arn:aws:lambda:us-east-1:1:function:f", False),
        ("arn:aws:l?mbda:*:function:f", "arn:aws:lambda:us-east-1:1:function:f", True),
        ("arn:aws?s3:*:b", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::b", "arn:aws:s3:::b/k", False),
    ],
)
def test_a_star_at_the_end_of_a_segment_reaches_over_colons(pattern: str, arn: str, expected: bool) -> None:
    assert resource_matches(pattern, arn) is expected


def test_a_pattern_of_many_stars_is_judged_at_once() -> None:
    """A regular expression that goes back over its choices would not end in a lifetime."""
    arn = "arn:aws:s3:::" + "a" * 1000
    assert not resource_matches("arn:aws:s3:::" + "a*" * 30 + "b", arn)
    assert not resource_matches("arn:aws:s?:*:" + "a*" * 30 + "b", arn)
    assert matches("*a" * 500, "a" * 1000)
