"""What a pipeline may not be, and how CodePipeline says so."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.codepipeline import structure

from .conftest import action, approval, declaration

ROLE = "arn:aws:iam::000000000000:role/pipeline"
Change = Callable[[dict[str, Any]], Any]


def build(**configuration: str) -> dict[str, Any]:
    given = action("Build", "Build", "CodeBuild", {"ProjectName": "p", **configuration})
    return {"name": "Build", "actions": [{**given, "inputArtifacts": [{"name": "Code"}]}]}


def test_a_whole_pipeline_is_accepted() -> None:
    structure.check(declaration(ROLE, build(), approval()), "us-east-1")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda p: p["stages"].__delitem__(slice(1, None)), "InvalidStructureException", "minimum of 2 stages"),
        (lambda p: p["stages"].reverse(), "InvalidStructureException", "should start with a stage that only"),
        (lambda p: p["stages"][1].update(name="Source"), "InvalidStructureException", "more than one stage"),
        (lambda p: p.pop("artifactStore"), "InvalidStructureException", "artifactStore"),
        (lambda p: p.update(roleArn="nobody"), "ValidationException", "pipeline.roleArn"),
        (lambda p: p["stages"][1].update(name="a b"), "ValidationException", "stages.2.member.name"),
        (lambda p: p.update(executionMode="QUEUED"), "InvalidStructureException", "type V2"),
        (
            lambda p: p["stages"][1]["actions"].append(p["stages"][1]["actions"][0]),
            "InvalidStructureException",
            "more than one action",
        ),
        (
            lambda p: p["stages"][1]["actions"][0].update(inputArtifacts=[{"name": "Other"}]),
            "InvalidActionDeclarationException",
            "Input Artifact Bundle Other in action Build",
        ),
        (
            lambda p: p["stages"][1]["actions"][0].update(inputArtifacts=[]),
            "InvalidActionDeclarationException",
            "Action Build declares 0 input artifacts which is less than the minimum count (1)",
        ),
        (
            lambda p: p["stages"][1]["actions"][0].update(outputArtifacts=[{"name": "Code"}]),
            "InvalidActionDeclarationException",
            "must be unique",
        ),
        (
            lambda p: p["stages"][1]["actions"][0]["configuration"].clear(),
            "InvalidActionDeclarationException",
            "missing required configuration 'ProjectName'",
        ),
        (
            lambda p: p["stages"][1]["actions"][0]["configuration"].update(Colour="red"),
            "InvalidActionDeclarationException",
            "unknown configuration 'Colour'",
        ),
        (
            lambda p: p["stages"][1]["actions"][0]["actionTypeId"].update(provider="Jenkins"),
            "InvalidActionDeclarationException",
            "Provider: 'Jenkins'",
        ),
        (
            lambda p: p["stages"][1]["actions"][0]["configuration"].update(ProjectName="#{Nothing.x}"),
            "InvalidActionDeclarationException",
            "VariableReferenceText=[Nothing.x]",
        ),
        (
            lambda p: p["stages"][1]["actions"][0].update(namespace="SourceVariables"),
            "InvalidActionDeclarationException",
            "Namespaces must be unique",
        ),
    ],
)
def test_what_cannot_run_is_refused(change: Change, code: str, words: str) -> None:
    wrong = copy.deepcopy(declaration(ROLE, build()))
    change(wrong)
    with pytest.raises(ApiError) as refused:
        structure.check(wrong, "us-east-1")
    assert refused.value.code == code
    assert words in refused.value.message


def test_an_artifact_of_the_same_run_order_is_not_there_yet() -> None:
    both = build()
    both["actions"][0]["outputArtifacts"] = [{"name": "Image"}]
    test = action("Test", "Test", "CodeBuild", {"ProjectName": "p"}, inputArtifacts=[{"name": "Image"}])
    both["actions"].append(test)
    with pytest.raises(ApiError, match="Input Artifact Bundle Image"):
        structure.check(declaration(ROLE, both), "us-east-1")
    test["runOrder"] = 2
    structure.check(declaration(ROLE, both), "us-east-1")
