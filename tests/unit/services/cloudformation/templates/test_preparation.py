"""Whole templates: sections, references, order, transforms, capabilities."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.templates.functions import evaluate_known
from boatyard.services.cloudformation.templates.preparation import (
    Environment,
    Prepared,
    prepare,
    required_capabilities,
)
from boatyard.services.cloudformation.templates.references import add_order_by_name, dependencies
from boatyard.services.cloudformation.templates.scope import pseudo_parameters

PSEUDO = pseudo_parameters("000000000000", "us-east-1", "lab", "arn:aws:cloudformation:us-east-1:0:stack/lab/u")
ENVIRONMENT = Environment("us-east-1", lambda name: f"stored {name}", dict)


def prepared(template: dict[str, Any] | str, **values: str) -> Prepared:
    """The template with the values."""
    text = template if isinstance(template, str) else json.dumps(template)
    supplied = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
    return prepare(text, supplied, ENVIRONMENT, PSEUDO)


def graph(template: dict[str, Any] | str, **values: str) -> dict[str, set[str]]:
    """What needs what."""
    ready = prepared(template, **values)
    return dependencies(ready.template, ready.scope(PSEUDO))


def resources(**members: Any) -> dict[str, Any]:
    """A template of only resources, given by their properties (type AWS::Test::Thing)."""
    return {
        "Resources": {
            name: {"Type": "AWS::Test::Thing", "Properties": properties} for name, properties in members.items()
        }
    }


def test_order_follows_every_kind_of_reference() -> None:
    template = resources(
        A={}, B={"X": {"Ref": "A"}}, C={"X": {"Fn::GetAtt": ["B", "Arn"]}}, D={"X": {"Fn::Sub": "${C.Arn} ${A}"}}
    )
    template["Resources"]["A"]["DependsOn"] = "E"
    template["Resources"]["E"] = {"Type": "AWS::Test::Thing"}
    assert graph(template) == {"A": {"E"}, "B": {"A"}, "C": {"B"}, "D": {"A", "C"}, "E": set()}


def test_a_circle_is_named() -> None:
    template = resources(A={"X": {"Ref": "B"}}, B={"X": {"Ref": "A"}}, C={"X": {"Ref": "A"}})
    with pytest.raises(ApiError) as caught:
        graph(template)
    assert caught.value.message == "Circular dependency between resources: [A, B]"


def test_conditions_choose_resources_and_their_order() -> None:
    template = resources(A={}, B={"X": {"Fn::If": ["Yes", "plain", {"Ref": "A"}]}}, C={"X": {"Ref": "A"}})
    template["Conditions"] = {"Yes": {"Fn::Equals": ["a", "a"]}, "No": {"Fn::Not": [{"Condition": "Yes"}]}}
    assert graph(template)["B"] == set()
    template["Resources"]["A"]["Condition"] = "No"
    with pytest.raises(ApiError, match=r"Unresolved resource dependencies \[A\] in the Resources block"):
        graph(template)
    template["Resources"]["C"]["Condition"] = "No"
    assert graph(template) == {"B": set()}


def test_a_name_spelled_out_orders_too() -> None:
    template = {
        "Resources": {
            "Instance": {"Type": "AWS::SageMaker::NotebookInstance", "Properties": {"LifecycleConfigName": "setup"}},
            "Config": {
                "Type": "AWS::SageMaker::NotebookInstanceLifecycleConfig",
                "Properties": {"NotebookInstanceLifecycleConfigName": "setup"},
            },
        }
    }
    ready = prepared(template)
    scope = ready.scope(PSEUDO)
    order = dependencies(ready.template, scope)
    known = {name: evaluate_known(ready.template.resources[name].properties, scope) for name in order}
    add_order_by_name(order, {name: each.type for name, each in ready.template.resources.items()}, known)
    assert order == {"Instance": {"Config"}, "Config": set()}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"Resources": {}}, "At least one Resources member must be defined"),
        ({"Resorces": {}}, "Invalid template property or properties [Resorces]"),
        ({"AWSTemplateFormatVersion": "2011"}, "unsupported value for AWSTemplateFormatVersion"),
        ({"Resources": {"A": {}}}, "[/Resources/A] Every Resources object must contain a Type member."),
        ({"Resources": {"A-b": {"Type": "T"}}}, "Resource name A-b is non alphanumeric"),
        ({"Resources": {"A": {"Type": "T", "DeletionPolicy": "Snapshot"}}}, "Snapshot of resource A is not supported"),
        ({"Resources": {"A": {"Type": "T", "UpdatePolicy": {}}}}, "does not support UpdatePolicy"),
        ({"Resources": {"A": {"Type": "T", "DependsOn": "B"}}}, "Unresolved resource dependencies [B]"),
        ({"Resources": {"A": {"Type": "T", "Condition": "B"}}}, "Unresolved condition dependency B"),
        ({"Outputs": {"O": {"Value": {"Ref": "B"}}}}, "Unresolved resource dependencies [B] in the Outputs block"),
        ({"Outputs": {"O": {"Value": {"Fn::GetAtt": ["B", "Arn"]}}}}, "Fn::GetAtt references undefined resource B"),
        ({"Outputs": {"O": {}}}, "Every Outputs member must contain a Value object"),
        ({"Conditions": {"C": {"Fn::Equals": [{"Ref": "A"}, "x"]}}}, "Cannot reference resources in the Conditions"),
        ({"Parameters": {"P": {"Default": "x"}}}, "Every Parameters object must contain a Type member"),
        ({"Transform": "MyMacro"}, "No transform named MyMacro found"),
    ],
)
def test_malformed_templates_are_refused(change: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ApiError) as caught:
        prepared({**resources(A={}), **change})
    assert wanted in caught.value.message


def test_rules_are_asserted() -> None:
    template = resources(A={})
    template["Parameters"] = {"Size": {"Type": "String"}, "Stage": {"Type": "String"}}
    template["Rules"] = {
        "ProdIsBig": {
            "RuleCondition": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
            "Assertions": [
                {"Assert": {"Fn::Contains": [["big", "huge"], {"Ref": "Size"}]}, "AssertDescription": "prod is big"}
            ],
        }
    }
    prepared(template, Size="small", Stage="dev")
    with pytest.raises(ApiError, match="prod is big"):
        prepared(template, Size="small", Stage="prod")


def test_loops_are_written_out() -> None:
    ready = prepared(
        """
