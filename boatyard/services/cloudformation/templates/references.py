"""Who refers to whom: references checked against what is declared, and the order they put resources in."""

from __future__ import annotations

import graphlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.functions import (
    CONDITION_FUNCTIONS,
    FUNCTION_NAMES,
    attribute_parts,
    function_of,
    sub_names,
    unknown_function,
)
from boatyard.services.cloudformation.templates.scope import PSEUDO_PARAMETERS, Scope

if TYPE_CHECKING:
    from boatyard.services.cloudformation.templates.document import Template


def calls(value: Any, scope: Scope | None = None) -> Iterator[tuple[str, Any]]:
    """Every function call within `value` as name and argument; with a scope, only in the branches Fn::If chooses."""
    name = function_of(value)
    if name is not None:
        argument = value[name]
        yield name, argument
        if name == "Fn::If" and scope is not None and isinstance(argument, list) and len(argument) == 3:
            yield from calls(argument[1 if scope.condition(str(argument[0])) else 2], scope)
        else:
            yield from calls(argument, scope)
    elif isinstance(value, dict):
        for member in value.values():
            yield from calls(member, scope)
    elif isinstance(value, list):
        for item in value:
            yield from calls(item, scope)


def names_in(value: Any, scope: Scope | None = None) -> Iterator[tuple[str, str | None]]:
    """Every name that `value` refers to, with the attribute asked for where there is one."""
    for function, argument in calls(value, scope):
        if function == "Ref" and isinstance(argument, str):
            yield argument, None
        elif function == "Fn::GetAtt":
            name, attribute = attribute_parts(argument)
            yield name, attribute if isinstance(attribute, str) else None
        elif function == "Fn::Sub":
            for name in sub_names(argument):
                resource, dot, attribute = name.partition(".")
                yield resource, attribute if dot else None


def check_references(template: Template) -> None:
    """Raise ApiError ValidationError where the template names what it does not declare."""
    known = {*template.parameters, *template.resources, *PSEUDO_PARAMETERS}
    missing: set[str] = set()
    for resource in template.resources.values():
        missing |= {name for name in resource.depends_on if name not in template.resources}
        missing |= _undeclared(resource.properties, known, template)
        _check_condition(resource.condition, template, "Resources")
    if missing:
        raise invalid(_unresolved(missing, "Resources"))
    for output in template.outputs.values():
        missing |= _undeclared([output.value, output.export], known, template)
        _check_condition(output.condition, template, "Outputs")
    if missing:
        raise invalid(_unresolved(missing, "Outputs"))
    allowed = {*template.parameters, *PSEUDO_PARAMETERS}
    for condition in template.conditions.values():
        missing |= {name for name, _ in names_in(condition) if name not in allowed}
    if missing:
        raise invalid(
            f"Template format error: Unresolved dependencies [{', '.join(sorted(missing))}]. Cannot reference "
            "resources in the Conditions block of the template"
        )


def _undeclared(value: Any, known: set[str], template: Template) -> set[str]:
    for function, argument in calls(value):
        if function not in FUNCTION_NAMES:
            raise unknown_function(function)
        if function == "Fn::If" and isinstance(argument, list) and argument:
            _check_condition(argument[0], template, "Resources")
        if function == "Fn::GetAtt":
            name, _ = attribute_parts(argument)
            if name not in template.resources:
                raise invalid(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        if function in CONDITION_FUNCTIONS:
            raise invalid(f"Template error: {function} can be used only in Conditions and Rules.")
    return {name for name, _ in names_in(value) if name not in known}


def _unresolved(names: set[str], section: str) -> str:
    listed = ", ".join(sorted(names))
    return f"Template format error: Unresolved resource dependencies [{listed}] in the {section} block of the template"


def _check_condition(name: Any, template: Template, section: str) -> None:
    if name is not None and (not isinstance(name, str) or name not in template.conditions):
        raise invalid(
            f"Template format error: Unresolved condition dependency {name} in the {section} block of the template"
        )


def active_resources(template: Template, scope: Scope) -> list[str]:
    """The logical ids whose condition holds, in the template's order."""
    return [
        name
        for name, resource in template.resources.items()
        if resource.condition is None or scope.condition(resource.condition)
    ]


def dependencies(template: Template, scope: Scope) -> dict[str, set[str]]:
    """For every active resource, the active ones it needs first.

    Raises ApiError ValidationError for a reference to a resource whose condition is false, and for a circle.
    """
    active = active_resources(template, scope)
    graph: dict[str, set[str]] = {}
    for name in active:
        resource = template.resources[name]
        referred = {other for other, _ in names_in(resource.properties, scope) if other in template.resources}
        missing = referred - set(active)
        if missing:
            raise invalid(_unresolved(missing, "Resources"))
        graph[name] = referred | {other for other in resource.depends_on if other in active}
    check_circles(graph)
    return graph


def check_circles(graph: Mapping[str, set[str]]) -> None:
    """Raise ApiError ValidationError naming the resources that need one another."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise invalid(f"Circular dependency between resources: [{circle}]") from error


def add_order_by_name(
    graph: dict[str, set[str]], types: Mapping[str, str], properties: Mapping[str, Mapping[str, Any]]
) -> None:
    """Let resources that spell out another's name wait for it, as if DependsOn said so.

    Old templates name a resource literally instead of with Ref and count on AWS's slowness. `properties` are the
    known values; a resource's own name is its property `Name` or the one called after its type, as BucketName. A
    wait that would close a circle is left out.
    """
    owners: dict[str, list[str]] = {}
    for logical_id, values in properties.items():
        kind = types[logical_id].rsplit("::", 1)[-1]
        for name in (values.get("Name"), values.get(f"{kind}Name")):
            if isinstance(name, str) and len(name) > 2:
                owners.setdefault(name, []).append(logical_id)
    for logical_id, values in properties.items():
        for text in sorted(set(_texts(values)) & set(owners)):
            for owner in owners[text]:
                if owner != logical_id and not _reaches(graph, owner, logical_id):
                    graph[logical_id].add(owner)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _reaches(graph: Mapping[str, set[str]], start: str, goal: str) -> bool:
    waiting, seen = [start], {start}
    while waiting:
        for following in graph.get(waiting.pop(), ()):
            if following == goal:
                return True
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return False
