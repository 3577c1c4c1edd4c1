"""The action types that a pipeline may hold: their artifact counts and configuration properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Property:
    """One configuration property of an action type."""

    name: str
    required: bool = False
    secret: bool = False


@dataclass(frozen=True)
class ActionType:
    """An action type of AWS's own (version 1): category, provider, artifact counts, configuration."""

    category: str
    provider: str
    inputs: tuple[int, int]
    outputs: tuple[int, int]
    properties: tuple[Property, ...]

    def described(self) -> dict[str, Any]:
        """The type as ListActionTypes shows it."""
        properties = [
            {"name": item.name, "required": item.required, "key": True, "secret": item.secret, "queryable": False}
            for item in self.properties[:10]
        ]
        return {
            "id": {"category": self.category, "owner": "AWS", "provider": self.provider, "version": "1"},
            "actionConfigurationProperties": properties,
            "inputArtifactDetails": {"minimumCount": min(self.inputs[0], 5), "maximumCount": min(self.inputs[1], 5)},
            "outputArtifactDetails": {"minimumCount": self.outputs[0], "maximumCount": self.outputs[1]},
        }


def _properties(required: str, optional: str = "") -> tuple[Property, ...]:
    """Required then optional properties, each given as names between spaces."""
    return tuple(Property(name, required=True) for name in required.split()) + tuple(
        Property(name) for name in optional.split()
    )


_CODEBUILD = _properties(
    "ProjectName", "PrimarySource EnvironmentVariables BatchEnabled BuildspecOverride CombineArtifacts"
)

ACTION_TYPES: tuple[ActionType, ...] = (
    ActionType(
        "Source",
        "CodeCommit",
        (0, 0),
        (1, 1),
        _properties("RepositoryName BranchName", "PollForSourceChanges OutputArtifactFormat"),
    ),
    ActionType(
        "Source",
        "S3",
        (0, 0),
        (1, 1),
        _properties("S3Bucket S3ObjectKey", "PollForSourceChanges AllowOverrideForS3ObjectKey"),
    ),
    ActionType("Build", "CodeBuild", (1, 5), (0, 5), _CODEBUILD),
    ActionType("Test", "CodeBuild", (1, 5), (0, 5), _CODEBUILD),
    ActionType("Invoke", "Lambda", (0, 5), (0, 5), _properties("FunctionName", "UserParameters")),
    ActionType("Approval", "Manual", (0, 0), (0, 0), _properties("", "NotificationArn CustomData ExternalEntityLink")),
    ActionType(
        "Deploy",
        "S3",
        (1, 1),
        (0, 0),
        _properties("BucketName Extract", "ObjectKey KMSEncryptionKeyARN CannedACL CacheControl"),
    ),
    ActionType(
        "Deploy",
        "CloudFormation",
        (0, 10),
        (0, 1),
        _properties(
            "ActionMode StackName",
            "Capabilities ChangeSetName OutputFileName ParameterOverrides RoleArn TemplateConfiguration TemplatePath",
        ),
    ),
)

_BY_ID = {(item.category, item.provider): item for item in ACTION_TYPES}


def find(identity: dict[str, Any]) -> ActionType | None:
    """The action type of an actionTypeId, or None where boatyard has no such."""
    if identity["owner"] != "AWS" or identity["version"] != "1":
        return None
    return _BY_ID.get((identity["category"], identity["provider"]))