Transform: AWS::LanguageExtensions
Parameters:
  Stages: {Type: CommaDelimitedList}
Resources:
  Fn::ForEach::Stages:
    - Stage
    - !Ref Stages
    - Thing${Stage}:
        Type: AWS::Test::Thing
        Properties: {Name: !Sub "x-${Stage}"}
""",
        Stages="Dev,Prod",
    )
    assert {name: each.properties for name, each in ready.template.resources.items()} == {
        "ThingDev": {"Name": {"Fn::Sub": "x-Dev"}},
        "ThingProd": {"Name": {"Fn::Sub": "x-Prod"}},
    }


def test_serverless_functions_become_functions_roles_and_events() -> None:
    ready = prepared(
        """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.12, Timeout: 30}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.6
      CodeUri: {Bucket: code, Key: hello.zip}
      Policies: [AWSLambdaBasicExecutionRole, S3ReadPolicy: {BucketName: data}]
      AutoPublishAlias: live
      Events:
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 hour)}}
  Inline:
    Type: AWS::Serverless::Function
    Properties: {Handler: index.handler, InlineCode: "pass"}
"""
    )
    template = ready.template
    types = sorted(resource.type for resource in template.resources.values())
    assert types == [
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::IAM::Role",
        "AWS::Lambda::Alias",
        "AWS::Lambda::Function",
        "AWS::Lambda::Function",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
    ]
    assert template.resources["Hello"].properties["Code"] == {"S3Bucket": "code", "S3Key": "hello.zip"}
    assert template.resources["Hello"].properties["Timeout"] == 30
    assert template.resources["Inline"].properties["Code"] == {"ZipFile": "pass"}
    assert required_capabilities(template) == (["CAPABILITY_IAM"], ["HelloRole", "InlineRole"])
    graph_of = dependencies(template, ready.scope(PSEUDO))
    assert "HelloRole" in graph_of["Hello"]


def test_serverless_mistakes_are_told() -> None:
    with pytest.raises(ApiError, match=r"AWS::Serverless-2016-10-31 failed with.*\[Hello\]"):
        prepared(
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  Hello:\n    Type: AWS::Serverless::Function\n"
            "    Properties: {CodeUri: 7}\n"
        )


@pytest.mark.parametrize(
    ("properties", "wanted"),
    [({}, ["CAPABILITY_IAM"]), ({"RoleName": "x"}, ["CAPABILITY_NAMED_IAM"])],
)
def test_iam_resources_ask_for_capabilities(properties: dict[str, Any], wanted: list[str]) -> None:
    template = {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": properties}}}
    assert required_capabilities(prepared(template).template) == (wanted, ["R"])
