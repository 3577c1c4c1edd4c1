"""AWS::CodeCommit::Repository, with its first commit from a zip in S3."""

import io
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from boatyard.api import resource_types
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import ResourceRequest


def archive(**files: bytes) -> bytes:
    """A zip of files; `train` is executable."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in files.items():
            item = zipfile.ZipInfo(name.replace("__", "/"))
            item.external_attr = (0o100755 if name == "train" else 0o100644) << 16
            opened.writestr(item, content)
    return buffer.getvalue()


def request(**properties: Any) -> ResourceRequest:
    """A request for a repository called model."""
    return ResourceRequest("Code", "Stack", "arn:stack", {"RepositoryName": "model", **properties}, "token")


def from_s3(call: Call, content: bytes) -> dict[str, Any]:
    """The property Code for a zip that is put into a bucket."""
    s3 = call.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="code.zip", Body=content)
    return {"S3": {"Bucket": "code", "Key": "code.zip"}, "BranchName": "trunk"}


def test_a_repository_begins_with_the_files_of_a_zip(call: Call) -> None:
    kind = resource_types.all_types()["AWS::CodeCommit::Repository"]
    code = from_s3(call, archive(train=b"#!/bin/sh\n", src__model=b"m"))
    asked = request(Code=code, RepositoryDescription="d", Tags=[{"Key": "a", "Value": "b"}])
    state = kind.create(call, asked)
    client = call.client("codecommit")
    described = client.get_repository(repositoryName="model")["repositoryMetadata"]
    assert (described["defaultBranch"], described["repositoryDescription"]) == ("trunk", "d")
    assert state.physical_id == described["repositoryId"]
    assert state.attributes == {
        "Arn": described["Arn"],
        "CloneUrlHttp": f"{call.installation.gateway_url}/v1/repos/model",
        "Name": "model",
    }
    assert client.get_file(repositoryName="model", filePath="train")["fileMode"] == "EXECUTABLE"
    assert client.get_file(repositoryName="model", filePath="src/model")["fileContent"] == b"m"
    renamed = replace(
        asked,
        properties={"RepositoryName": "renamed"},
        previous=asked.properties,
        physical_id=state.physical_id,
    )
    assert kind.update(call, renamed).attributes["Name"] == "renamed"
    assert client.list_tags_for_resource(resourceArn=described["Arn"].replace("model", "renamed"))["tags"] == {}
    kind.delete(call, renamed)
    kind.delete(call, renamed)
    assert client.list_repositories()["repositories"] == []


def test_a_creation_that_was_cut_off_is_taken_up(call: Call) -> None:
    kind = resource_types.all_types()["AWS::CodeCommit::Repository"]
    topic = "arn:aws:sns:us-east-1:000000000000:changes"
    trigger = {"Name": "all", "DestinationArn": topic, "Events": ["all"]}
    asked = request(Code=from_s3(call, archive(train=b"1")), Triggers=[trigger])
    client = call.client("codecommit")
    client.create_repository(repositoryName="model")
    for _ in range(2):
        kind.update(call, replace(asked, physical_id="model", previous=asked.properties))
    assert client.list_branches(repositoryName="model")["branches"] == ["trunk"]
    triggers = client.get_repository_triggers(repositoryName="model")["triggers"]
    assert [(one["name"], one["destinationArn"], one["branches"]) for one in triggers] == [("all", topic, [])]


@pytest.mark.parametrize("content", [b"no zip", archive(**{"..__up": b"x"}), archive(**{".git__config": b"x"})])
def test_a_zip_with_tricks_leaves_no_repository(call: Call, content: bytes) -> None:
    kind = resource_types.all_types()["AWS::CodeCommit::Repository"]
    with pytest.raises(ApiError):
        kind.create(call, request(Code=from_s3(call, content)))
    assert call.client("codecommit").list_repositories()["repositories"] == []
