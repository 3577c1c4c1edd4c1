"""Templates: given back, summed up, validated."""

from __future__ import annotations

import json
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.services.cloudformation.operations.change_sets import require_change_set
from boatyard.services.cloudformation.operations.stacks import require_stack
from boatyard.services.cloudformation.operations.submission import template_text
from boatyard.services.cloudformation.records import Revision
from boatyard.services.cloudformation.templates import document as documents
from boatyard.services.cloudformation.templates import parsing
from boatyard.services.cloudformation.templates.document import ParameterDeclaration
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.parameters import check_declaration
from boatyard.services.cloudformation.templates.preparation import required_capabilities


def get_template(call: Call, params: Params) -> dict[str, Any]:
    """A stack's or change set's template, as given or after its transforms (AWS: GetTemplate)."""
    revision: Revision | None
    if params.get("ChangeSetName") is not None:
        revision = require_change_set(call, params["ChangeSetName"], params.get("StackName")).revision
    elif params.get("StackName") is not None:
        revision = require_stack(call, params["StackName"]).revision
    else:
        raise invalid("StackName or ChangeSetName must be specified.")
    if revision is None:
        # Of a stack that is still to be reviewed, AWS answers without a template, as the CDK's CLI expects.
        return {"StagesAvailable": []}
    if params.get("TemplateStage") == "Processed":
        body = json.dumps(json.loads(revision.document), indent=2) if revision.transforms else revision.template
    else:
        body = revision.template
    return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}


def get_template_summary(call: Call, params: Params) -> dict[str, Any]:
    """Parameters, resource types and needed capabilities of a template or stack (AWS: GetTemplateSummary)."""
    for refused in ("StackSetName", "CallAs"):
        if params.get(refused):
            raise invalid(f"boatyard does not support the parameter {refused} in CloudFormation:GetTemplateSummary.")
    if params.get("StackName") is not None:
        stack = require_stack(call, params["StackName"])
        if stack.revision is None:
            raise invalid(f"Stack [{stack.name}] does not have a template yet.")
        text = stack.revision.template
    else:
        text = template_text(call, params)
    facts = _facts(text)
    source = facts.pop("source")
    resources = source.get("Resources") or {}
    types = {str(each["Type"]) for each in resources.values() if isinstance(each, dict) and "Type" in each}
    summary = {
        **facts,
        "Parameters": [_described(each) for each in documents.read_parameters(source).values()],
        "ResourceTypes": sorted(types),
    }
    for member, section in (("Version", "AWSTemplateFormatVersion"), ("Metadata", "Metadata")):
        if section in source:
            value = source[section]
            summary[member] = value if isinstance(value, str) else json.dumps(value)
    return summary


def validate_template(call: Call, params: Params) -> dict[str, Any]:
    """Check a template's form (AWS: ValidateTemplate)."""
    facts = _facts(template_text(call, params))
    source = facts.pop("source")
    parameters = []
    for declared in documents.read_parameters(source).values():
        entry: dict[str, Any] = {"ParameterKey": declared.name, "NoEcho": declared.no_echo}
        if declared.default is not None:
            entry["DefaultValue"] = declared.default
        if declared.description is not None:
            entry["Description"] = declared.description
        parameters.append(entry)
    return {**facts, "Parameters": parameters}


def _facts(text: str) -> dict[str, Any]:
    """What both summaries tell of a template, and its parsed source."""
    source = parsing.parse(text)
    transforms = documents.transforms_of(source)
    for parameter in documents.read_parameters(source).values():
        check_declaration(parameter)
    facts: dict[str, Any] = {"source": source}
    if isinstance(source.get("Description"), str):
        facts["Description"] = source["Description"]
    capabilities: list[str] = []
    if transforms:
        # What a transform makes is known only with values; AWS asks for this capability alone here.
        capabilities = ["CAPABILITY_AUTO_EXPAND"]
        facts["DeclaredTransforms"] = list(transforms)
    else:
        capabilities, reasons = required_capabilities(documents.read(source))
        if capabilities:
            listed = ", ".join(reasons)
            facts["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{listed}]"
    if capabilities:
        facts["Capabilities"] = capabilities
    return facts


def _described(declared: ParameterDeclaration) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "ParameterKey": declared.name,
        "ParameterType": declared.type,
        "NoEcho": declared.no_echo,
        "ParameterConstraints": {"AllowedValues": list(declared.allowed_values)} if declared.allowed_values else {},
    }
    if declared.default is not None:
        entry["DefaultValue"] = declared.default
    if declared.description is not None:
        entry["Description"] = declared.description
    return entry
