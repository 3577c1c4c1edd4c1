"""The operations of Lambda and SageMaker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boatyard.identity.actions.model import Keys, Need, Params, Table, regional

if TYPE_CHECKING:
    from boatyard.api.call import Call

_ACTIONS = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction"}


def _function(call: Call, operation: str, params: Params) -> list[Need]:
    """A function by name, partial or whole ARN, with the qualifier that is asked for."""
    name = str(params["FunctionName"])
    parts = name.split(":")
    if name.startswith("arn:"):
        arn, qualifier = ":".join(parts[:7]), parts[7] if len(parts) > 7 else None
    elif len(parts) >= 3:
        at = parts.index("function") + 1 if "function" in parts else len(parts) - 1
        arn = _function_arn(call, parts[at])
        qualifier = parts[at + 1] if len(parts) > at + 1 else None
    else:
        arn, qualifier = _function_arn(call, parts[0]), parts[1] if len(parts) > 1 else None
    qualifier = params.get("Qualifier") or qualifier
    action = f"lambda:{_ACTIONS.get(operation, operation)}"
    needs = [Need(action, f"{arn}:{qualifier}" if qualifier else arn)]
    return needs + [Need("lambda:GetLayerVersion", layer) for layer in params.get("Layers", [])]


def _function_arn(call: Call, name: str) -> str:
    return f"arn:aws:lambda:{call.region}:{call.account}:function:{name}"


def _lambda(call: Call, operation: str, params: Params) -> list[Need]:
    if "FunctionName" in params:
        return _function(call, operation, params)
    action = f"lambda:{'GetLayerVersion' if operation == 'GetLayerVersionByArn' else operation}"
    if params.get("LayerName"):
        name = str(params["LayerName"])
        arn = name if name.startswith("arn:") else f"arn:aws:lambda:{call.region}:{call.account}:layer:{name}"
        version = params.get("VersionNumber")
        return [Need(action, f"{arn}:{version}" if version else arn)]
    return [Need(action, str(params.get("Resource") or params.get("Arn") or "*"))]


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
_TAGGED = {
    "CreateTrainingJob": "TrainingJobName",
    "CreateModel": "ModelName",
    "CreateEndpointConfig": "EndpointConfigName",
    "CreateNotebookInstance": "NotebookInstanceName",
    "CreateCodeRepository": "CodeRepositoryName",
}


def _create_tagged(call: Call, operation: str, params: Params) -> list[Need]:
    """Making something with tags needs the permission to tag it as well."""
    name = _TAGGED[operation]
    arn = f"arn:aws:sagemaker:{call.region}:{call.account}:{_NAMES[name]}/{params[name]}"
    tagged = [Need("sagemaker:AddTags", arn)] if params.get("Tags") else []
    return [Need(f"sagemaker:{operation}", arn), *tagged]


TABLES = {
    "lambda": Table(
        prefix="lambda",
        service_principal="lambda.amazonaws.com",
        every=_lambda,
        context=_lambda_context,
        passed_roles={"CreateFunction": ("Role",), "UpdateFunctionConfiguration": ("Role",)},
    ),
    "sagemaker": Table(
        prefix="sagemaker",
        folded=True,
        service_principal="sagemaker.amazonaws.com",
        special=dict.fromkeys(_TAGGED, _create_tagged),
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
    "sagemaker-runtime": Table(prefix="sagemaker", folded=True, resources={"EndpointName": _ENDPOINT}),
}
