"""What is submitted with a stack or change set: the template's text, parameters, tags, capabilities, role."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from boatyard.api import tags as tag_lists
from boatyard.api.bodies import chunks
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.deployment.scopes import environment_of, stack_scope
from boatyard.services.cloudformation.properties import check_supported
from boatyard.services.cloudformation.records import Revision, Stack, StoredParameter
from boatyard.services.cloudformation.templates.document import Template
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.parsing import MAXIMUM_BODY_BYTES, MAXIMUM_STORED_BYTES
from boatyard.services.cloudformation.templates.preparation import prepare, required_capabilities
from boatyard.services.cloudformation.templates.references import dependencies
from boatyard.services.cloudformation.templates.scope import Scope, pseudo_parameters

CAPABILITIES = {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"}
REFUSED = (
    "StackPolicyBody",
    "StackPolicyURL",
    "StackPolicyDuringUpdateBody",
    "StackPolicyDuringUpdateURL",
    "ResourceTypes",
    "DeploymentMode",
    "DisableValidation",
    "ResourcesToImport",
)
_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)*(?:amazonaws\.com(?:\.cn)?|localhost(?:\.\w+)*)")


@dataclass(frozen=True)
class Submission:
    """A revision whose template was found good, with the scope of what is known before it is deployed."""

    revision: Revision
    template: Template
    scope: Scope


def refuse_unsupported(operation: str, params: Params) -> None:
    """ApiError ValidationError naming the first parameter that boatyard does not do."""
    for name in REFUSED:
        if params.get(name):
            raise invalid(f"boatyard does not support the parameter {name} in CloudFormation:{operation}.")
    refuse_deployment_config(operation, params)
    if (params.get("RollbackConfiguration") or {}).get("RollbackTriggers"):
        raise invalid(
            f"boatyard does not support RollbackConfiguration.RollbackTriggers in CloudFormation:{operation}."
        )


def refuse_deployment_config(operation: str, params: Params) -> None:
    """ApiError ValidationError for any DeploymentConfig but the default, which the CDK's CLI always gives."""
    for name, value in (params.get("DeploymentConfig") or {}).items():
        if value not in ("STANDARD", False):
            raise invalid(f"boatyard does not support DeploymentConfig.{name} {value} in CloudFormation:{operation}.")


def template_text(call: Call, params: Params, previous: str | None = None) -> str:
    """The template that was submitted: TemplateBody, TemplateURL or the previous one."""
    given = [name for name in ("TemplateBody", "TemplateURL", "UsePreviousTemplate") if params.get(name)]
    if not given:
        raise invalid("Either Template URL or Template Body must be specified.")
    if len(given) > 1:
        raise invalid(f"Only one of {', '.join(given)} may be specified.")
    if given == ["UsePreviousTemplate"]:
        if previous is None:
            raise invalid("UsePreviousTemplate is only possible for a stack that has a template.")
        return previous
    if given == ["TemplateURL"]:
        return fetch_template(call, params["TemplateURL"])
    body = str(params["TemplateBody"])
    if len(body.encode()) > MAXIMUM_BODY_BYTES:
        raise invalid(
            f"1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have "
            f"length less than or equal to {MAXIMUM_BODY_BYTES}. Larger templates go into a bucket: give TemplateURL."
        )
    return body


def fetch_template(call: Call, url: str) -> str:
    """The template object in S3 that a URL names, in path style or virtual-host style, read as the caller."""
    bucket, key, version = object_of(url)
    try:
        answer = call.invoke("s3", "GetObject", Bucket=bucket, Key=key, VersionId=version)
    except ApiError as error:
        raise invalid(f"S3 error: {error.message} ({error.code}) for TemplateURL {url}") from error
    if answer.get("ContentLength", 0) > MAXIMUM_STORED_BYTES:
        raise invalid(f"Template at {url} is larger than {MAXIMUM_STORED_BYTES} bytes.")
    try:
        return b"".join(chunks(answer["Body"])).decode()
    except UnicodeDecodeError as error:
        raise invalid(f"Template format error: the template at {url} is not UTF-8 text.") from error


def object_of(url: str) -> tuple[str, str, str | None]:
    """Bucket, key and version in an S3 URL; ApiError ValidationError when it is none."""
    parts = urlsplit(url)
    version = parse_qs(parts.query).get("versionId", [None])[0]
    path = unquote(parts.path.lstrip("/"))
    host = parts.hostname or ""
    if parts.scheme == "s3":
        bucket, key = host, path
    elif parts.scheme in ("http", "https"):
        named = _S3_HOST.fullmatch(host)
        if named and named["bucket"]:
            bucket, key = named["bucket"], path
        else:
            bucket, _, key = path.partition("/")
    else:
        bucket, key = "", ""
    if not bucket or not key:
        raise invalid("TemplateURL must be a supported URL.")
    return bucket, key, version


def submit(
    call: Call,
    params: Params,
    text: str,
    stack_name: str,
    stack_id: str,
    stack: Stack | None = None,
    *,
    macros_acknowledged: bool = False,
) -> Submission:
    """Everything that can be checked before anything is created, checked; ApiError as AWS words it.

    `stack` is the one to be updated: what is not given again stays as it is there.
    """
    before = stack.revision if stack is not None else None
    tags = before.tags if before is not None and "Tags" not in params else tag_lists.to_dict(params.get("Tags"))
    tag_lists.check(tags, "ValidationError")
    topics = params.get("NotificationARNs")
    if topics is None:
        topics = before.notification_arns if before is not None else []
    prepared = prepare(
        text,
        params.get("Parameters", []),
        environment_of(call),
        pseudo_parameters(call.account, call.region, stack_name, stack_id, topics),
        before.given() if before is not None else None,
    )
    capabilities = list(params.get("Capabilities", []))
    check_capabilities(prepared.template, capabilities, macros_acknowledged=macros_acknowledged)
    revision = Revision(
        template=text,
        document=json.dumps(prepared.document),
        transforms=list(prepared.template.transforms),
        parameters={
            name: StoredParameter(given=value.given, resolved=value.resolved) for name, value in prepared.values.items()
        },
        tags=tags,
        capabilities=capabilities,
        notification_arns=list(topics),
        role_arn=params.get("RoleARN") or (before.role_arn if before is not None else None),
    )
    scope = stack_scope(call, prepared.template, revision, stack_name, stack_id)
    dependencies(prepared.template, scope)
    check_supported(prepared.template, scope)
    if revision.role_arn is not None:
        check_role(call, revision.role_arn)
    return Submission(revision, prepared.template, scope)


def check_capabilities(template: Template, given: list[str], *, macros_acknowledged: bool) -> None:
    """ApiError InsufficientCapabilitiesException unless the caller acknowledged what the template may do."""
    needed, _ = required_capabilities(template)
    if "CAPABILITY_NAMED_IAM" in given:
        needed = []
    if template.transforms and not macros_acknowledged:
        needed.append("CAPABILITY_AUTO_EXPAND")
    missing = [capability for capability in needed if capability not in given]
    if missing:
        raise ApiError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]")


def check_role(call: Call, role_arn: str) -> None:
    """ApiError ValidationError when CloudFormation cannot take on the role."""
    try:
        call.assume(role_arn, "cloudformation.amazonaws.com", session_name="AWSCloudFormation")
    except ApiError as error:
        raise invalid(f"Role {role_arn} is invalid or cannot be assumed: {error.message}") from error
