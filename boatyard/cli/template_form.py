"""A policy as it stands in a template: partition, region, account and the stack's own names become references."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boatyard.cli.role_policies import Holder
    from boatyard.cli.servers import Running

_SHORTEST = 3
"""Letters that a parameter's value must have to be taken for it where it stands in a name."""


@dataclass(frozen=True)
class Names:
    """What texts in ARNs stand for in one stack.

    `references` and `imports` go by the service and the name: a repository and a project may have the same.
    """

    region: str
    account: str
    references: dict[tuple[str, str], str] = field(default_factory=dict)
    """Logical ids."""
    imports: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """The logical id in the stack that exports it, and the export's name."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Parameters by their value."""

    def policy(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with every resource that has something to refer to as Fn::Sub."""
        statements = []
        for statement in document["Statement"]:
            resources = statement["Resource"]
            told = [self.text(each) for each in resources] if isinstance(resources, list) else self.text(resources)
            statements.append({**statement, "Resource": told})
        return {**document, "Statement": statements}

    def text(self, arn: str) -> Any:
        """One ARN: itself where it is none, else Fn::Sub with what it imports."""
        parts = arn.split(":", 5)
        if len(parts) < 6:
            return arn
        head = ["arn", "${AWS::Partition}", parts[2], "", ""]
        head[3] = "${AWS::Region}" if parts[3] == self.region else parts[3]
        head[4] = "${AWS::AccountId}" if parts[4] == self.account else parts[4]
        rest, imported = self._rest(parts[2], parts[5].replace("${", "${!"))
        text = ":".join([*head, rest])
        if not imported:
            return {"Fn::Sub": text}
        values = {name: {"Fn::ImportValue": self._parametrised(export)} for name, export in imported.items()}
        return {"Fn::Sub": [text, values]}

    def _rest(self, service: str, rest: str) -> tuple[str, dict[str, str]]:
        """The part behind the account: a whole name first, the longest one; then parameters' values around it."""
        known = {name: (logical, None) for (of, name), logical in self.references.items() if of == service}
        imported = {name: found for (of, name), found in self.imports.items() if of == service and name not in known}
        for name in sorted([*known, *imported], key=len, reverse=True):
            found = _whole(name).search(rest)
            if found is None:
                continue
            before, after = self._with_parameters(rest[: found.start()]), self._with_parameters(rest[found.end() :])
            logical, export = known[name] if name in known else imported[name]
            return f"{before}${{{logical}}}{after}", {logical: export} if export else {}
        return self._with_parameters(rest), {}

    def _with_parameters(self, text: str) -> str:
        for value, name in self.parameters.items():
            if len(value) >= _SHORTEST:
                text = _word(value).sub(f"${{{name}}}", text)
        return text

    def _parametrised(self, text: str) -> Any:
        told = self._with_parameters(text)
        return told if told == text else {"Fn::Sub": told}


def _whole(name: str) -> re.Pattern[str]:
    """A resource's whole name in an ARN: between slashes and colons."""
    return re.compile(rf"(?<![^/:]){re.escape(name)}(?![^/:])")


def _word(value: str) -> re.Pattern[str]:
    """A parameter's value in a name: not a part of a longer word."""
    return re.compile(rf"(?<![0-9A-Za-z]){re.escape(value)}(?![0-9A-Za-z])")


def names_for(server: Running, holder: Holder) -> Names:
    """What a role's policy can refer to in the stack that made it; region and account alone where none did."""
    names = Names(server.settings.region, holder.arn.split(":")[4])
    client = server.client("cloudformation")
    stack = stack_of(client, holder.name)
    if stack is None:
        return names
    for parameter in stack.get("Parameters", []):
        names.parameters[parameter["ParameterValue"]] = parameter["ParameterKey"]
    resources = client.describe_stack_resources(StackName=stack["StackId"])["StackResources"]
    own = next(each["LogicalResourceId"] for each in resources if each.get("PhysicalResourceId") == holder.name)
    graph = _references(client, stack["StackId"])
    for kind, physical, logical in _named(resources):
        # What needs the role first cannot be named in its policy: the two would wait for each other.
        if own not in _needed_by(graph, logical):
            names.references[kind, physical] = logical
    exports = client.get_paginator("list_exports").paginate().build_full_result()["Exports"]
    for exporting in {each["ExportingStackId"] for each in exports} - {stack["StackId"]}:
        values = {each["Value"]: each["Name"] for each in exports if each["ExportingStackId"] == exporting}
        others = client.describe_stack_resources(StackName=exporting)["StackResources"]
        for kind, physical, logical in _named(others):
            if physical in values:
                names.imports[kind, physical] = (logical, values[physical])
    return names


def _named(resources: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """A stack's resources that `${LogicalId}` gives the name of: service, name, logical id."""
    for each in resources:
        physical = each.get("PhysicalResourceId") or ""
        if physical and not physical.startswith(("arn:", "http")):
            yield each["ResourceType"].split("::")[1].lower(), physical, each["LogicalResourceId"]


def stack_of(client: Any, role: str) -> dict[str, Any] | None:
    """The stack that a role belongs to, if one does."""
    try:
        found = client.describe_stack_resources(PhysicalResourceId=role)["StackResources"]
    except client.exceptions.ClientError:
        return None
    stack: dict[str, Any] = client.describe_stacks(StackName=found[0]["StackId"])["Stacks"][0]
    return stack


def _references(client: Any, stack: str) -> dict[str, set[str]]:
    """Which resources each resource of a stack's template refers to."""
    from boatyard.services.cloudformation.templates.parsing import parse
    from boatyard.services.cloudformation.templates.references import names_in

    body = client.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    template = body if isinstance(body, dict) else parse(body)
    graph = {}
    for name, resource in template["Resources"].items():
        wanted = resource.get("DependsOn", [])
        graph[name] = {other for other, _ in names_in(resource.get("Properties", {}))}
        graph[name] |= {wanted} if isinstance(wanted, str) else set(wanted)
    return graph


def _needed_by(graph: dict[str, set[str]], name: str) -> set[str]:
    """Everything that a resource needs before it, itself included."""
    waiting, seen = [name], {name}
    while waiting:
        for other in graph.get(waiting.pop(), set()) - seen:
            seen.add(other)
            waiting.append(other)
    return seen
