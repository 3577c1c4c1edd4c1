"""The services' own condition keys that a request's parameters tell, after the Service Authorization Reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from boatyard.api import json_text
from boatyard.identity.actions.model import Keys, Params, lookup_any

if TYPE_CHECKING:
    from boatyard.api.call import Call

Values = str | tuple[str, ...]


def text(value: Any) -> str:
    """A parameter's value as conditions spell it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def told(params: Params, names: Mapping[str, str]) -> Keys:
    """The keys of the parameters at dotted paths that a request has; lists are keys of many values."""
    keys: Keys = {}
    for path, key in names.items():
        value = lookup_any(params, path)
        if isinstance(value, list):
            keys[key] = tuple(text(item) for item in value)
        elif value is not None and not isinstance(value, dict):
            keys[key] = text(value)
    return keys


def gathered(items: Iterable[Any], name: str) -> tuple[str, ...]:
    """One member of every item of a list that has it."""
    found = (item.get(name) for item in items if isinstance(item, dict))
    return tuple(text(value) for value in found if value is not None)


_S3 = {
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "ACL": "s3:x-amz-acl",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "StorageClass": "s3:x-amz-storage-class",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "CreateBucketConfiguration.LocationConstraint": "s3:locationconstraint",
}
_LISTINGS = frozenset({"ListObjects", "ListObjectsV2", "ListObjectVersions"})
_CONDITIONAL = frozenset({"PutObject", "DeleteObject", "CompleteMultipartUpload"})


def s3(call: Call, operation: str, params: Params) -> Keys:
    """S3's keys; a listing without MaxKeys asks for a thousand."""
    keys = told(params, _S3)
    if operation in _LISTINGS:
        keys.setdefault("s3:max-keys", "1000")
    if operation not in _CONDITIONAL:
        keys = {key: value for key, value in keys.items() if not key.startswith("s3:if-")}
    if isinstance(params.get("CopySource"), dict):
        source = params["CopySource"]
        keys["s3:x-amz-copy-source"] = f"{source.get('Bucket')}/{source.get('Key')}"
    tags = dict(parse_qsl(str(params.get("Tagging")), keep_blank_values=True)) if _is_text(params, "Tagging") else {}
    if operation == "PutObjectTagging":
        tags = {tag["Key"]: tag.get("Value", "") for tag in lookup_any(params, "Tagging.TagSet") or ()}
    if tags:
        keys |= {f"s3:requestobjecttag/{key.lower()}": value for key, value in tags.items()}
        keys["s3:requestobjecttagkeys"] = tuple(tags)
    return keys | {"s3:resourceaccount": call.account}


def _is_text(params: Params, name: str) -> bool:
    return isinstance(params.get(name), str) and bool(params[name])


_SAGEMAKER = {
    "OutputDataConfig.KmsKeyId": "sagemaker:outputkmskey",
    "ResourceConfig.VolumeKmsKeyId": "sagemaker:volumekmskey",
    "KmsKeyId": "sagemaker:volumekmskey",
    "EnableNetworkIsolation": "sagemaker:networkisolation",
    "EnableInterContainerTrafficEncryption": "sagemaker:intercontainertrafficencryption",
    "StoppingCondition.MaxRuntimeInSeconds": "sagemaker:maxruntimeinseconds",
    "ResourceConfig.KeepAlivePeriodInSeconds": "sagemaker:keepaliveperiod",
    "RemoteDebugConfig.EnableRemoteDebug": "sagemaker:enableremotedebug",
    "VpcConfig.Subnets": "sagemaker:vpcsubnets",
    "VpcConfig.SecurityGroupIds": "sagemaker:vpcsecuritygroupids",
    "SecurityGroupIds": "sagemaker:vpcsecuritygroupids",
    "DirectInternetAccess": "sagemaker:directinternetaccess",
    "RootAccess": "sagemaker:rootaccess",
    "AcceleratorTypes": "sagemaker:acceleratortypes",
    "TargetModel": "sagemaker:targetmodel",
}


