"""What an update would change: two revisions of a stack compared, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from boatyard.api.resource_types import ResourceType, all_types
from boatyard.services.cloudformation.deployment.adoption import can_update
from boatyard.services.cloudformation.records import Revision, StackResource
from boatyard.services.cloudformation.templates.document import ResourceDeclaration, Template
from boatyard.services.cloudformation.templates.functions import evaluate_known
from boatyard.services.cloudformation.templates.references import active_resources, names_in
from boatyard.services.cloudformation.templates.scope import Scope


@dataclass(frozen=True)
class Side:
    """A revision as far as it is known without its resources."""

    revision: Revision
    template: Template
    scope: Scope

    def resources(self) -> dict[str, dict[str, Any]]:
        """The active resources' known properties."""
        return {
            name: evaluate_known(self.template.resources[name].properties, self.scope)
            for name in active_resources(self.template, self.scope)
        }

    def outputs(self) -> list[Any]:
        """The outputs' known values."""
        return [
            (name, evaluate_known([output.value, output.export], self.scope), output.description)
            for name, output in self.template.outputs.items()
            if output.condition is None or self.scope.condition(output.condition)
        ]


def is_same(before: Side, after: Side) -> bool:
    """Whether an update from one to the other would have nothing to do."""
    return (
        _shape(before) == _shape(after)
        and before.outputs() == after.outputs()
        and before.revision.tags == after.revision.tags
        and before.revision.notification_arns == after.revision.notification_arns
        and before.revision.role_arn == after.revision.role_arn
    )


def _shape(side: Side) -> dict[str, Any]:
    return {
        name: (properties, _attributes(side.template.resources[name])) for name, properties in side.resources().items()
    }


def _attributes(resource: ResourceDeclaration) -> tuple[Any, ...]:
    return (
        resource.type,
        resource.metadata,
        resource.deletion_policy,
        resource.update_replace_policy,
        resource.depends_on,
    )


def changes(before: Side | None, after: Side, there: dict[str, StackResource]) -> list[dict[str, Any]]:
    """The members of DescribeChangeSet's Changes, in the template's order; removals last.

    Follows "ResourceChange" in the CloudFormation API reference.
    """
    old = before.resources() if before is not None else {}
    new = after.resources()
    found: dict[str, dict[str, Any]] = {}
    for name, properties in new.items():
        declaration = after.template.resources[name]
        if name not in old or before is None:
            found[name] = {"Action": "Add", "LogicalResourceId": name, "ResourceType": declaration.type}
            continue
        change = _modification(before, after, name, old[name], properties)
        if change is not None:
            found[name] = change
    _propagate(found, after, new)
    for name in old:
        if name not in new and before is not None:
            declaration = before.template.resources[name]
            kept = declaration.deletion_policy != "Delete"
            found[name] = {
                "Action": "Remove",
                "LogicalResourceId": name,
                "ResourceType": declaration.type,
                "PolicyAction": "Retain" if kept else "Delete",
            }
    for name, change in found.items():
        if name in there and there[name].there and there[name].physical_id:
            change["PhysicalResourceId"] = there[name].physical_id
        change.setdefault("Scope", [])
        change.setdefault("Details", [])
    return [{"Type": "Resource", "ResourceChange": change} for change in found.values()]


def _modification(
    before: Side, after: Side, name: str, old: dict[str, Any], new: dict[str, Any]
) -> dict[str, Any] | None:
    declaration, previous = after.template.resources[name], before.template.resources[name]
    kind = all_types().get(declaration.type)
    differing = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    details = [_detail("Properties", key, _recreation(kind, key), "Static", "DirectModification") for key in differing]
    scope = ["Properties"] if differing else []
    if before.revision.tags != after.revision.tags and kind is not None and "Tags" in kind.properties:
        scope.append("Tags")
        details.append(_detail("Tags", None, "Never", "Static", "DirectModification"))
    for member, attribute in (
        ("Metadata", "metadata"),
        ("DeletionPolicy", "deletion_policy"),
        ("UpdateReplacePolicy", "update_replace_policy"),
    ):
        if getattr(declaration, attribute) != getattr(previous, attribute):
            scope.append(member)
            details.append(_detail(member, None, "Never", "Static", "DirectModification"))
    if not scope:
        return None
    replaced = kind is not None and bool(differing) and (kind.replaces(old, new) or not can_update(kind))
    return {
        "Action": "Modify",
        "LogicalResourceId": name,
        "ResourceType": declaration.type,
        "Replacement": "True" if replaced else "False",
        "Scope": scope,
        "Details": details,
    }


def _propagate(found: dict[str, dict[str, Any]], after: Side, new: dict[str, dict[str, Any]]) -> None:
    """Resources that refer to one that is replaced change with it, though how is known only then."""
    waiting = [name for name, change in found.items() if change.get("Replacement") == "True"]
    while waiting:
        source = waiting.pop()
        for name in new:
            declaration = after.template.resources[name]
            keys = [key for key, value in declaration.properties.items() if _refers(value, source, after.scope)]
            if not keys or name == source or found.get(name, {}).get("Action") == "Add":
                continue
            kind = all_types().get(declaration.type)
            change = found.get(name)
            if change is None:
                change = found[name] = {
                    "Action": "Modify",
                    "LogicalResourceId": name,
                    "ResourceType": declaration.type,
                    "Replacement": "False",
                    "Scope": ["Properties"],
                    "Details": [],
                }
            recreations = [_recreation(kind, key) for key in keys]
            change["Details"] += [
                _detail("Properties", key, recreation, "Dynamic", "ResourceReference", source)
                for key, recreation in zip(keys, recreations, strict=True)
            ]
            if "Properties" not in change["Scope"]:
                change["Scope"].append("Properties")
            if change["Replacement"] == "False" and "Always" in recreations:
                change["Replacement"] = "Conditional"
                waiting.append(name)


def _refers(value: Any, source: str, scope: Scope) -> bool:
    return any(name == source for name, _ in names_in(value, scope))


def _recreation(kind: ResourceType | None, key: str) -> str:
    rule = kind.properties.get(key) if kind is not None else None
    if kind is not None and not can_update(kind):
        return "Always"
    return "Always" if rule is not None and rule.immutable else "Never"


def _detail(
    attribute: str, name: str | None, recreation: str, evaluation: str, source: str, cause: str | None = None
) -> dict[str, Any]:
    target: dict[str, Any] = {"Attribute": attribute, "RequiresRecreation": recreation}
    if name is not None:
        target["Name"] = name
    detail: dict[str, Any] = {"Target": target, "Evaluation": evaluation, "ChangeSource": source}
    if cause is not None:
        detail["CausingEntity"] = cause
    return detail
