"""Conditions of policy statements: the IAM User Guide's "Condition operators" judged against a request."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from boatyard.identity.patterns import Context, arn_matches, matches, plain, substitute, values_of
from boatyard.identity.policy_syntax import Condition

_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnLike",
    "ArnNotLike": "ArnLike",
}
_WITH_VARIABLES = ("String", "Arn", "Bool")
"""The operators in whose values policy variables are replaced; in numbers, dates and addresses they are not."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)


def holds(condition: Condition, context: Context, variables: bool = True) -> bool:
    """Whether a request's context meets a condition; `variables` says whether `${...}` is replaced."""
    given = values_of(context, condition.key)
    if condition.quantifier and given == ("",):
        given = ()  # A set of nothing but an empty text counts as an empty set.
    if condition.operator == "Null":
        return any((wanted.lower() == "true") is (not given) for wanted in condition.values)
    negated = condition.operator in _NEGATED
    if not given:
        return (
            condition.if_exists
            or condition.quantifier == "ForAllValues"
            or (negated and condition.quantifier != "ForAnyValue")
        )
    wanted = _wanted(condition, context, variables)
    compare = _COMPARISONS[_NEGATED.get(condition.operator, condition.operator)]
    verdicts = [any(compare(value, pattern) for pattern in wanted) is not negated for value in given]
    if condition.quantifier == "ForAllValues" or (negated and condition.quantifier is None):
        return all(verdicts)
    return any(verdicts)


def _wanted(condition: Condition, context: Context, variables: bool) -> list[str]:
    if not variables or not condition.operator.startswith(_WITH_VARIABLES):
        return list(condition.values)
    replaced = (substitute(value, context) for value in condition.values)
    return [value for value in replaced if value is not None]


def _same(value: str, wanted: str) -> bool:
    return value == plain(wanted)


def _same_ignoring_case(value: str, wanted: str) -> bool:
    return value.casefold() == plain(wanted).casefold()


def _like(value: str, wanted: str) -> bool:
    return matches(wanted, value)


def _arn_like(value: str, wanted: str) -> bool:
    return value.startswith("arn:") and arn_matches(wanted, value)


def _bool(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


def _binary(value: str, wanted: str) -> bool:
    try:
        return base64.b64decode(value, validate=True) == base64.b64decode(wanted, validate=True)
    except binascii.Error:
        return False


def _address(value: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Callable[[str, str], bool]:
    def judge(value: str, wanted: str) -> bool:
        if not _NUMBER.fullmatch(value) or not _NUMBER.fullmatch(wanted):
            return False
        return compare(Decimal(value), Decimal(wanted))

    return judge


def _date(compare: Callable[[datetime, datetime], bool]) -> Callable[[str, str], bool]:
    def judge(value: str, wanted: str) -> bool:
        try:
            return compare(_moment(value), _moment(wanted))
        except (ValueError, OverflowError, OSError):
            return False

    return judge


def _moment(text: str) -> datetime:
    """A date as policies spell it: ISO 8601 from the year down to the second, or seconds since 1970."""
    if re.fullmatch(r"-?\d{5,}", text, re.ASCII):
        return datetime.fromtimestamp(int(text), UTC)
    if re.fullmatch(r"\d{4}(-\d\d)?", text, re.ASCII):
        text = f"{text}-01" if "-" in text else f"{text}-01-01"
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _same,
    "StringEqualsIgnoreCase": _same_ignoring_case,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": _bool,
    "BinaryEquals": _binary,
    "IpAddress": _address,
    "NumericEquals": _numeric(lambda a, b: a == b),
    "NumericLessThan": _numeric(lambda a, b: a < b),
    "NumericLessThanEquals": _numeric(lambda a, b: a <= b),
    "NumericGreaterThan": _numeric(lambda a, b: a > b),
    "NumericGreaterThanEquals": _numeric(lambda a, b: a >= b),
    "DateEquals": _date(lambda a, b: a == b),
    "DateLessThan": _date(lambda a, b: a < b),
    "DateLessThanEquals": _date(lambda a, b: a <= b),
    "DateGreaterThan": _date(lambda a, b: a > b),
    "DateGreaterThanEquals": _date(lambda a, b: a >= b),
}
