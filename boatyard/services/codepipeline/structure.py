"""Whether a pipeline declaration is one that can run: CodePipeline's structure rules with its own wordings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from boatyard.api.errors import ApiError
from boatyard.services.codepipeline import action_types, variables

_NAME = re.compile(r"[A-Za-z0-9.@\-_]+")
_ARTIFACT = re.compile(r"[a-zA-Z0-9_\-]+")
_ROLE = re.compile(r"arn:aws(-[\w]+)*:iam::[0-9]{12}:role/.*")
_BUCKET = re.compile(r"[a-zA-Z0-9\-.]+")
_NAMESPACE = re.compile(r"[A-Za-z0-9@\-_]+")
_MAXIMUM_STAGES = 50
_MAXIMUM_ACTIONS = 1000
_SIMPLE_STAGE = ("onFailure", "onSuccess", "beforeEntry")

Declaration = dict[str, Any]


def check(declaration: Declaration, region: str) -> None:
    """Raises InvalidStructureException, InvalidActionDeclarationException and the like for what cannot run.

    Follows CodePipeline's user guide, "CodePipeline pipeline structure reference".
    """
    _check_names(declaration)
    _check_store(declaration)
    _check_stages(declaration)
    for stage, action in actions(declaration):
        _check_action(stage["name"], action, region)
    _check_artifacts(declaration)
    _check_variables(declaration)


def actions(declaration: Declaration) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every (stage, action) in the order in which they can run."""
    for stage in declaration["stages"]:
        for action in sorted(stage["actions"], key=run_order):
            yield stage, action


def run_order(action: dict[str, Any]) -> int:
    """An action's place within its stage; 1 where it declares none."""
    return int(action.get("runOrder", 1))


def with_defaults(declaration: Declaration) -> Declaration:
    """The declaration as GetPipeline shows it: run orders, empty lists, type and mode filled in."""
    stages = []
    for stage in declaration["stages"]:
        filled = [
            {
                "runOrder": 1,
                "configuration": {},
                "outputArtifacts": [],
                "inputArtifacts": [],
                **action,
            }
            for action in stage["actions"]
        ]
        stages.append({**stage, "actions": filled})
    return {"pipelineType": "V1", "executionMode": "SUPERSEDED", **declaration, "stages": stages}


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidStructureException", message)


def _bad_action(message: str) -> ApiError:
    return ApiError("InvalidActionDeclarationException", message)


def _check_pattern(value: str, pattern: re.Pattern[str], where: str) -> None:
    if not pattern.fullmatch(value):
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {pattern.pattern}",
        )


def _check_names(declaration: Declaration) -> None:
    _check_pattern(declaration["name"], _NAME, "pipeline.name")
    _check_pattern(declaration["roleArn"], _ROLE, "pipeline.roleArn")
    for number, stage in enumerate(declaration["stages"], 1):
        where = f"pipeline.stages.{number}.member"
        _check_pattern(stage["name"], _NAME, f"{where}.name")
        for place, action in enumerate(stage["actions"], 1):
            _check_pattern(action["name"], _NAME, f"{where}.actions.{place}.member.name")
            for kind in ("inputArtifacts", "outputArtifacts"):
                for artifact in action.get(kind, []):
                    _check_pattern(artifact["name"], _ARTIFACT, f"{where}.actions.{place}.member.{kind}.name")
            if "namespace" in action:
                _check_pattern(action["namespace"], _NAMESPACE, f"{where}.actions.{place}.member.namespace")


def _check_store(declaration: Declaration) -> None:
    if declaration.get("artifactStores"):
        raise _invalid(
            "boatyard does not support artifactStores: cross-region actions are not there. Use artifactStore."
        )
    store = declaration.get("artifactStore")
    if store is None:
        raise _invalid("Pipeline must have either an artifactStore or artifactStores, but neither is specified")
    _check_pattern(store["location"], _BUCKET, "pipeline.artifactStore.location")


