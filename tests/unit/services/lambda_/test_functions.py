"""Functions, versions, aliases, layers and permissions, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from tests.unit.services.lambda_.conftest import FakeInstances, package

Create = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.usefixtures("instances")


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"Runtime": "nodejs18.x"}, "InvalidParameterValueException", "enum value set"),
        ({"Timeout": 901}, "ValidationException", "less than or equal to 900"),
        ({"MemorySize": 10241}, "ValidationException", "less than or equal to"),
        ({"Role": "arn:aws:iam::000000000000:role/absent"}, "InvalidParameterValueException", "cannot be assumed"),
        ({"Environment": {"Variables": {"A1": "x" * 4096}}}, "InvalidParameterValueException", "4KB limit"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException", "reserved keys"),
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException", "Could not unzip"),
        ({"Code": {"ZipFile": package(name="../m.py")}}, "InvalidParameterValueException", "leads out of it"),
        ({"Code": {"S3Bucket": "absent", "S3Key": "f.zip"}}, "InvalidParameterValueException", "NoSuchBucket"),
        ({"VpcConfig": {"SubnetIds": ["s"]}}, "InvalidParameterValueException", "does not support VpcConfig"),
        ({"Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:l:1"]}, "InvalidParameterValueException", "exist"),
    ],
)
def test_wrong_functions_are_refused(create: Create, given: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(ApiError) as refused:
        create(**given)
    assert refused.value.code == code
    assert said in refused.value.message


def test_a_function_is_created_once_changed_and_deleted(call: Call, create: Create) -> None:
    create(Environment={"Variables": {"STAGE": "dev"}})
    with pytest.raises(ApiError) as twice:
        create()
    assert (twice.value.code, twice.value.message) == ("ResourceConflictException", "Function already exist: f")
    changed = call.invoke("lambda", "UpdateFunctionConfiguration", FunctionName="f", Timeout=60)
    assert (changed["Timeout"], changed["Environment"]) == (60, {"Variables": {"STAGE": "dev"}})
    with pytest.raises(ApiError) as stale:
        call.invoke("lambda", "UpdateFunctionConfiguration", FunctionName="f", Timeout=7, RevisionId="old")
    assert stale.value.status == 412
    call.invoke("lambda", "DeleteFunction", FunctionName="f")
    with pytest.raises(ApiError, match="Function not found: arn:aws:lambda:us-east-1:000000000000:function:f"):
        call.invoke("lambda", "GetFunction", FunctionName="f")


def test_versions_stay_as_they_were_published(call: Call, create: Create) -> None:
    create(Publish=True)
    assert call.invoke("lambda", "PublishVersion", FunctionName="f")["Version"] == "1"
    call.invoke("lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=package("x = 1\n"))
    assert call.invoke("lambda", "PublishVersion", FunctionName="f")["Version"] == "2"
    versions = call.invoke("lambda", "ListVersionsByFunction", FunctionName="f")["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1", "2"]
    assert versions[1]["CodeSha256"] != versions[2]["CodeSha256"] == versions[0]["CodeSha256"]
    call.invoke("lambda", "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    with pytest.raises(ApiError, match="aliases reference it: live"):
        call.invoke("lambda", "DeleteFunction", FunctionName="f", Qualifier="1")


def test_a_function_keeps_the_layers_it_was_given(call: Call, create: Create) -> None:
    layer = call.invoke("lambda", "PublishLayerVersion", LayerName="lib", Content={"ZipFile": package()})
    assert layer["Version"] == 1
    create(Layers=[layer["LayerVersionArn"]])
    call.invoke("lambda", "DeleteLayerVersion", LayerName="lib", VersionNumber=1)
    again = call.invoke("lambda", "PublishLayerVersion", LayerName="lib", Content={"ZipFile": package()})
    assert again["Version"] == 2
    shown = call.invoke("lambda", "GetFunctionConfiguration", FunctionName="f")
    assert [each["Arn"] for each in shown["Layers"]] == [layer["LayerVersionArn"]]


def test_permissions_make_a_policy(call: Call, create: Create) -> None:
    create()
    request = {
        "FunctionName": "f",
        "StatementId": "events",
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": "arn:aws:events:us-east-1:000000000000:rule/r",
    }
    call.invoke("lambda", "AddPermission", **request)
    with pytest.raises(ApiError, match="already exists"):
        call.invoke("lambda", "AddPermission", **request)
    for principal in ("arn:aws:s3:::bucket", "no.service", "nobody"):
        # Kept, such a statement would be in the way of every later judgement on the function.
        with pytest.raises(ApiError, match="The provided principal was invalid"):
            call.invoke("lambda", "AddPermission", **request | {"StatementId": "other", "Principal": principal})
    statement = json.loads(call.invoke("lambda", "GetPolicy", FunctionName="f")["Policy"])["Statement"][0]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": request["SourceArn"]}}
    call.invoke("lambda", "RemovePermission", FunctionName="f", StatementId="events")
    with pytest.raises(ApiError) as gone:
        call.invoke("lambda", "GetPolicy", FunctionName="f")
    assert gone.value.code == "ResourceNotFoundException"


def test_instances_are_not_made_for_a_dry_run(call: Call, create: Create, instances: FakeInstances) -> None:
    create()
    assert call.invoke("lambda", "Invoke", FunctionName="f", InvocationType="DryRun")["StatusCode"] == 204
    assert instances.made == []
