"""The scope of a stack: its parameters, the resources it has made so far, other stacks' exports, Parameter Store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.records import EXPORTS, Revision, StackResource
from boatyard.services.cloudformation.templates.document import Template
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.functions import evaluate
from boatyard.services.cloudformation.templates.preparation import Environment, scope_of
from boatyard.services.cloudformation.templates.references import active_resources, calls
from boatyard.services.cloudformation.templates.scope import Scope, Unresolved, pseudo_parameters


def environment_of(call: Call) -> Environment:
    """What templates get from outside, looked up as the caller."""

    def managed_policies() -> dict[str, str]:
        arns: dict[str, str] = {}
        marker: dict[str, Any] = {}
        while True:
            page = call.invoke("iam", "ListPolicies", Scope="AWS", **marker)
            arns |= {policy["PolicyName"]: policy["Arn"] for policy in page["Policies"]}
            if not page.get("IsTruncated"):
                return arns
            marker = {"Marker": page["Marker"]}

    return Environment(call.region, lambda name: stored_parameter(call, name), managed_policies)


def stored_parameter(call: Call, name: str) -> str:
    """The value of a parameter in Parameter Store; ApiError ValidationError when it is not there."""
    try:
        return str(call.invoke("ssm", "GetParameter", Name=name)["Parameter"]["Value"])
    except ApiError as error:
        if error.code == "ParameterNotFound":
            raise invalid(f"Unable to fetch parameters [{name}] from parameter store for this account.") from error
        raise


def dynamic_reference(call: Call, service: str, key: str) -> str:
    """The value of `{{resolve:service:key}}`; only Parameter Store's plain parameters are done."""
    if service != "ssm":
        raise invalid(
            f"Dynamic reference {{{{resolve:{service}:{key}}}}} is not supported: boatyard resolves only "
            "{{resolve:ssm:name}}."
        )
    return stored_parameter(call, key)


def stack_scope(
    call: Call,
    template: Template,
    revision: Revision,
    stack_name: str,
    stack_id: str,
    find: Callable[[str], StackResource | None] = lambda name: None,
) -> Scope:
    """The scope of a revision; `find` gives a resource that is there already."""
    pseudo = pseudo_parameters(call.account, call.region, stack_name, stack_id, revision.notification_arns)
    scope = scope_of(template, revision.values(), pseudo)

    def reference(name: str) -> str:
        resource = find(name)
        if resource is None or not resource.there or resource.physical_id is None:
            raise Unresolved
        return resource.physical_id

    def attribute(name: str, attribute_name: str) -> Any:
        resource = find(name)
        if resource is None or not resource.there or resource.physical_id is None:
            raise Unresolved
        if attribute_name not in resource.attributes:
            raise invalid(
                f"Template error: resource {name} does not support attribute type {attribute_name} in Fn::GetAtt"
            )
        return resource.attributes[attribute_name]

    def import_value(name: str) -> str:
        with call.installation.database.reading() as rx:
            export = EXPORTS.get(rx, call.account, call.region, name)
        if export is None:
            raise invalid(f"No export named {name} found.")
        return export.value

    scope.reference = reference
    scope.attribute = attribute
    scope.import_value = import_value
    scope.dynamic = lambda service, key: dynamic_reference(call, service, key)
    return scope


def imported_names(template: Template, scope: Scope) -> set[str]:
    """The exports that a template uses, as far as their names are known."""
    values: list[Any] = [template.resources[name].properties for name in active_resources(template, scope)]
    values += [output.value for output in active_outputs(template, scope)]
    names: set[str] = set()
    for value in values:
        for function, argument in calls(value, scope):
            if function == "Fn::ImportValue":
                try:
                    names.add(str(evaluate(argument, scope)))
                except Unresolved:
                    continue
    return names


def active_outputs(template: Template, scope: Scope) -> Iterable[Any]:
    """The outputs whose condition holds."""
    return [
        output for output in template.outputs.values() if output.condition is None or scope.condition(output.condition)
    ]
