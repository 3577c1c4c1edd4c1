"""The deploy actions: S3 and CloudFormation."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from boatyard.api.bodies import as_body
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError

from .conftest import Pipelines, Services, action

STACK = "arn:aws:cloudformation:us-east-1:000000000000:stack/app/1"
TEMPLATE = '{"Resources": {}}'


def packed(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


@pytest.fixture
def stored(services: Services) -> dict[str, bytes]:
    """An S3 whose artifacts are a zip with a template in it, and what was put into it."""
    objects: dict[str, bytes] = {}

    def put(call: Call, params: Params) -> dict[str, Any]:
        objects[f"{params['Bucket']}/{params['Key']}"] = as_body(params["Body"]).read()
        return {}

    content = packed(
        {
            "site/index.html": "<p>hello</p>",
            "template.json": TEMPLATE,
            "settings.json": json.dumps({"Parameters": {"Size": "1", "Colour": "red"}, "Tags": {"team": "a"}}),
        }
    )
    services.set("s3", "GetObject", lambda call, params: {"Body": content})
    services.set("s3", "PutObject", put)
    return objects


def deploy(provider: str, configuration: dict[str, str], outputs: tuple[str, ...] = ()) -> dict[str, Any]:
    given = action(
        "Go",
        "Deploy",
        provider,
        configuration,
        inputArtifacts=[{"name": "Code"}],
        outputArtifacts=[{"name": name} for name in outputs],
        namespace="Stack",
    )
    return {"name": "Deploy", "actions": [given]}


def test_the_files_of_an_artifact_are_put_one_by_one(pipelines: Pipelines, stored: dict[str, bytes]) -> None:
    pipelines.create(deploy("S3", {"BucketName": "www", "Extract": "true", "ObjectKey": "new"}))
    pipelines.wait_for("Succeeded")
    assert stored["www/new/site/index.html"] == b"<p>hello</p>"
    assert len(stored) == 3


def test_a_zip_that_leads_out_is_refused(pipelines: Pipelines, services: Services, stored: dict[str, bytes]) -> None:
    services.set("s3", "GetObject", lambda call, params: {"Body": packed({"../secret": "x"})})
    pipelines.create(deploy("S3", {"BucketName": "www", "Extract": "true"}))
    pipelines.wait_for("Failed")
    assert "leads out of it" in pipelines.action("Deploy", "Go")["errorDetails"]["message"]
    assert stored == {}


class Stacks:
    """A CloudFormation with one stack, which is what the test says after each change."""

    def __init__(self, services: Services) -> None:
        self.stack: dict[str, Any] | None = None
        self.after: dict[str, Any] = {"StackStatus": "CREATE_COMPLETE"}
        services.set("cloudformation", "DescribeStacks", self.describe)
        for operation in ("CreateStack", "UpdateStack"):
            services.set("cloudformation", operation, self.change)

    def describe(self, call: Call, params: Params) -> dict[str, Any]:
        if self.stack is None:
            raise ApiError("ValidationError", f"Stack with id {params['StackName']} does not exist", status=400)
        return {"Stacks": [self.stack]}

    def change(self, call: Call, params: Params) -> dict[str, Any]:
        self.stack = {"StackName": params["StackName"], "StackId": STACK, **self.after}
        return {"StackId": STACK}


CREATE = {
    "ActionMode": "CREATE_UPDATE",
    "StackName": "app",
    "TemplatePath": "Code::template.json",
    "TemplateConfiguration": "Code::settings.json",
    "Capabilities": "CAPABILITY_IAM,CAPABILITY_NAMED_IAM",
    "ParameterOverrides": '{"Size": "2", "Bucket": {"Fn::GetArtifactAtt": ["Code", "BucketName"]}}',
}


def test_a_stack_is_created_from_the_artifact(
    pipelines: Pipelines, services: Services, stored: dict[str, bytes]
) -> None:
    stacks = Stacks(services)
    stacks.after = {"StackStatus": "CREATE_COMPLETE", "Outputs": [{"OutputKey": "Url", "OutputValue": "http://x"}]}
    pipelines.create(deploy("CloudFormation", {**CREATE, "OutputFileName": "outputs.json"}, ("Outputs",)))
    pipelines.wait_for("Succeeded")
    asked = services.asked("cloudformation", "CreateStack")[0]
    given = {item["ParameterKey"]: item["ParameterValue"] for item in asked["Parameters"]}
    assert given == {"Size": "2", "Colour": "red", "Bucket": "artifacts"}
    assert (asked["TemplateBody"], asked["Tags"]) == (TEMPLATE, [{"Key": "team", "Value": "a"}])
    assert asked["Capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
    detail = pipelines.actions()[0]
    assert detail["output"]["outputVariables"] == {"Url": "http://x"}
    place = detail["output"]["outputArtifacts"][0]["s3location"]
    with zipfile.ZipFile(io.BytesIO(stored[f"{place['bucket']}/{place['key']}"])) as archive:
        assert json.loads(archive.read("outputs.json")) == {"Url": "http://x"}


def test_an_update_without_changes_succeeds(pipelines: Pipelines, services: Services, stored: dict[str, bytes]) -> None:
    stacks = Stacks(services)
    stacks.stack = {"StackName": "app", "StackId": STACK, "StackStatus": "CREATE_COMPLETE"}

    def unchanged(call: Call, params: Params) -> dict[str, Any]:
        raise ApiError("ValidationError", "No updates are to be performed.", status=400)

    services.set("cloudformation", "UpdateStack", unchanged)
    pipelines.create(deploy("CloudFormation", CREATE))
    pipelines.wait_for("Succeeded")


def test_a_stack_that_rolls_back_fails_the_action(
    pipelines: Pipelines, services: Services, stored: dict[str, bytes]
) -> None:
    stacks = Stacks(services)
    stacks.after = {"StackStatus": "ROLLBACK_COMPLETE", "StackStatusReason": "The bucket is taken."}
    pipelines.create(deploy("CloudFormation", CREATE))
    pipelines.wait_for("Failed")
    message = pipelines.action("Deploy", "Go")["errorDetails"]["message"]
    assert "ROLLBACK_COMPLETE. The bucket is taken." in message
    assert "describe-stack-events --stack-name app" in message


def test_a_missing_template_says_which(pipelines: Pipelines, services: Services, stored: dict[str, bytes]) -> None:
    Stacks(services)
    pipelines.create(deploy("CloudFormation", {**CREATE, "TemplatePath": "Code::nothing.yml"}))
    pipelines.wait_for("Failed")
    assert "holds no file nothing.yml" in pipelines.action("Deploy", "Go")["errorDetails"]["message"]
