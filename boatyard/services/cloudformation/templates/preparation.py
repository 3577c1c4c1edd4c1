"""From a template's text and given parameters to a template that is ready to be deployed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boatyard.services.cloudformation.templates import document as documents
from boatyard.services.cloudformation.templates import loops, parameters, parsing, serverless
from boatyard.services.cloudformation.templates.conditions import check_rules
from boatyard.services.cloudformation.templates.document import LANGUAGE_EXTENSIONS, SERVERLESS, Template
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.parameters import ParameterValue
from boatyard.services.cloudformation.templates.scope import Scope

IAM_TYPES = frozenset(
    {
        "AWS::IAM::AccessKey",
        "AWS::IAM::Group",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::IAM::User",
        "AWS::IAM::UserToGroupAddition",
    }
)
_NAME_PROPERTIES = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}


@dataclass(frozen=True)
class Environment:
    """What the outside gives a template: where it runs, Parameter Store, the names of AWS's managed policies."""

    region: str
    parameter_store: Callable[[str], str]
    managed_policies: Callable[[], Mapping[str, str]]


@dataclass(frozen=True)
class Prepared:
    """A template with its parameters' values, after its transforms."""

    template: Template
    document: dict[str, Any]
    values: dict[str, ParameterValue]

    def scope(self, pseudo: dict[str, Any]) -> Scope:
        """What the template's functions are resolved against; look-ups of resources are for the caller to add."""
        return scope_of(self.template, self.values, pseudo)


def scope_of(template: Template, values: Mapping[str, ParameterValue], pseudo: dict[str, Any]) -> Scope:
    """The scope of a template with the given parameter values."""
    return Scope(
        parameters={
            name: parameters.template_value(declared, values[name])
            for name, declared in template.parameters.items()
            if name in values
        },
        pseudo=pseudo,
        mappings=template.mappings,
        conditions=template.conditions,
        extended=template.extended,
    )


def prepare(
    text: str,
    supplied: Sequence[Mapping[str, Any]],
    environment: Environment,
    pseudo: dict[str, Any],
    previous: Mapping[str, str] | None = None,
) -> Prepared:
    """Parse, choose and check parameter values, transform, read; ApiError ValidationError for what is wrong."""
    source = parsing.parse(text)
    transforms = documents.transforms_of(source)
    unknown = [name for name in transforms if name not in (SERVERLESS, LANGUAGE_EXTENSIONS)]
    if unknown:
        raise invalid(
            f"No transform named {unknown[0]} found. boatyard runs only {SERVERLESS} and {LANGUAGE_EXTENSIONS}."
        )
    declared = documents.read_parameters(source)
    for parameter in declared.values():
        parameters.check_declaration(parameter)
    chosen = parameters.choose_values(declared, supplied, previous)
    values = parameters.resolve_values(declared, chosen, environment.parameter_store)
    processed = transformed(source, transforms, declared_values(declared, values), environment)
    template = documents.read(processed, transforms)
    prepared = Prepared(template, processed, values)
    check_rules(template.rules, prepared.scope(pseudo))
    return prepared


def declared_values(
    declared: Mapping[str, documents.ParameterDeclaration], values: Mapping[str, ParameterValue]
) -> dict[str, Any]:
    """What Ref gives for every parameter."""
    return {name: parameters.template_value(parameter, values[name]) for name, parameter in declared.items()}


def transformed(
    source: dict[str, Any], transforms: tuple[str, ...], values: Mapping[str, Any], environment: Environment
) -> dict[str, Any]:
    """The document after its transforms; the section that names them is gone."""
    result = source
    if LANGUAGE_EXTENSIONS in transforms:
        result = loops.expand(result, values)
    if SERVERLESS in transforms:
        result = serverless.transform(result, values, environment.region, environment.managed_policies)
    return {name: section for name, section in result.items() if name != "Transform"}


def required_capabilities(template: Template) -> tuple[list[str], list[str]]:
    """The capabilities a template asks for, and the logical ids of the IAM resources that are the reason.

    After "Acknowledging IAM resources in CloudFormation templates" in the CloudFormation user guide.
    """
    iam = [resource for resource in template.resources.values() if resource.type in IAM_TYPES]
    if not iam:
        return [], []
    named = any(_NAME_PROPERTIES.get(resource.type) in resource.properties for resource in iam)
    return ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"], [resource.name for resource in iam]
