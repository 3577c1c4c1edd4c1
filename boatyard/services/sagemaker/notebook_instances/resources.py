"""The CloudFormation resource types of notebook instances, their lifecycle configurations and code repositories."""

from __future__ import annotations

from typing import Any

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import PropertyRule, ResourceRequest, ResourceState, resource_type
from boatyard.services.sagemaker.named_resource import NamedResource, until
from boatyard.services.sagemaker.notebook_instances.records import CODE_REPOSITORIES, LIFECYCLE_CONFIGS, NOTEBOOKS

_HOOKS = {"Content": PropertyRule(str)}
_DROPS = {
    "LifecycleConfigName": "DisassociateLifecycleConfig",
    "DefaultCodeRepository": "DisassociateDefaultCodeRepository",
    "AdditionalCodeRepositories": "DisassociateAdditionalCodeRepositories",
}


@resource_type("AWS::SageMaker::NotebookInstanceLifecycleConfig")
class LifecycleConfigResource(NamedResource):
    """A lifecycle configuration (AWS: AWS::SageMaker::NotebookInstanceLifecycleConfig)."""

    noun, table = "NotebookInstanceLifecycleConfig", LIFECYCLE_CONFIGS
    name_member = "NotebookInstanceLifecycleConfigName"
    arn_member = "NotebookInstanceLifecycleConfigArn"
    properties = {
        "NotebookInstanceLifecycleConfigName": PropertyRule(str, immutable=True),
        "OnCreate": PropertyRule(list, members=_HOOKS),
        "OnStart": PropertyRule(list, members=_HOOKS),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"NotebookInstanceLifecycleConfigName"})

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Replace the scripts."""
        arn = str(request.physical_id)
        name = self.record(call, arn=arn).name
        scripts = {hook: request.properties.get(hook, []) for hook in ("OnCreate", "OnStart")}
        call.invoke(
            "sagemaker", "UpdateNotebookInstanceLifecycleConfig", NotebookInstanceLifecycleConfigName=name, **scripts
        )
        self.retag(call, request, arn)
        return self.state(arn, name)


@resource_type("AWS::SageMaker::CodeRepository")
class CodeRepositoryResource(NamedResource):
    """A code repository (AWS: AWS::SageMaker::CodeRepository)."""

    noun, table, name_member, arn_member = (
        "CodeRepository",
        CODE_REPOSITORIES,
        "CodeRepositoryName",
        "CodeRepositoryArn",
    )
    properties = {
        "CodeRepositoryName": PropertyRule(str, immutable=True),
        "GitConfig": PropertyRule(
            dict,
            required=True,
            immutable=True,
            members={"RepositoryUrl": PropertyRule(str, required=True), "Branch": PropertyRule(str)},
        ),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"CodeRepositoryName"})

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Only tags change in place."""
        arn = str(request.physical_id)
        self.retag(call, request, arn)
        return self.state(arn, self.record(call, arn=arn).name)


@resource_type("AWS::SageMaker::NotebookInstance")
class NotebookInstanceResource(NamedResource):
    """A notebook instance (AWS: AWS::SageMaker::NotebookInstance)."""

    noun, table, name_member, arn_member = (
        "NotebookInstance",
        NOTEBOOKS,
        "NotebookInstanceName",
        "NotebookInstanceArn",
    )
    properties = {
        "NotebookInstanceName": PropertyRule(str, immutable=True),
        "InstanceType": PropertyRule(str, required=True),
        "RoleArn": PropertyRule(str, required=True),
        "LifecycleConfigName": PropertyRule(str),
        "DefaultCodeRepository": PropertyRule(str),
        "AdditionalCodeRepositories": PropertyRule(list),
        "VolumeSizeInGB": PropertyRule(int),
        "RootAccess": PropertyRule(str),
        "DirectInternetAccess": PropertyRule(str, immutable=True),
        "KmsKeyId": PropertyRule(str, immutable=True),
        "PlatformIdentifier": PropertyRule(str, immutable=True),
        "Tags": PropertyRule(list),
    }
    attributes = frozenset({"NotebookInstanceName"})

    def settle(self, call: Call, name: str) -> None:
        """Waits until it is in service."""
        notebook = self._in(call, name, "Pending")
        if notebook["NotebookInstanceStatus"] != "InService":
            reason = notebook.get("FailureReason", f"it is {notebook['NotebookInstanceStatus']}")
            raise ApiError("ValidationException", f"The notebook instance {name} is not in service: {reason}")

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Stop it, change it, start it."""
        arn = str(request.physical_id)
        name = self.record(call, arn=arn).name
        kept = ("Tags", "NotebookInstanceName", "DirectInternetAccess", "KmsKeyId", "PlatformIdentifier")
        before = {key: value for key, value in request.previous.items() if key not in kept}
        after = {key: value for key, value in request.properties.items() if key not in kept}
        if before != after:
            self._stop(call, name)
            drops = {switch: True for member, switch in _DROPS.items() if member not in after}
            call.invoke("sagemaker", "UpdateNotebookInstance", NotebookInstanceName=name, **after, **drops)
            call.invoke("sagemaker", "StartNotebookInstance", NotebookInstanceName=name)
            self.settle(call, name)
        self.retag(call, request, arn)
        return self.state(arn, name)

    def discard(self, call: Call, arn: str) -> None:
        """Stop it, delete it and wait until it is gone."""
        found = self.record(call, arn=arn)
        if found is None:
            return
        if found.status != "Deleting":
            self._stop(call, found.name)
            super().discard(call, arn)
        until(call, lambda: self.record(call, arn=arn) is None)

    def _stop(self, call: Call, name: str) -> None:
        if self._in(call, name, "Pending", "Stopping")["NotebookInstanceStatus"] == "InService":
            call.invoke("sagemaker", "StopNotebookInstance", NotebookInstanceName=name)
            self._in(call, name, "Stopping")

    def _in(self, call: Call, name: str, *passing: str) -> dict[str, Any]:
        """The instance's description once it is in none of the passing statuses."""

        def look() -> dict[str, Any] | None:
            found = call.invoke("sagemaker", "DescribeNotebookInstance", NotebookInstanceName=name)
            return None if found["NotebookInstanceStatus"] in passing else found

        found: dict[str, Any] = until(call, look)
        return found
