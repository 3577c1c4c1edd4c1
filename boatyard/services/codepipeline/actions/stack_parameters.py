"""Where a stack's template and parameters come from: files of input artifacts, and overrides that look into them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from boatyard.api import json_text
from boatyard.services.codepipeline.actions import artifact_files
from boatyard.services.codepipeline.actions.run import ActionFailed, ActionRun

LARGEST_FILE = 1 << 20
"""Bytes of a template or a template configuration: what CloudFormation takes from S3."""


def artifact_file(action: ActionRun, place: str) -> bytes:
    """The content of ARTIFACT::PATH; ActionFailed where there is none."""
    name, separator, path = place.partition("::")
    if not separator:
        raise ActionFailed("ConfigurationError", f"{place!r} has to be written as ARTIFACT::PATH.")
    with tempfile.TemporaryDirectory(prefix="boatyard-template-") as directory:
        packed = Path(directory) / "artifact.zip"
        artifact_files.fetch(action, name, packed)
        with artifact_files.open_zip(packed, name) as archive:
            try:
                return archive.read(path, LARGEST_FILE)
            except KeyError:
                raise ActionFailed("ConfigurationError", f"The artifact {name} holds no file {path}.") from None


def template_configuration(action: ActionRun) -> dict[str, Any]:
    """The template configuration file: Parameters, Tags; empty where none is named."""
    place = action.configuration.get("TemplateConfiguration")
    if not place:
        return {}
    try:
        given = json_text.read(artifact_file(action, place))
    except ValueError as error:
        raise ActionFailed("ConfigurationError", f"The template configuration {place} is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ActionFailed("ConfigurationError", f"The template configuration {place} is not a JSON object.")
    if given.get("StackPolicy"):
        raise ActionFailed("ConfigurationError", "boatyard does not support StackPolicy in a template configuration.")
    return given


def parameters(action: ActionRun, given: dict[str, Any]) -> list[dict[str, str]]:
    """The parameters of the configuration file, with those of ParameterOverrides over them."""
    text = action.configuration.get("ParameterOverrides", "{}")
    try:
        overrides = json_text.read(text)
        merged = {**given, **overrides}
    except (ValueError, TypeError) as error:
        raise ActionFailed("ConfigurationError", f"ParameterOverrides is not a JSON object: {error}") from error
    return [{"ParameterKey": key, "ParameterValue": _value(action, value)} for key, value in merged.items()]


def _value(action: ActionRun, value: Any) -> str:
    """A parameter's text: itself, or what Fn::GetArtifactAtt and Fn::GetParam find in the input artifacts."""
    if isinstance(value, dict) and len(value) == 1:
        function, arguments = next(iter(value.items()))
        if function == "Fn::GetArtifactAtt":
            return _attribute(action, arguments)
        if function == "Fn::GetParam":
            return _parameter(action, arguments)
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


def _attribute(action: ActionRun, arguments: Any) -> str:
    name, attribute = arguments
    for item in action.action.inputs:
        if item["name"] == name:
            known = {
                "BucketName": item["bucket"],
                "ObjectKey": item["key"],
                "URL": f"https://s3.{action.action.region}.amazonaws.com/{item['bucket']}/{item['key']}",
            }
            if attribute in known:
                return str(known[attribute])
    raise ActionFailed("ConfigurationError", f"Fn::GetArtifactAtt finds no {attribute} of the artifact {name}.")


def _parameter(action: ActionRun, arguments: Any) -> str:
    name, path, key = arguments
    try:
        return str(json_text.read(artifact_file(action, f"{name}::{path}"))[key])
    except (ValueError, KeyError, TypeError) as error:
        raise ActionFailed(
            "ConfigurationError", f"Fn::GetParam finds no {key} in {path} of the artifact {name}: {error!r}"
        ) from error
