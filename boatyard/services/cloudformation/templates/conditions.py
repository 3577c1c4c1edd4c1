"""Conditions and rules: the boolean functions of a template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.functions import evaluate, text
from boatyard.services.cloudformation.templates.scope import Scope, Unresolved


def holds(expression: Any, scope: Scope) -> bool:
    """Whether a condition expression is true, after "Condition functions" in the CloudFormation user guide."""
    if isinstance(expression, dict) and len(expression) == 1:
        name, value = next(iter(expression.items()))
        if name == "Condition" and isinstance(value, str):
            return scope.condition(value)
        function = _BOOLEANS.get(name)
        if function is not None:
            return function(value, scope)
    raise invalid(
        "Template format error: Every Conditions member must be Fn::And, Fn::Equals, Fn::Not, Fn::Or or Condition."
    )


def _equals(value: Any, scope: Scope) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        raise invalid("Template error: every Fn::Equals object requires a list of 2 string parameters.")
    left, right = (evaluate(side, scope) for side in value)
    if isinstance(left, (dict, list)) or isinstance(right, (dict, list)):
        return bool(left == right)
    return text(left, "Fn::Equals") == text(right, "Fn::Equals")


def _terms(name: str, value: Any, least: int, most: int) -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        count = f"{least}" if least == most else f"{least} to {most}"
        raise invalid(f"Template error: every {name} object requires a list of {count} boolean parameters.")
    return value


def _and(value: Any, scope: Scope) -> bool:
    return all(holds(term, scope) for term in _terms("Fn::And", value, 2, 10))


def _or(value: Any, scope: Scope) -> bool:
    return any(holds(term, scope) for term in _terms("Fn::Or", value, 2, 10))


def _not(value: Any, scope: Scope) -> bool:
    return not holds(_terms("Fn::Not", value, 1, 1)[0], scope)


def _contains(value: Any, scope: Scope) -> bool:
    items, wanted = _rule_arguments("Fn::Contains", value, scope)
    return isinstance(items, list) and text(wanted, "Fn::Contains") in [text(item, "Fn::Contains") for item in items]


def _each_equals(value: Any, scope: Scope) -> bool:
    items, wanted = _rule_arguments("Fn::EachMemberEquals", value, scope)
    return isinstance(items, list) and all(str(item) == str(wanted) for item in items)


def _each_in(value: Any, scope: Scope) -> bool:
    items, allowed = _rule_arguments("Fn::EachMemberIn", value, scope)
    return isinstance(items, list) and isinstance(allowed, list) and all(item in allowed for item in items)


def _rule_arguments(name: str, value: Any, scope: Scope) -> tuple[Any, Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise invalid(f"Template error: {name} requires a list with two elements.")
    return evaluate(value[0], scope), evaluate(value[1], scope)


_BOOLEANS: dict[str, Callable[[Any, Scope], bool]] = {
    "Fn::Equals": _equals,
    "Fn::And": _and,
    "Fn::Or": _or,
    "Fn::Not": _not,
    "Fn::Contains": _contains,
    "Fn::EachMemberEquals": _each_equals,
    "Fn::EachMemberIn": _each_in,
}


def check_rules(rules: dict[str, Any], scope: Scope) -> None:
    """Raise ApiError ValidationError for every assertion of the Rules section that the parameters do not meet."""
    failed: list[str] = []
    for name, rule in rules.items():
        try:
            failed += _failures(name, rule, scope)
        except Unresolved as error:
            raise invalid(f"Template format error: Rule {name} cannot reference resources, only parameters.") from error
    if failed:
        raise invalid(f"Template validation error: {'; '.join(failed)}")


def _failures(name: str, rule: Any, scope: Scope) -> list[str]:
    if not isinstance(rule, dict) or not isinstance(rule.get("Assertions"), list):
        raise invalid(f"Template format error: Rule {name} must contain a list of Assertions.")
    if "RuleCondition" in rule and not holds(rule["RuleCondition"], scope):
        return []
    failed: list[str] = []
    for assertion in rule["Assertions"]:
        if not isinstance(assertion, dict) or "Assert" not in assertion:
            raise invalid(f"Template format error: every assertion of rule {name} must contain Assert.")
        if not holds(assertion["Assert"], scope):
            failed.append(str(assertion.get("AssertDescription", f"Assertion of rule {name} failed.")))
    return failed
