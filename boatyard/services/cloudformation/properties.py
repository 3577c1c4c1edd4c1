"""Properties against a resource type's rules: what is not supported is named, scalars are brought to their type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from boatyard.api.resource_types import PropertyRule, ResourceType, all_types
from boatyard.services.cloudformation.templates.document import Template
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.functions import evaluate_known, function_of
from boatyard.services.cloudformation.templates.references import active_resources, names_in
from boatyard.services.cloudformation.templates.scope import Scope

_KINDS = {str: "a string", int: "an integer", float: "a number", bool: "a boolean", list: "a list", dict: "an object"}


def check_supported(template: Template, scope: Scope) -> None:
    """Raise one ApiError ValidationError that names every unsupported type, property and attribute of a template."""
    types = all_types()
    found: list[str] = []
    active = active_resources(template, scope)
    for name in active:
        resource = template.resources[name]
        kind = types.get(resource.type)
        if kind is None:
            found.append(f"{name}: resource type {resource.type} is not supported")
            continue
        known = evaluate_known(resource.properties, scope)
        found += [f"{name} ({resource.type}): {problem}" for problem in _problems(kind.properties, known, "")]
    for name, attribute in _attributes(template, active, scope):
        kind = types.get(template.resources[name].type)
        if kind is not None and kind.attributes and attribute not in kind.attributes:
            found.append(f"{name} ({kind.type_name}): Fn::GetAtt of {attribute} is not supported")
    if found:
        listed = "; ".join(dict.fromkeys(found))
        raise invalid(
            f"Template error: boatyard does not do everything this template asks for. {listed}. Nothing was created; "
            "docs/reference/resource-types.md lists what is supported."
        )


def _attributes(template: Template, active: list[str], scope: Scope) -> Iterator[tuple[str, str]]:
    values: list[Any] = [template.resources[name].properties for name in active]
    values += [
        output.value
        for output in template.outputs.values()
        if output.condition is None or scope.condition(output.condition)
    ]
    for value in values:
        for name, attribute in names_in(value, scope):
            if attribute is not None and name in template.resources:
                yield name, attribute


def _problems(rules: Mapping[str, PropertyRule], properties: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, value in properties.items():
        rule = rules.get(name)
        if rule is None:
            yield f"property {path}{name} is not supported"
        elif function_of(value) is None:
            yield from _value_problems(rule, value, f"{path}{name}")
    for name, rule in rules.items():
        if rule.required and name not in properties:
            yield f"property {path}{name} is required"


def _value_problems(rule: PropertyRule, value: Any, path: str) -> Iterator[str]:
    if not _fits(rule.type, value):
        yield f"property {path} must be {_KINDS.get(rule.type, rule.type.__name__)}"
    elif rule.members is not None and isinstance(value, dict):
        yield from _problems(rule.members, value, f"{path}.")
    elif rule.members is not None and isinstance(value, list):
        for item in value:
            if isinstance(item, dict) and function_of(item) is None:
                yield from _problems(rule.members, item, f"{path}.")


def _fits(kind: type, value: Any) -> bool:
    """Whether a known value is of the kind, or a scalar that can be brought to it."""
    if kind is object:
        return True
    if kind in (list, dict):
        return isinstance(value, kind)
    if isinstance(value, (list, dict)) or value is None:
        return False
    try:
        _scalar(kind, value)
    except ValueError:
        return False
    return True


def _scalar(kind: type, value: Any) -> Any:
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    if kind is int:
        return int(text)
    if kind is float:
        return float(text)
    return text


def bring_to_type(kind: ResourceType, properties: dict[str, Any]) -> dict[str, Any]:
    """The resolved properties with scalars as the rules have them: "30" as 30, true as "true" where text is due.

    Raises ApiError ValidationError for what cannot be brought to its type.
    """
    problems = list(_problems(kind.properties, properties, ""))
    if problems:
        raise invalid(f"Properties validation failed: {'; '.join(problems)}")
    return _brought(kind.properties, properties)


def _brought(rules: Mapping[str, PropertyRule], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(rules[name], value) for name, value in properties.items()}


def _value(rule: PropertyRule, value: Any) -> Any:
    if rule.members is not None and isinstance(value, dict):
        return _brought(rule.members, value)
    if rule.members is not None and isinstance(value, list):
        return [_brought(rule.members, item) if isinstance(item, dict) else item for item in value]
    if rule.type in (object, list, dict):
        return value
    return _scalar(rule.type, value)
