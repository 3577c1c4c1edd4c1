"""Every operation of the registry asks for the actions and resource types of AWS's Service Authorization Reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import Shape, StructureShape

from boatyard.api import registry
from boatyard.api.call import Call
from boatyard.api.models import service_model
from boatyard.identity.actions import needs_of, table_of
from boatyard.services import PACKAGES
from tests.unit.identity.service_authorization import FORMATS, HERE, OPERATIONS

ROLE = "arn:aws:iam::000000000000:role/R"
TEXTS: dict[str, str] = {
    "TopicArn": f"arn:aws:sns:{HERE}:t",
    "SubscriptionArn": f"arn:aws:sns:{HERE}:t:0",
    "PolicyArn": "arn:aws:iam::000000000000:policy/P",
    "PolicySourceArn": ROLE,
    "CopySource": "b/k",
    "AliasName": "alias/a",
}
ARNS = {
    "cloudwatch": f"arn:aws:cloudwatch:{HERE}:alarm:a",
    "events": f"arn:aws:events:{HERE}:rule/r",
    "sns": f"arn:aws:sns:{HERE}:t",
    "ecr": f"arn:aws:ecr:{HERE}:repository/r",
    "codecommit": f"arn:aws:codecommit:{HERE}:r",
    "codepipeline": f"arn:aws:codepipeline:{HERE}:p",
    "lambda": f"arn:aws:lambda:{HERE}:function:f",
    "logs": f"arn:aws:logs:{HERE}:log-group:g",
    "sagemaker": f"arn:aws:sagemaker:{HERE}:model/m",
}
MORE: dict[tuple[str, str], dict[str, Any]] = {
    **{("iam", f"{verb}AccessKey"): {"UserName": "u"} for verb in ("Create", "Update", "Delete")},
    **{("iam", f"{verb}ServiceSpecificCredential"): {"UserName": "u"} for verb in ("Update", "Delete", "Reset")},
    **{("iam", name): {"UserName": "u"} for name in ("GetUser", "ListAccessKeys", "ListServiceSpecificCredentials")},
    ("sns", "Publish"): {"TopicArn": TEXTS["TopicArn"]},
    ("logs", "GetLogEvents"): {"logGroupName": "g"},
    ("codecommit", "GetBranch"): {"repositoryName": "r"},
    ("codebuild", "RetryBuild"): {"id": "p:1"},
    ("lambda", "GetLayerVersionByArn"): {"Arn": f"arn:aws:lambda:{HERE}:layer:l:1"},
    **{
        ("cloudformation", name): {"StackName": "s"}
        for name in (
            *("DeleteChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DescribeStacks"),
            *("DescribeStackResources", "GetTemplate", "GetTemplateSummary"),
        )
    },
}
HANDED_NOWHERE = {
    "pipeline.stages.actions.roleArn": "the pipeline's role assumes it: it is asked for sts:AssumeRole then",
    **{
        f"pipeline.stages.{when}.conditions.rules.roleArn": "conditions of stages are refused"
        for when in ("onFailure", "onSuccess", "beforeEntry")
    },
}


def operations() -> Iterator[tuple[str, str]]:
    for service in PACKAGES:
        yield from ((service, name) for name in service_model(service).operation_names if registry.find(service, name))


def sample(service: str, shape: Shape, name: str = "", within: tuple[str, ...] = ()) -> Any:
    """A value for a shape: its required members, each with a text that an ARN can be made of."""
    if isinstance(shape, StructureShape):
        if shape.name in within:
            return {}
        members = {key: shape.members[key] for key in shape.required_members}
        return {key: sample(service, member, key, (*within, shape.name)) for key, member in members.items()}
    if shape.type_name == "list":
        return [sample(service, shape.member, name, within)]  # type: ignore[attr-defined]
    if shape.type_name != "string":
        return {"map": {}, "blob": b"x"}.get(shape.type_name, 1)
    if getattr(shape, "enum", None):
        return shape.enum[0]  # type: ignore[attr-defined]
    if name in ("ResourceArn", "resourceArn", "ResourceARN", "Resource"):
        return ARNS[service]
    if re.search(r"rolearn|servicerole|^role$", name, re.IGNORECASE):
        return ROLE
    return TEXTS.get(name, f"x{name}")


def params_of(service: str, operation: str) -> dict[str, Any]:
    shape = service_model(service).operation_model(operation).input_shape
    return (sample(service, shape) if shape else {}) | MORE.get((service, operation), {})


def expected(service: str) -> dict[str, list[tuple[str, str]]]:
    """By operation: the actions and the types of resources."""
    found: dict[str, list[tuple[str, str]]] = {}
    prefix = table_of(service).prefix
    for needs, names in OPERATIONS[service].items():
        for operation in names.split():
            pairs = [each.rpartition(" ") for each in needs.split(" + ") if each]
            found[operation] = [(action or f"{prefix}:{operation}", kind) for action, _, kind in pairs]
    return found


def test_every_operation_is_in_the_reference() -> None:
    """Red for an operation that is added without saying what it needs."""
    done = set(operations())
    assert {(service, name) for service in PACKAGES for name in expected(service)} == done


@pytest.fixture
def key(call: Call) -> str:
    created = call.invoke("kms", "CreateKey")["KeyMetadata"]
    return str(created["KeyId"])


def test_every_operation_asks_for_what_the_reference_names(call: Call, key: str) -> None:
    blob = call.invoke("kms", "Encrypt", KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    call.invoke("kms", "CreateAlias", AliasName="alias/a", TargetKeyId=key)
    wrong = []
    for service, operation in operations():
        params = params_of(service, operation) | (
            {"CiphertextBlob": blob} if operation in ("Decrypt", "ReEncrypt") else {}
        )
        if service == "kms" and ("KeyId" in params or operation == "RetireGrant"):
            params["KeyId"] = key
        needs = needs_of(call, service, operation, params)
        wanted = expected(service)[operation]
        asked = [(need.action, need.resource) for need in needs]
        fits = len(asked) == len(wanted) and all(
            any(action == given and _is(kind, action, arn) for given, arn in asked) for action, kind in wanted
        )
        if not fits:
            wrong.append(f"{service}:{operation} asks for {asked} instead of {wanted}")
    assert wrong == []


def _is(kind: str, action: str, arn: str) -> bool:
    if kind == "*":
        return arn == "*" or action in ("logs:DescribeLogGroups", "ssm:DescribeParameters")
    pattern = ".+".join(map(re.escape, FORMATS[f"{action.partition(':')[0]}:{kind}"].split("+")))
    return re.fullmatch(pattern, arn) is not None


def roles(shape: Shape, path: str = "", within: tuple[str, ...] = ()) -> Iterator[str]:
    """The dotted paths of the members that name a role which a service is to work in."""
    if shape.name in within:
        return
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield from roles(member, f"{path}.{name}" if path else name, (*within, shape.name))
    elif shape.type_name == "list":
        yield from roles(shape.member, path, (*within, shape.name))  # type: ignore[attr-defined]
    elif shape.type_name == "string" and re.search(r"role(arn)?$|roleoverride$", path, re.IGNORECASE):
        yield path


def test_wherever_a_role_is_handed_over_it_must_be_passed(call: Call) -> None:
    missing = []
    for service, operation in operations():
        shape = service_model(service).operation_model(operation).input_shape
        if shape is None or service in ("iam", "sts"):
            continue
        for path in roles(shape):
            params: Any = ROLE
            for name in reversed(path.split(".")):
                params = {name: [params] if name in ("Targets", "stages", "actions") else params}
            asked = needs_of(call, service, operation, {**params_of(service, operation), **params})
            passed = [need for need in asked if (need.action, need.resource) == ("iam:PassRole", ROLE)]
            if not passed and path not in HANDED_NOWHERE:
                missing.append(f"{service}:{operation} {path}")
            assert all(need.context["iam:passedtoservice"] == f"{service}.amazonaws.com" for need in passed)
    assert missing == []
