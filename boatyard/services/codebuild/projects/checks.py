"""Checks of what projects and builds are asked to be."""

from __future__ import annotations

import re
from typing import Any

from boatyard.api.errors import ApiError

SOURCES = frozenset({"CODEPIPELINE", "CODECOMMIT", "S3", "NO_SOURCE"})
ARTIFACTS = frozenset({"CODEPIPELINE", "S3", "NO_ARTIFACTS"})
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_]{1,149}")
ROLE = re.compile(r"arn:(aws[a-zA-Z-]*):iam::(\d{12}):role/.+")
IDENTIFIER = re.compile(r"[A-Za-z0-9_]{1,127}")
REFUSED = (
    "vpcConfig", "fileSystemLocations", "buildBatchConfig", "registryCredentialOverride", "debugSessionEnabled",
    "fleetOverride", "sourceAuthOverride",
)  # fmt: skip


def invalid(message: str) -> ApiError:
    """InvalidInputException."""
    return ApiError("InvalidInputException", message, status=400)


def check_settings(settings: dict[str, Any], operation: str) -> None:
    """InvalidInputException for what AWS or boatyard does not take."""
    refused = [name for name in REFUSED if settings.get(name)]
    environment = settings.get("environment") or {}
    refused += [
        f"environment.{name}" for name in ("fleet", "registryCredential", "dockerServer") if environment.get(name)
    ]
    if (settings.get("logsConfig") or {}).get("s3Logs", {}).get("status") == "ENABLED":
        refused.append("logsConfig.s3Logs")
    if settings.get("badgeEnabled"):
        refused.append("badgeEnabled")
    if refused:
        raise invalid(
            f"boatyard does not support {', '.join(refused)} in codebuild:{operation}. "
            "docs/reference/operations.md lists what it does."
        )
    if environment:
        check_environment(environment)
    for source in [settings.get("source"), *(settings.get("secondarySources") or [])]:
        if source:
            check_source(source)
    for artifacts in [settings.get("artifacts"), *(settings.get("secondaryArtifacts") or [])]:
        if artifacts:
            check_artifacts(artifacts)
    _check_cache(settings.get("cache") or {})
    _check_identifiers(settings)
    if settings.get("serviceRole") and not ROLE.fullmatch(settings["serviceRole"]):
        raise invalid(f"Invalid service role: {settings['serviceRole'][:200]}")
    _check_together(settings)


def _check_cache(cache: dict[str, Any]) -> None:
    if cache.get("cacheNamespace"):
        raise invalid("boatyard does not support cache.cacheNamespace.")
    if cache.get("type") == "S3" and not cache.get("location"):
        raise invalid("Invalid cache: a location (BUCKET/PREFIX) is required for the cache type S3")
    if cache.get("type") == "LOCAL" and not cache.get("modes"):
        raise invalid("Invalid cache: at least one mode is required for the cache type LOCAL")


def _check_identifiers(settings: dict[str, Any]) -> None:
    for list_name, member in (("secondarySources", "sourceIdentifier"), ("secondaryArtifacts", "artifactIdentifier")):
        found = [each.get(member) or "" for each in settings.get(list_name) or []]
        for identifier in found:
            if not IDENTIFIER.fullmatch(identifier):
                raise invalid(
                    f"Invalid {member} in {list_name}: {identifier[:150]!r}. It must be 1 to 127 letters, digits and _"
                )
        if len(set(found)) < len(found):
            raise invalid(f"Invalid {list_name}: each {member} must be used once")


def _check_together(settings: dict[str, Any]) -> None:
    source = (settings.get("source") or {}).get("type")
    artifacts = (settings.get("artifacts") or {}).get("type")
    if source and artifacts and "sourceVersion" not in settings:
        pipelines = {source == "CODEPIPELINE", artifacts == "CODEPIPELINE"}
        if len(pipelines) > 1:
            raise invalid("Invalid artifacts: artifact type CODEPIPELINE requires source type CODEPIPELINE, and back")
    if source == "NO_SOURCE" and not (settings.get("source") or {}).get("buildspec"):
        raise invalid("Invalid source: a buildspec is required for the source type NO_SOURCE")


def check_environment(environment: dict[str, Any]) -> None:
    """The kind of machine, the image and the variables."""
    if environment.get("type") not in (None, "LINUX_CONTAINER"):
        raise invalid(f"boatyard builds in LINUX_CONTAINER only, not in {environment['type']}")
    image = environment.get("image", "")
    if image and not image.startswith("aws/codebuild/"):
        raise invalid(
            f"boatyard builds in its own build environment in place of the aws/codebuild images; {image[:200]} is not "
            "one. Name an image such as aws/codebuild/standard:7.0, and install what the build needs in its phases."
        )
    for variable in environment.get("environmentVariables") or []:
        if variable.get("type") == "SECRETS_MANAGER":
            raise invalid(
                f"boatyard does not support SECRETS_MANAGER variables ({variable['name']}); use PARAMETER_STORE."
            )
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable["name"]):
            raise invalid(f"Invalid environment variable name: {variable['name'][:80]!r}")


def check_source(source: dict[str, Any]) -> None:
    """Where the code comes from."""
    kind = source["type"]
    if kind not in SOURCES:
        raise invalid(f"boatyard does not support the source type {kind}; it takes {', '.join(sorted(SOURCES))}.")
    if kind in ("CODECOMMIT", "S3") and not source.get("location"):
        raise invalid(f"Invalid source: a location is required for the source type {kind}")
    if kind == "CODECOMMIT" and "/v1/repos/" not in source["location"]:
        raise invalid(
            f"Invalid location of a CODECOMMIT source: {source['location'][:200]}. It must be a clone URL such as "
            "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/NAME"
        )
    if kind == "S3" and "/" not in source["location"]:
        raise invalid(f"Invalid location of an S3 source: {source['location'][:200]}. It must be BUCKET/PATH.zip")


def check_artifacts(artifacts: dict[str, Any]) -> None:
    """Where the results go."""
    kind = artifacts["type"]
    if kind not in ARTIFACTS:
        raise invalid(f"Invalid artifacts type: {kind}")
    if kind == "S3" and not artifacts.get("location"):
        raise invalid("Invalid artifacts: a location (the bucket) is required for the artifacts type S3")