def sagemaker(call: Call, operation: str, params: Params) -> Keys:
    """SageMaker's keys."""
    keys = told(params, _SAGEMAKER)
    variants = params.get("ProductionVariants", [])
    types = (params.get("InstanceType"), lookup_any(params, "ResourceConfig.InstanceType"))
    named = tuple(str(each) for each in types if each) + gathered(variants, "InstanceType")
    if named:
        keys["sagemaker:instancetypes"] = named
    models = gathered(variants, "ModelName")
    if models:
        base = f"arn:aws:sagemaker:{call.region}:{call.account}:model/"
        keys["sagemaker:modelarn"] = base + models[0].lower()
    if _is_text(params, "SubnetId"):
        keys["sagemaker:vpcsubnets"] = (params["SubnetId"],)
    return keys


_OVERRIDES = {
    "serviceRoleOverride": "serviceRole",
    "encryptionKeyOverride": "encryptionKey",
    "imageOverride": "environment.image",
    "computeTypeOverride": "environment.computeType",
    "environmentTypeOverride": "environment.type",
    "privilegedModeOverride": "environment.privilegedMode",
    "imagePullCredentialsTypeOverride": "environment.imagePullCredentialsType",
    "sourceLocationOverride": "source.location",
    "buildspecOverride": "source.buildspec",
    "insecureSslOverride": "source.insecureSsl",
}
_SETTINGS = (
    *_OVERRIDES.values(),
    *("artifacts.location", "artifacts.encryptionDisabled", "cache.type", "cache.location", "cache.modes"),
    *("logsConfig.s3Logs.status", "logsConfig.s3Logs.location", "concurrentBuildLimit", "autoRetryLimit"),
    *("vpcConfig.vpcId", "vpcConfig.subnets", "vpcConfig.securityGroupIds"),
)


def codebuild(call: Call, operation: str, params: Params) -> Keys:
    """CodeBuild's keys: a project's settings, or those that a build puts in their place."""
    if operation == "StartBuild":
        keys = told(params, {name: f"codebuild:{path.lower()}" for name, path in _OVERRIDES.items()})
        variables = params.get("environmentVariablesOverride")
    elif operation in ("CreateProject", "UpdateProject"):
        keys = told(params, {path: f"codebuild:{path.lower()}" for path in _SETTINGS})
        variables = lookup_any(params, "environment.environmentVariables")
    else:
        return {}
    if variables:
        keys["codebuild:environment.environmentvariables.name"] = gathered(variables, "name")
        keys["codebuild:environment.environmentvariables.value"] = gathered(variables, "value")
    return keys


def cloudformation(call: Call, operation: str, params: Params) -> Keys:
    """CloudFormation's keys."""
    names = {
        "RoleARN": "cloudformation:rolearn",
        "TemplateURL": "cloudformation:templateurl",
        "StackPolicyURL": "cloudformation:stackpolicyurl",
        "ResourceTypes": "cloudformation:resourcetypes",
    }
    keys = told(params, names)
    name = params.get("ChangeSetName")
    if isinstance(name, str):
        keys["cloudformation:changesetname"] = name.split("/")[1] if name.count("/") > 1 else name
    imported = gathered(params.get("ResourcesToImport", []), "ResourceType")
    return keys | ({"cloudformation:importresourcetypes": imported} if imported else {})


def events(call: Call, operation: str, params: Params) -> Keys:
    """EventBridge's keys; of a rule's pattern the sources and types that it names outright."""
    keys: Keys = {}
    if operation == "PutTargets":
        keys["events:targetarn"] = gathered(params.get("Targets", []), "Arn")
    if operation == "PutRule" and _is_text(params, "EventPattern"):
        try:
            pattern = json_text.read(params["EventPattern"])
        except ValueError:
            return keys
        for name in ("source", "detail-type"):
            values = pattern.get(name) if isinstance(pattern, dict) else None
            if isinstance(values, list):
                keys[f"events:{name}"] = tuple(value for value in values if isinstance(value, str))
    return keys | {"events:creatoraccount": call.account}


def ssm(call: Call, operation: str, params: Params) -> Keys:
    """Parameter Store's keys."""
    if operation == "PutParameter":
        return {"ssm:overwrite": text(params.get("Overwrite", False))}
    if operation == "GetParametersByPath":
        return {"ssm:recursive": text(params.get("Recursive", False))}
    return {}
