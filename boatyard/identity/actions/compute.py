"""The operations of Lambda and SageMaker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from boatyard.identity.actions import condition_keys
from boatyard.identity.actions.model import Keys, Need, Params, Table, base, regional

if TYPE_CHECKING:
    from boatyard.api.call import Call

_ACTIONS = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction", "GetLayerVersionByArn": "GetLayerVersion"}
_FUNCTION = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)


def _function(call: Call, action: str, named: str, params: Params) -> list[Need]:
    """A function by name, partial or whole ARN, with the qualifier that is asked for."""
    found = _FUNCTION.fullmatch(named)
    if found is None:
        return [Need(action)]
    region, account = found["region"] or call.region, found["account"] or call.account
    arn = f"arn:aws:lambda:{region}:{account}:function:{found['name']}"
    qualifier = params.get("Qualifier") or found["qualifier"]
    needs = [Need(action, f"{arn}:{qualifier}" if qualifier else arn)]
    return needs + [Need("lambda:GetLayerVersion", layer) for layer in params.get("Layers", [])]


def _lambda(call: Call, operation: str, params: Params) -> list[Need]:
    action = f"lambda:{_ACTIONS.get(operation, operation)}"
    function = params.get("FunctionName") or params.get("Resource")
    if isinstance(function, str):
        return _function(call, action, function, params)
    if operation == "ListLayerVersions":
        return [Need(action)]
    if params.get("LayerName"):
        given, _, name = str(params["LayerName"]).rpartition(":layer:")
        arn = f"{base(given, 'lambda', call)}:layer:{name}"
        version = params.get("VersionNumber")
        return [Need(action, f"{arn}:{version}" if version else arn)]
    return [Need(action, str(params.get("Arn") or "*"))]


def _lambda_context(call: Call, operation: str, params: Params) -> Keys:
    keys: Keys = {}
    if operation == "AddPermission" and isinstance(params.get("Principal"), str):
        keys["lambda:principal"] = params["Principal"]
    if params.get("Layers"):
        keys["lambda:layer"] = tuple(params["Layers"])
    return keys


def _sagemaker(resource: str, parameter: str) -> str:
    return regional("sagemaker", f"{resource}/{{{parameter}}}")


_NAMES = {
    "TrainingJobName": "training-job",
    "ModelName": "model",
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint-config",
    "NotebookInstanceName": "notebook-instance",
    "NotebookInstanceLifecycleConfigName": "notebook-instance-lifecycle-config",
    "CodeRepositoryName": "code-repository",
}
_ENDPOINT = _sagemaker("endpoint", "EndpointName")
_CONFIGURATION = _sagemaker("endpoint-config", "EndpointConfigName")
_MADE_WITH_TAGS = (
    *("CreateTrainingJob", "CreateModel", "CreateEndpoint", "CreateEndpointConfig", "CreateNotebookInstance"),
    *("CreateNotebookInstanceLifecycleConfig", "CreateCodeRepository"),
)


TABLES = {
    "lambda": Table(
        prefix="lambda",
        service_principal="lambda.amazonaws.com",
        every=_lambda,
        context=_lambda_context,
        tagging={"CreateFunction": "TagResource"},
        passed_roles={"CreateFunction": ("Role",), "UpdateFunctionConfiguration": ("Role",)},
    ),
    "sagemaker": Table(
        prefix="sagemaker",
        folded=True,
        context=condition_keys.sagemaker,
        service_principal="sagemaker.amazonaws.com",
        tagging=dict.fromkeys(_MADE_WITH_TAGS, "AddTags"),
        resources={
            **{parameter: _sagemaker(resource, parameter) for parameter, resource in _NAMES.items()},
            "ResourceArn": "{ResourceArn}",
        },
        rules={
            "CreateEndpoint": (f"CreateEndpoint {_ENDPOINT}", f"CreateEndpoint {_CONFIGURATION}"),
            "UpdateEndpoint": (f"UpdateEndpoint {_ENDPOINT}", f"UpdateEndpoint {_CONFIGURATION}"),
        },
        passed_roles={
            "CreateTrainingJob": ("RoleArn",),
            "CreateModel": ("ExecutionRoleArn",),
            "CreateNotebookInstance": ("RoleArn",),
            "UpdateNotebookInstance": ("RoleArn",),
            "CreateEndpointConfig": ("ExecutionRoleArn",),
        },
    ),
    "sagemaker-runtime": Table(
        prefix="sagemaker",
        folded=True,
        context=condition_keys.sagemaker,
        resources={"EndpointName": _ENDPOINT},
    ),
}
