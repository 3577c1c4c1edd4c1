"""What CreateTrainingJob takes: AWS's rules, and a refusal of everything that boatyard does not do."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.services.sagemaker import constraints, instances, s3_locations
from boatyard.services.sagemaker.training_jobs.layout import TENSORS
from boatyard.services.sagemaker.training_jobs.metrics import check as check_metric

_OPERATION = "CreateTrainingJob"
# What would change what the job does, and is not done: refused whatever its value.
_REFUSED = (
    "VpcConfig",
    "DebugRuleConfigurations",
    "TensorBoardOutputConfig",
    "ExperimentConfig",
    "ProfilerRuleConfigurations",
    "RetryStrategy",
    "RemoteDebugConfig",
    "InfraCheckConfig",
    "SessionChainingConfig",
    "ServerlessJobConfig",
    "MlflowConfig",
    "ModelPackageConfig",
)
_RESOURCE_REFUSED = ("KeepAlivePeriodInSeconds", "InstanceGroups", "TrainingPlanArn", "InstancePreferences")
DEFAULT_MAX_RUNTIME = 86400  # seconds


def validate(params: Params) -> None:
    """Raises ValidationException for a request that AWS or boatyard does not take."""
    constraints.check(_OPERATION, params)
    for name in _REFUSED:
        if params.get(name):
            raise not_supported("sagemaker", _OPERATION, name)
    if params.get("EnableManagedSpotTraining"):
        raise not_supported("sagemaker", _OPERATION, "EnableManagedSpotTraining")
    _algorithm(params)
    _resources(params)
    _channels(params)
    _outputs(params)


def _algorithm(params: Params) -> None:
    algorithm = params.get("AlgorithmSpecification")
    if not algorithm:
        raise _missing("algorithmSpecification")
    if algorithm.get("AlgorithmName"):
        raise not_supported("sagemaker", _OPERATION, "AlgorithmSpecification.AlgorithmName")
    if not algorithm.get("TrainingImage"):
        raise ApiError("ValidationException", "You must specify TrainingImage in AlgorithmSpecification.")
    if algorithm.get("TrainingImageConfig", {}).get("TrainingRepositoryAccessMode", "Platform") != "Platform":
        raise not_supported("sagemaker", _OPERATION, "TrainingImageConfig.TrainingRepositoryAccessMode Vpc")
    _input_mode(algorithm["TrainingInputMode"], "AlgorithmSpecification.TrainingInputMode")
    definitions = algorithm.get("MetricDefinitions", [])
    names = [definition["Name"] for definition in definitions]
    if len(set(names)) != len(names):
        raise ApiError("ValidationException", "The names of the metrics in MetricDefinitions must be unique.")
    for definition in definitions:
        check_metric(definition)


def _input_mode(mode: str, member: str) -> None:
    if mode == "Pipe":
        raise not_supported("sagemaker", _OPERATION, f"{member} Pipe (use File or FastFile)")


def _resources(params: Params) -> None:
    resources = params.get("ResourceConfig")
    if not resources:
        raise _missing("resourceConfig")
    for name in _RESOURCE_REFUSED:
        if resources.get(name):
            raise not_supported("sagemaker", _OPERATION, f"ResourceConfig.{name}")
    if not resources.get("InstanceType") or not resources.get("InstanceCount"):
        raise ApiError("ValidationException", "ResourceConfig must give InstanceType and InstanceCount (at least 1).")
    if resources["InstanceCount"] > 1:
        raise not_supported("sagemaker", _OPERATION, "ResourceConfig.InstanceCount above 1")
    instances.instance_type(resources["InstanceType"], _OPERATION)
    stopping = params.get("StoppingCondition", {})
    if "MaxWaitTimeInSeconds" in stopping:
        raise ApiError("ValidationException", "MaxWaitTimeInSeconds can only be given with EnableManagedSpotTraining.")


def _channels(params: Params) -> None:
    channels = params.get("InputDataConfig", [])
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) != len(names):
        raise ApiError("ValidationException", "Channel names must be unique within InputDataConfig.")
    for channel in channels:
        name = channel["ChannelName"]
        if name in (".", ".."):
            raise ApiError("ValidationException", f"The channel name {name!r} is not a name for a folder.")
        _channel(channel, f"InputDataConfig channel {name!r}:")


def _channel(channel: dict[str, Any], where: str) -> None:
    source = channel["DataSource"].get("S3DataSource")
    if not source:
        raise not_supported("sagemaker", _OPERATION, f"{where} a DataSource other than S3DataSource")
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise not_supported("sagemaker", _OPERATION, f"{where} S3DataType {source['S3DataType']}")
    if source.get("S3DataDistributionType") == "ShardedByS3Key":
        raise not_supported("sagemaker", _OPERATION, f"{where} S3DataDistributionType ShardedByS3Key")
    for name in ("AttributeNames", "InstanceGroupNames", "HubAccessConfig"):
        if source.get(name):
            raise not_supported("sagemaker", _OPERATION, f"{where} {name}")
    if channel.get("RecordWrapperType", "None") != "None":
        raise not_supported("sagemaker", _OPERATION, f"{where} RecordWrapperType {channel['RecordWrapperType']}")
    if channel.get("ShuffleConfig"):
        raise not_supported("sagemaker", _OPERATION, f"{where} ShuffleConfig")
    _input_mode(channel.get("InputMode", "File"), f"{where} InputMode")
    s3_locations.parse(source["S3Uri"], f"{where} S3Uri")


def _outputs(params: Params) -> None:
    s3_locations.parse(params["OutputDataConfig"]["S3OutputPath"], "OutputDataConfig.S3OutputPath")
    hook = params.get("DebugHookConfig")
    if hook:
        s3_locations.parse(hook["S3OutputPath"], "DebugHookConfig.S3OutputPath")
        if hook.get("LocalPath", TENSORS).rstrip("/") != TENSORS:
            raise not_supported("sagemaker", _OPERATION, f"DebugHookConfig.LocalPath other than {TENSORS}")
    checkpoints = params.get("CheckpointConfig")
    if not checkpoints:
        return
    s3_locations.parse(checkpoints["S3Uri"], "CheckpointConfig.S3Uri")
    local = checkpoints.get("LocalPath", "/opt/ml/checkpoints")
    taken = ("/opt/ml/input", "/opt/ml/model", "/opt/ml/output")
    inside = any(local == path or local.startswith(path + "/") for path in taken)
    if not local.startswith("/") or ".." in local.split("/") or local.rstrip("/") in ("", "/opt", "/opt/ml") or inside:
        raise ApiError(
            "ValidationException",
            f"CheckpointConfig.LocalPath {local!r} must be an absolute path outside /opt/ml/input, /opt/ml/model and "
            "/opt/ml/output.",
        )


def _missing(member: str) -> ApiError:
    return ApiError(
        "ValidationException",
        f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null",
    )