def _check_stages(declaration: Declaration) -> None:
    stages = declaration["stages"]
    if len(stages) < 2:
        raise _invalid(f"Pipeline has only {len(stages)} stage(s). There should be a minimum of 2 stages in a pipeline")
    if len(stages) > _MAXIMUM_STAGES:
        raise _invalid(f"Pipeline has {len(stages)} stages. The maximum number of stages is {_MAXIMUM_STAGES}")
    if sum(len(stage["actions"]) for stage in stages) > _MAXIMUM_ACTIONS:
        raise _invalid(f"The maximum number of actions in a pipeline is {_MAXIMUM_ACTIONS}")
    _check_unique([stage["name"] for stage in stages], "Pipeline has more than one stage with the name '{}'")
    for stage in stages:
        _check_stage(stage)
    _check_sources(stages)
    _check_type(declaration)


def _check_stage(stage: dict[str, Any]) -> None:
    if not stage["actions"]:
        raise _invalid(f"Stage '{stage['name']}' has no actions. A stage must contain at least one action")
    _check_unique(
        [action["name"] for action in stage["actions"]],
        f"Stage '{stage['name']}' has more than one action with the name '{{}}'",
    )
    if stage.get("blockers"):
        raise ApiError("InvalidBlockerDeclarationException", "Stage blockers are reserved for future use")
    for member in _SIMPLE_STAGE:
        if member in stage:
            raise ApiError(
                "InvalidStageDeclarationException",
                f"boatyard does not support stage conditions: {member} of stage '{stage['name']}'",
            )


def _check_sources(stages: list[dict[str, Any]]) -> None:
    if any(action["actionTypeId"]["category"] != "Source" for action in stages[0]["actions"]):
        raise _invalid("Pipeline should start with a stage that only contains source actions")
    for stage in stages[1:]:
        for action in stage["actions"]:
            if action["actionTypeId"]["category"] == "Source":
                raise _invalid(
                    "Source actions can only be used in the first stage of a pipeline. "
                    f"Action '{action['name']}' in stage '{stage['name']}' is a source action"
                )


def _check_type(declaration: Declaration) -> None:
    second = declaration.get("pipelineType", "V1") == "V2"
    if not second and declaration.get("executionMode", "SUPERSEDED") != "SUPERSEDED":
        raise _invalid("Execution modes QUEUED and PARALLEL require a pipeline of type V2")
    if not second and declaration.get("variables"):
        raise _invalid("Pipeline variables require a pipeline of type V2")
    if declaration.get("triggers"):
        raise _invalid(
            "boatyard does not support triggers: they need a CodeStarSourceConnection source, which is not there. "
            "A CodeCommit source starts the pipeline at every push to its branch."
        )


