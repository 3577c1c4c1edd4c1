"""A template's sections, checked for form: what is declared, before any value is known."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.functions import function_of
from boatyard.services.cloudformation.templates.references import check_references

SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Rules",
        "Mappings",
        "Conditions",
        "Transform",
        "Globals",
        "Hooks",
        "Resources",
        "Outputs",
    }
)
RESOURCE_MEMBERS = frozenset(
    {
        "Type",
        "Properties",
        "DependsOn",
        "Condition",
        "DeletionPolicy",
        "UpdateReplacePolicy",
        "Metadata",
        "CreationPolicy",
        "UpdatePolicy",
        "Description",
    }
)
DELETION_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate")
LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"
SERVERLESS = "AWS::Serverless-2016-10-31"

Member = TypeVar("Member")

MAXIMUM_RESOURCES = 500
MAXIMUM_PARAMETERS = 200
MAXIMUM_OUTPUTS = 200
MAXIMUM_DESCRIPTION_BYTES = 1024


@dataclass(frozen=True)
class ParameterDeclaration:
    """One member of Parameters; numbers are as the template has them, None where it says nothing."""

    name: str
    type: str
    default: str | None = None
    description: str | None = None
    no_echo: bool = False
    allowed_values: tuple[str, ...] = ()
    allowed_pattern: str | None = None
    constraint_description: str | None = None
    minimum_length: int | None = None
    maximum_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class ResourceDeclaration:
    """One member of Resources; properties still hold their functions."""

    name: str
    type: str
    properties: dict[str, Any]
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    metadata: Any = None


@dataclass(frozen=True)
class OutputDeclaration:
    """One member of Outputs."""

    name: str
    value: Any
    description: str | None = None
    export: Any = None
    condition: str | None = None


@dataclass(frozen=True)
class Template:
    """A template whose form is right."""

    parameters: dict[str, ParameterDeclaration]
    resources: dict[str, ResourceDeclaration]
    outputs: dict[str, OutputDeclaration] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    mappings: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)
    metadata: Any = None
    description: str | None = None
    version: str | None = None
    transforms: tuple[str, ...] = ()

    @property
    def extended(self) -> bool:
        """Whether the template asks for the language extensions (Fn::Length, Fn::ToJsonString, Fn::ForEach)."""
        return LANGUAGE_EXTENSIONS in self.transforms


def transforms_of(document: dict[str, Any]) -> tuple[str, ...]:
    """The names in the template's Transform section, in order."""
    declared = document.get("Transform", [])
    names = declared if isinstance(declared, list) else [declared]
    if not all(isinstance(name, str) for name in names):
        raise invalid("Template format error: Transform must be a string or a list of strings.")
    return tuple(names)


def read(document: dict[str, Any], transforms: tuple[str, ...] | None = None) -> Template:
    """The sections of a parsed (and transformed) template; `transforms` are those it had before.

    Follows "Template sections" of the CloudFormation user guide; raises ApiError ValidationError worded as AWS does.
    """
    unknown = [name for name in document if name not in SECTIONS]
    if unknown:
        raise invalid(f"Invalid template property or properties [{', '.join(unknown)}]")
    version = document.get("AWSTemplateFormatVersion")
    if version is not None and version != "2010-09-09":
        raise invalid("Template format error: unsupported value for AWSTemplateFormatVersion. No such version.")
    description = document.get("Description")
    if description is not None and not isinstance(description, str):
        raise invalid("Template format error: Description member must be a string.")
    if description is not None and len(description.encode()) > MAXIMUM_DESCRIPTION_BYTES:
        raise invalid("Template format error: Description must be 1024 bytes or less in length.")
    if not document.get("Resources"):
        raise invalid("Template format error: At least one Resources member must be defined.")
    template = Template(
        parameters=read_parameters(document),
        resources=_members(document, "Resources", MAXIMUM_RESOURCES, _resource),
        outputs=_members(document, "Outputs", MAXIMUM_OUTPUTS, _output),
        conditions=_section(document, "Conditions"),
        mappings=_section(document, "Mappings"),
        rules=_section(document, "Rules"),
        metadata=document.get("Metadata"),
        description=description,
        version=version,
        transforms=transforms_of(document) if transforms is None else transforms,
    )
    check_references(template)
    return template


def read_parameters(document: dict[str, Any]) -> dict[str, ParameterDeclaration]:
    """The Parameters section alone, which transforms need before the rest can be read."""
    return _members(document, "Parameters", MAXIMUM_PARAMETERS, _parameter)


