"""Templates given back, summed up and validated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.operations.submission import object_of
from tests.unit.services.cloudformation.conftest import Formation, things

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Description: a lab
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod], Description: where}
  Secret: {Type: String, NoEcho: true}
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {RoleName: x}}
"""


def test_summary(call: Call) -> None:
    summary = call.invoke("cloudformation", "GetTemplateSummary", TemplateBody=TEMPLATE)
    assert summary["ResourceTypes"] == ["AWS::IAM::Role"]
    assert summary["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert summary["Version"] == "2010-09-09"
    assert summary["Parameters"][0] == {
        "ParameterKey": "Stage",
        "ParameterType": "String",
        "NoEcho": False,
        "DefaultValue": "dev",
        "Description": "where",
        "ParameterConstraints": {"AllowedValues": ["dev", "prod"]},
    }


def test_validation(call: Call) -> None:
    valid = call.invoke("cloudformation", "ValidateTemplate", TemplateBody=TEMPLATE)
    assert valid["Description"] == "a lab"
    assert [each["ParameterKey"] for each in valid["Parameters"]] == ["Stage", "Secret"]
    with pytest.raises(ApiError, match="At least one Resources member must be defined"):
        call.invoke("cloudformation", "ValidateTemplate", TemplateBody="Resources: {}")


def test_templates_are_given_back_as_they_came_and_as_they_became(formation: Formation) -> None:
    source = {"Transform": "AWS::LanguageExtensions", **things()}
    source["Resources"]["Fn::ForEach::Both"] = ["X", ["A", "B"], {"${X}": {"Type": "AWS::Test::Thing"}}]
    formation.create(source, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert formation.settled() == "CREATE_COMPLETE"

    def template(stage: str) -> Any:
        answer = formation.call.invoke("cloudformation", "GetTemplate", StackName="lab", TemplateStage=stage)
        return json.loads(answer["TemplateBody"])

    assert template("Original") == source
    assert sorted(template("Processed")["Resources"]) == ["A", "B"]


def test_large_bodies_are_refused(call: Call) -> None:
    with pytest.raises(ApiError, match="length less than or equal to 51200"):
        call.invoke("cloudformation", "ValidateTemplate", TemplateBody="#" * 51201)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://s3.amazonaws.com/b/k/x.yml", ("b", "k/x.yml", None)),
        ("https://s3.eu-west-1.amazonaws.com/b/k", ("b", "k", None)),
        ("https://b.s3.us-east-1.amazonaws.com/k%20x?versionId=7", ("b", "k x", "7")),
        ("https://my.bucket.s3.amazonaws.com/k", ("my.bucket", "k", None)),
        ("http://127.0.0.1:4566/b/k", ("b", "k", None)),
        ("s3://b/k", ("b", "k", None)),
    ],
)
def test_template_urls(url: str, wanted: tuple[str, str, str | None]) -> None:
    assert object_of(url) == wanted


@pytest.mark.parametrize("url", ["file:///etc/passwd", "https://s3.amazonaws.com/b", "nonsense"])
def test_what_is_no_template_url(url: str) -> None:
    with pytest.raises(ApiError, match="TemplateURL must be a supported URL"):
        object_of(url)
