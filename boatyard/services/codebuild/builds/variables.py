"""A build's environment variables: CodeBuild's own, the project's, the buildspec's and the parameters' values."""

from __future__ import annotations

from dataclasses import dataclass, field

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.codebuild.builds.buildspec import Buildspec, BuildspecError
from boatyard.services.codebuild.records import Build

SOURCE_DIRECTORY = "/codebuild/src"


@dataclass
class Variables:
    """Values by name, and those that the log must not show."""

    values: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)


def build_variables(call: Call, build: Build, spec: Buildspec) -> Variables:
    """All variables: the buildspec's give way to the project's and the start's, as CodeBuild has it.

    BuildspecError when a parameter cannot be read. Follows "Environment variables in build environments".
    """
    found = Variables(_own(build))
    found.values |= spec.variables
    wanted = dict(spec.parameters)
    for variable in (build.settings.get("environment") or {}).get("environmentVariables") or []:
        if variable.get("type") == "PARAMETER_STORE":
            wanted[variable["name"]] = variable["value"]
        else:
            found.values[variable["name"]] = variable["value"]
            wanted.pop(variable["name"], None)
    for name, parameter in wanted.items():
        found.values[name] = _parameter(call, name, parameter)
        found.secrets.append(found.values[name])
    return found


def _parameter(call: Call, name: str, parameter: str) -> str:
    try:
        answer = call.invoke("ssm", "GetParameter", Name=parameter, WithDecryption=True)
    except ApiError as error:
        raise BuildspecError(
            f"The parameter {parameter} for the variable {name} cannot be read: {error.code}: {error.message}",
            "Parameter Store error",
        ) from error
    return str(answer["Parameter"]["Value"])


def _own(build: Build) -> dict[str, str]:
    source = build.settings.get("source") or {}
    own = {
        "CI": "true",
        "CODEBUILD_CI": "true",
        "CODEBUILD_BUILD_ARN": build.arn,
        "CODEBUILD_BUILD_ID": build.id,
        "CODEBUILD_BUILD_IMAGE": (build.settings.get("environment") or {}).get("image", ""),
        "CODEBUILD_BUILD_NUMBER": str(build.number),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_INITIATOR": build.initiator,
        "CODEBUILD_KMS_KEY_ID": build.settings.get("encryptionKey", ""),
        "CODEBUILD_LOG_PATH": build.stream,
        "CODEBUILD_SRC_DIR": SOURCE_DIRECTORY,
        "CODEBUILD_START_TIME": str(int(build.started.timestamp() * 1000)),
        "CODEBUILD_SOURCE_REPO_URL": source.get("location", ""),
        "CODEBUILD_SOURCE_VERSION": build.source_version or "",
        "CODEBUILD_RESOLVED_SOURCE_VERSION": build.resolved_version or "",
        "HOME": "/root",
    }
    for secondary in build.settings.get("secondarySources") or []:
        identifier = secondary["sourceIdentifier"]
        own[f"CODEBUILD_SRC_DIR_{identifier}"] = secondary_directory(identifier)
    return own


def secondary_directory(identifier: str) -> str:
    """Where a secondary source is in the container."""
    return f"/codebuild/secondary/{identifier}"