def _section(document: dict[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise invalid(f"Template format error: {name} must be an object.")
    return section


def _members(
    document: dict[str, Any], section: str, limit: int, read_member: Callable[[str, dict[str, Any]], Member]
) -> dict[str, Member]:
    members = _section(document, section)
    if len(members) > limit:
        raise invalid(f"Template format error: Number of {section.lower()}, {len(members)}, exceeds {limit}.")
    result: dict[str, Member] = {}
    for name, member in members.items():
        if not re.fullmatch("[A-Za-z0-9]{1,255}", name):
            raise invalid(f"Template format error: {section[:-1]} name {name} is non alphanumeric.")
        if not isinstance(member, dict):
            raise invalid(f"Template format error: Any {section} member must be an object. [/{section}/{name}]")
        result[name] = read_member(name, member)
    return result


def _parameter(name: str, member: dict[str, Any]) -> ParameterDeclaration:
    declared = dict(member)
    if not isinstance(declared.get("Type"), str):
        raise invalid(
            f"Template format error: Every Parameters object must contain a Type member. [/Parameters/{name}]"
        )
    allowed = declared.pop("AllowedValues", None)
    if allowed is not None and not isinstance(allowed, list):
        raise invalid(f"Template format error: Every AllowedValues must be a list. [/Parameters/{name}]")
    declaration = ParameterDeclaration(
        name=name,
        type=declared.pop("Type"),
        default=_optional_text(declared.pop("Default", None)),
        description=_optional_text(declared.pop("Description", None)),
        no_echo=scalar_text(declared.pop("NoEcho", False)).lower() == "true",
        allowed_values=tuple(scalar_text(value) for value in allowed or ()),
        allowed_pattern=_optional_text(declared.pop("AllowedPattern", None)),
        constraint_description=_optional_text(declared.pop("ConstraintDescription", None)),
        minimum_length=_optional_integer(name, "MinLength", declared.pop("MinLength", None)),
        maximum_length=_optional_integer(name, "MaxLength", declared.pop("MaxLength", None)),
        minimum=_optional_number(name, "MinValue", declared.pop("MinValue", None)),
        maximum=_optional_number(name, "MaxValue", declared.pop("MaxValue", None)),
    )
    if declared:
        raise invalid(f"Invalid template parameter property '{next(iter(declared))}' [/Parameters/{name}]")
    return declaration


def _resource(name: str, member: dict[str, Any]) -> ResourceDeclaration:
    unknown = [key for key in member if key not in RESOURCE_MEMBERS]
    if unknown:
        raise invalid(f"Invalid template resource property '{unknown[0]}' [/Resources/{name}]")
    if not isinstance(member.get("Type"), str):
        raise invalid(f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member.")
    properties = member.get("Properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict) or function_of(properties) is not None:
        raise invalid(f"Template format error: [/Resources/{name}/Properties] Properties must be an object.")
    for refused in ("CreationPolicy", "UpdatePolicy"):
        if refused in member:
            raise invalid(f"Template format error: [/Resources/{name}] boatyard does not support {refused}.")
    condition = member.get("Condition")
    if condition is not None and not isinstance(condition, str):
        raise invalid(f"Template format error: [/Resources/{name}] Every Condition member must be a string.")
    deletion = _policy(name, member, "DeletionPolicy", DELETION_POLICIES)
    return ResourceDeclaration(
        name=name,
        type=member["Type"],
        properties=properties,
        depends_on=_depends_on(name, member.get("DependsOn")),
        condition=condition,
        deletion_policy=deletion,
        update_replace_policy=_policy(name, member, "UpdateReplacePolicy", DELETION_POLICIES[:2]),
        metadata=member.get("Metadata"),
    )


def _policy(name: str, member: dict[str, Any], policy: str, allowed: tuple[str, ...]) -> str:
    value = member.get(policy, "Delete")
    if value == "Snapshot":
        raise invalid(
            f"Template error: {policy} Snapshot of resource {name} is not supported: boatyard has no resource type "
            "that makes snapshots. Use Retain or Delete."
        )
    if value not in allowed:
        raise invalid(f"Template error: resource {name}: Unrecognized {policy} {value}; use {' or '.join(allowed)}.")
    return str(value)


def _depends_on(name: str, value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(item, str) for item in names):
        raise invalid(
            f"Template format error: [/Resources/{name}] DependsOn must be a logical id or a list of logical ids."
        )
    return tuple(dict.fromkeys(names))


def _output(name: str, member: dict[str, Any]) -> OutputDeclaration:
    if "Value" not in member:
        raise invalid(f"Template format error: Every Outputs member must contain a Value object. [/Outputs/{name}]")
    export = member.get("Export")
    if export is not None and (not isinstance(export, dict) or set(export) != {"Name"}):
        raise invalid(f"Template format error: Output {name} is malformed. The Export must contain only a Name.")
    return OutputDeclaration(
        name=name,
        value=member["Value"],
        description=_optional_text(member.get("Description")),
        export=export["Name"] if export is not None else None,
        condition=_optional_text(member.get("Condition")),
    )


def scalar_text(value: Any) -> str:
    """A JSON or YAML scalar as the text CloudFormation makes of it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)) or value is None:
        raise invalid(f"Template format error: a string is expected instead of {value!r}")
    return str(value)


def _optional_text(value: Any) -> str | None:
    return None if value is None else scalar_text(value)


def _optional_integer(name: str, member: str, value: Any) -> int | None:
    number = _optional_number(name, member, value)
    if number is not None and number != int(number):
        raise invalid(f"Template format error: {member} of parameter {name} must be a whole number.")
    return None if number is None else int(number)


def _optional_number(name: str, member: str, value: Any) -> float | None:
    try:
        number = None if value is None else float(scalar_text(value))
        if number is not None and not math.isfinite(number):
            raise ValueError(value)
        return number
    except ValueError as error:
        raise invalid(f"Template format error: {member} of parameter {name} must be a number.") from error
