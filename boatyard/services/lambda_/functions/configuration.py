"""A function's configuration: checked as Lambda checks it, and shown as Lambda shows it."""

from __future__ import annotations

import re
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.lambda_.records import LATEST, LAYERS, Function, Package

RUNTIMES = tuple(f"python3.{minor}" for minor in range(6, 15))
RESERVED = frozenset(
    (
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
    )
)  # fmt: skip
ROLE = re.compile(r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")
LAYER_ARN = re.compile(r"arn:aws[a-zA-Z-]*:lambda:([a-z0-9-]+):(\d{12}):layer:([a-zA-Z0-9-_]+):(\d+)")
ENVIRONMENT_BYTES = 4096
LARGEST = {"Timeout": 900, "MemorySize": 10240}
REFUSED = (
    "FileSystemConfigs", "ImageConfig", "CodeSigningConfigArn", "KMSKeyArn", "CapacityProviderConfig",
    "DurableConfig", "TenancyConfig",
)  # fmt: skip


def invalid(message: str) -> ApiError:
    """InvalidParameterValueException."""
    return ApiError("InvalidParameterValueException", message, status=400, Type="User")


def refuse_unsupported(params: Params, operation: str) -> None:
    """InvalidParameterValueException naming every parameter that boatyard does not do."""
    found = [name for name in REFUSED if params.get(name)]
    vpc = params.get("VpcConfig") or {}
    if vpc.get("SubnetIds") or vpc.get("SecurityGroupIds"):
        found.append("VpcConfig")
    if (params.get("DeadLetterConfig") or {}).get("TargetArn"):
        found.append("DeadLetterConfig")
    if (params.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions":
        found.append("SnapStart")
    if params.get("PackageType", "Zip") != "Zip":
        found.append(f"PackageType {params['PackageType']}")
    if found:
        raise invalid(
            f"boatyard does not support {', '.join(found)} in lambda:{operation}. "
            "docs/reference/operations.md lists what it does."
        )


def checked(call: Call, params: Params) -> dict[str, Any]:
    """The fields of a Function that the parameters set, checked."""
    fields: dict[str, Any] = {}
    if "Role" in params:
        fields["role"] = _role(call, params["Role"])
    if "Runtime" in params:
        fields["runtime"] = _runtime(params["Runtime"])
    for member, name in (("Handler", "handler"), ("Description", "description"), ("Timeout", "timeout")):
        if member in params:
            fields[name] = params[member]
    for member, most in LARGEST.items():
        if params.get(member, 0) > most:
            name = member[0].lower() + member[1:]
            raise ApiError(
                "ValidationException",
                f"1 validation error detected: Value '{params[member]}' at '{name}' failed to satisfy constraint: "
                f"Member must have value less than or equal to {most}",
                status=400,
            )
    if "MemorySize" in params:
        fields["memory"] = params["MemorySize"]
    if "EphemeralStorage" in params:
        fields["storage"] = params["EphemeralStorage"]["Size"]
    if "Environment" in params:
        fields["environment"] = _environment(params["Environment"].get("Variables") or {})
    if "Layers" in params:
        fields["layers"] = list(params["Layers"])
        fields["layer_packages"] = _layers(call, params["Layers"])
    if "Architectures" in params:
        fields["architectures"] = _architectures(params["Architectures"])
    if "TracingConfig" in params:
        fields["tracing"] = params["TracingConfig"].get("Mode", "PassThrough")
    if "LoggingConfig" in params:
        fields["log_group"] = _log_group(params["LoggingConfig"])
    return fields


def _role(call: Call, role: str) -> str:
    if not ROLE.fullmatch(role):
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value '{role[:200]}' at 'role' failed to satisfy constraint: Member must "
            f"satisfy regular expression pattern: {ROLE.pattern}",
            status=400,
        )
    try:
        call.assume(role, "lambda.amazonaws.com", session_name="boatyard-check")
    except ApiError as error:
        raise invalid(f"The role defined for the function cannot be assumed by Lambda. ({error.message})") from error
    return role


def _runtime(runtime: str) -> str:
    if runtime not in RUNTIMES:
        raise invalid(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(RUNTIMES)}] (boatyard runs Python functions)."
        )
    return runtime


def _environment(variables: dict[str, str]) -> dict[str, str]:
    reserved = sorted(RESERVED & variables.keys())
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    for name in variables:
        if not re.fullmatch(r"[a-zA-Z]([a-zA-Z0-9_])+", name):
            raise invalid(f"The environment variable name {name[:80]!r} must match [a-zA-Z]([a-zA-Z0-9_])+")
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if size > ENVIRONMENT_BYTES:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit: {size} bytes."
        )
    return dict(variables)


def _layers(call: Call, arns: list[str]) -> list[Package]:
    if len(arns) > 5:
        raise invalid("Cannot reference more than 5 layers.")
    packages: list[Package] = []
    with call.installation.database.reading() as rx:
        for arn in arns:
            found = LAYER_ARN.fullmatch(arn)
            layer = LAYERS.get(rx, found[2], found[1], found[3], int(found[4])) if found else None
            if layer is None:
                raise invalid(f"Layer version {arn} does not exist.")
            packages.append(layer.package)
    return packages


def _architectures(architectures: list[str]) -> list[str]:
    if architectures != ["x86_64"]:
        raise invalid(f"boatyard runs functions on x86_64 only, not on {', '.join(architectures)}.")
    return architectures


def _log_group(config: dict[str, Any]) -> str:
    if config.get("LogFormat", "Text") != "Text":
        raise invalid("boatyard does not support LogFormat JSON in LoggingConfig.")
    return str(config.get("LogGroup") or "")


def shown(function: Function, *, version_arn: bool = False) -> dict[str, Any]:
    """A function's configuration as Lambda answers it (AWS: FunctionConfiguration)."""
    answer: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": f"{function.unqualified_arn}:{function.version}" if version_arn else function.arn,
        "Runtime": function.runtime,
        "Role": function.role,
        "Handler": function.handler,
        "CodeSize": function.package.size,
        "Description": function.description,
        "Timeout": function.timeout,
        "MemorySize": function.memory,
        "LastModified": function.modified.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
        "CodeSha256": function.package.sha256,
        "Version": function.version,
        "TracingConfig": {"Mode": function.tracing},
        "RevisionId": function.revision,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": function.architectures,
        "EphemeralStorage": {"Size": function.storage},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": function.group},
    }
    if function.environment:
        answer["Environment"] = {"Variables": dict(function.environment)}
    if function.layers:
        answer["Layers"] = [{"Arn": arn} for arn in function.layers]
    if function.version != LATEST:
        answer["FunctionArn"] = function.arn
    return answer