def _check_unique(names: list[str], wording: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise _invalid(wording.format(name))


def _check_action(stage: str, action: dict[str, Any], region: str) -> None:
    identity, name = action["actionTypeId"], action["name"]
    kind = action_types.find(identity)
    if kind is None:
        raise _bad_action(
            f"ActionType (Category: '{identity['category']}', Provider: '{identity['provider']}', Owner: "
            f"'{identity['owner']}', Version: '{identity['version']}') in action '{name}' is not available in "
            f"region {region.upper().replace('-', '_')}"
        )
    if action.get("region", region) != region:
        raise _bad_action(f"boatyard does not support cross-region actions: action '{name}' names another region")
    for member in ("commands", "environmentVariables", "outputVariables"):
        if action.get(member):
            raise _bad_action(f"The following action cannot contain the field {member}: {name}")
    _check_count(name, "input", len(action.get("inputArtifacts", [])), kind.inputs)
    _check_count(name, "output", len(action.get("outputArtifacts", [])), kind.outputs)
    _check_configuration(action, kind)
    if not 1 <= run_order(action) <= 999:
        raise _bad_action(f"Action '{name}' in stage '{stage}' must have a runOrder between 1 and 999")


def _check_count(action: str, kind: str, count: int, limits: tuple[int, int]) -> None:
    if count < limits[0]:
        raise _bad_action(
            f"Action {action} declares {count} {kind} artifacts which is less than the minimum count ({limits[0]})"
        )
    if count > limits[1]:
        raise _bad_action(
            f"Action {action} declares {count} {kind} artifacts which exceeds the maximum count ({limits[1]})"
        )


def _check_configuration(action: dict[str, Any], kind: action_types.ActionType) -> None:
    given = action.get("configuration", {})
    for item in kind.properties:
        if item.required and not given.get(item.name):
            raise _bad_action(
                f"Action configuration for action '{action['name']}' is missing required configuration '{item.name}'"
            )
    known = {item.name for item in kind.properties}
    for key, value in given.items():
        if key not in known:
            raise _bad_action(
                f"Action configuration for action '{action['name']}' contains unknown configuration '{key}'"
            )
        if len(value) > 1000 and key != "EnvironmentVariables":
            raise _bad_action(
                f"Action configuration '{key}' of action '{action['name']}' is longer than 1000 characters"
            )
    if kind.provider == "CodeBuild":
        _check_build(action)


def _check_build(action: dict[str, Any]) -> None:
    given, inputs = action["configuration"], [item["name"] for item in action.get("inputArtifacts", [])]
    if given.get("BatchEnabled", "false").lower() == "true" or given.get("CombineArtifacts"):
        raise _bad_action(f"boatyard does not support batch builds: BatchEnabled of action '{action['name']}'")
    if len(inputs) > 1 and given.get("PrimarySource") not in inputs:
        raise _bad_action(
            f"Action configuration for action '{action['name']}' must name one of its input artifacts as "
            "PrimarySource, because it has more than one"
        )


def _check_artifacts(declaration: Declaration) -> None:
    """Output names are unique, and what an action takes in was put out by an earlier stage or run order."""
    outputs = [item["name"] for _, action in actions(declaration) for item in action.get("outputArtifacts", [])]
    for name, count in Counter(outputs).items():
        if count > 1:
            raise _bad_action(f"Output Artifact Bundle name {name} must be unique within the pipeline")
    available: set[str] = set()
    for stage in declaration["stages"]:
        for order in sorted({run_order(action) for action in stage["actions"]}):
            group = [action for action in stage["actions"] if run_order(action) == order]
            for action in group:
                for item in action.get("inputArtifacts", []):
                    if item["name"] not in available:
                        raise _bad_action(
                            f"Input Artifact Bundle {item['name']} in action {action['name']} is either missing "
                            "or not declared as an output of a preceding action"
                        )
            available.update(item["name"] for action in group for item in action.get("outputArtifacts", []))


def _check_variables(declaration: Declaration) -> None:
    namespaces = Counter(action["namespace"] for _, action in actions(declaration) if "namespace" in action)
    for name, count in namespaces.items():
        if count > 1 or name in variables.RESERVED:
            raise _bad_action(
                "Namespaces must be unique across the pipeline definition. The following occur more than once in "
                f"the pipeline. Namespace=[{name}]"
            )
    names = [item["name"] for item in declaration.get("variables", [])]
    _check_unique(names, "Pipeline has more than one variable with the name '{}'")
    known = {"codepipeline": {"PipelineExecutionId"}, "variables": set(names)}
    for stage, action in actions(declaration):
        for key, value in action.get("configuration", {}).items():
            for text, namespace, name in variables.references(value):
                missing = namespace not in known and namespace not in namespaces
                if missing or (namespace in known and name not in known[namespace]):
                    raise _bad_action(
                        "Valid format for a pipeline execution variable reference is a namespace and a key separated "
                        "by a period (.). The following pipeline execution variables are referencing a namespace "
                        f"that does not exist. StageName=[{stage['name']}], ActionName=[{action['name']}], "
                        f"ActionConfigurationKey=[{key}], VariableReferenceText=[{text[2:-1]}]"
                    )
