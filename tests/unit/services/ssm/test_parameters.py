"""Parameter Store: versions, secrets, paths, names, and the CloudFormation type."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import ResourceRequest, all_types

ACCOUNT = "000000000000"


def code_of(call: Call, operation: str, **params: Any) -> str:
    with pytest.raises(ApiError) as error:
        call.invoke("ssm", operation, **params)
    return error.value.code


def put(call: Call, name: str, value: str, **params: Any) -> int:
    version: int = call.invoke("ssm", "PutParameter", Name=name, Value=value, **{"Type": "String", **params})["Version"]
    return version


def test_every_put_is_a_version(call: Call) -> None:
    ssm = call.client("ssm")
    assert put(call, "/app/mode", "one", Description="d") == 1
    assert code_of(call, "PutParameter", Name="/app/mode", Value="x", Type="String") == "ParameterAlreadyExists"
    assert put(call, "/app/mode", "two", Overwrite=True) == 2
    found = ssm.get_parameter(Name="/app/mode")["Parameter"]
    assert (found["Value"], found["Version"]) == ("two", 2)
    assert found["ARN"] == f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/app/mode"
    assert ssm.get_parameter(Name=found["ARN"])["Parameter"]["Value"] == "two"
    assert ssm.get_parameter(Name="/app/mode:1")["Parameter"]["Value"] == "one"
    assert code_of(call, "GetParameter", Name="/app/mode:9") == "ParameterVersionNotFound"
    ssm.label_parameter_version(Name="/app/mode", ParameterVersion=1, Labels=["stable"])
    ssm.label_parameter_version(Name="/app/mode", ParameterVersion=2, Labels=["stable"])
    assert ssm.get_parameter(Name="/app/mode:stable")["Parameter"]["Value"] == "two"
    history = ssm.get_parameter_history(Name="/app/mode")["Parameters"]
    assert [(item["Version"], item["Value"], item["Labels"]) for item in history] == [
        (1, "one", []),
        (2, "two", ["stable"]),
    ]
    ssm.delete_parameter(Name="/app/mode")
    assert code_of(call, "GetParameter", Name="/app/mode") == "ParameterNotFound"


def test_secrets_go_through_kms(call: Call) -> None:
    ssm = call.client("ssm")
    secret = "s" * 5000
    put(call, "token", secret, Type="SecureString", Tier="Advanced")
    hidden = ssm.get_parameter(Name="token")["Parameter"]["Value"]
    assert secret not in hidden
    assert ssm.get_parameter(Name="token", WithDecryption=True)["Parameter"]["Value"] == secret
    key = call.invoke("kms", "DescribeKey", KeyId="alias/aws/ssm")["KeyMetadata"]
    assert key["KeyManager"] == "AWS"
    with call.installation.database.reading() as rx:
        row = rx.execute("SELECT record FROM ssm_parameter_versions").fetchone()
    assert "ssss" not in row["record"]
    assert code_of(call, "PutParameter", Name="x", Value="v", Type="SecureString", KeyId="alias/none") == "InvalidKeyId"


def test_parameters_by_path_and_by_filter(call: Call) -> None:
    ssm = call.client("ssm")
    for name in ("/a/one", "/a/two", "/a/deep/three", "/b/one"):
        put(call, name, name, Tags=[{"Key": "team", "Value": name[1]}])
    names = [item["Name"] for item in ssm.get_parameters_by_path(Path="/a")["Parameters"]]
    assert names == ["/a/one", "/a/two"]
    deep = ssm.get_parameters_by_path(Path="/a/", Recursive=True, MaxResults=2)
    rest = ssm.get_parameters_by_path(Path="/a/", Recursive=True, MaxResults=2, NextToken=deep["NextToken"])
    assert len(deep["Parameters"]) + len(rest["Parameters"]) == 3
    assert "NextToken" not in rest
    filters = [{"Key": "tag:team", "Values": ["b"]}]
    assert [item["Name"] for item in ssm.describe_parameters(ParameterFilters=filters)["Parameters"]] == ["/b/one"]
    begins = [{"Key": "Name", "Option": "BeginsWith", "Values": ["/a/t"]}]
    assert [item["Name"] for item in ssm.describe_parameters(ParameterFilters=begins)["Parameters"]] == ["/a/two"]
    several = ssm.get_parameters(Names=["/a/one", "/none"])
    assert several["InvalidParameters"] == ["/none"]
    assert ssm.delete_parameters(Names=["/a/one", "/none"]) == {
        "DeletedParameters": ["/a/one"],
        "InvalidParameters": ["/none"],
    }


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Name": "a b"}, "ValidationException"),
        ({"Name": "a/b"}, "ValidationException"),
        ({"Name": "ssm-x"}, "ValidationException"),
        ({"Name": "/a//b"}, "ValidationException"),
        ({"Name": "aws-x"}, "AccessDeniedException"),
        ({"Name": "/a" * 16}, "HierarchyLevelLimitExceededException"),
        ({"Value": "x" * 4097}, "ValidationException"),
        ({"Type": None}, "ValidationException"),
        ({"AllowedPattern": "[0-9]+"}, "ParameterPatternMismatchException"),
        ({"AllowedPattern": "["}, "InvalidAllowedPatternException"),
        ({"AllowedPattern": "(a|aa)+", "Value": "a" * 80 + "b"}, "InvalidAllowedPatternException"),
        ({"Policies": "[]"}, "ValidationException"),
    ],
)
def test_what_is_refused(call: Call, params: dict[str, Any], code: str) -> None:
    assert code_of(call, "PutParameter", **{"Name": "n", "Value": "v", "Type": "String", **params}) == code


def test_tags(call: Call) -> None:
    ssm = call.client("ssm")
    put(call, "n", "v", Tags=[{"Key": "a", "Value": "1"}])
    reference = {"ResourceType": "Parameter", "ResourceId": "n"}
    ssm.add_tags_to_resource(**reference, Tags=[{"Key": "b", "Value": "2"}])
    ssm.remove_tags_from_resource(**reference, TagKeys=["a"])
    assert ssm.list_tags_for_resource(**reference)["TagList"] == [{"Key": "b", "Value": "2"}]
    assert code_of(call, "ListTagsForResource", ResourceType="Parameter", ResourceId="none") == "InvalidResourceId"


def test_the_cloudformation_type(call: Call) -> None:
    kind = all_types()["AWS::SSM::Parameter"]

    def request(properties: dict[str, Any], physical_id: str | None = None) -> ResourceRequest:
        return ResourceRequest("P", "stack", "id", properties, "token", physical_id, tags={"stack": "s"})

    first = {"Type": "String", "Value": "one", "Tags": {"own": "tag"}}
    state = kind.create(call, request(first))
    assert kind.create(call, request(first)) == state
    kind.update(call, request({"Type": "String", "Value": "two"}, state.physical_id))
    assert call.invoke("ssm", "GetParameter", Name=state.physical_id)["Parameter"]["Value"] == "two"
    tags = call.invoke("ssm", "ListTagsForResource", ResourceType="Parameter", ResourceId=state.physical_id)
    assert tags["TagList"] == [{"Key": "stack", "Value": "s"}]
    kind.delete(call, request(first, state.physical_id))
    kind.delete(call, request(first, state.physical_id))
    with pytest.raises(ApiError, match="String or StringList"):
        kind.create(call, request({"Type": "SecureString", "Value": "x"}))
