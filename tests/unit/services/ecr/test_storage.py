"""Storage by content, what is collected, tokens, events, and the CloudFormation type."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from boatyard.api import resource_types
from boatyard.api.call import Call, Client
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import ResourceRequest
from boatyard.services.ecr import tokens
from boatyard.services.ecr.layers import store, uploads
from boatyard.services.ecr.records import CONTENTS, LAYERS, Repository
from boatyard.services.ecr.repositories import tag_is_immutable

from .conftest import NAME, Push


def blobs_on_disk(call: Call) -> int:
    """How many blobs there are."""
    return sum(1 for path in call.installation.blobs.directory.glob("??/*") if path.is_file())


def events(call: Call) -> list[dict[str, Any]]:
    """The details of the events in the outbox, oldest first."""
    with call.installation.database.reading() as rx:
        rows = rx.execute("SELECT event FROM events_outbox ORDER BY position").fetchall()
    return [json.loads(row["event"])["detail"] for row in rows]


def test_the_same_content_is_kept_once(push: Push, call: Call, ecr: Client) -> None:
    push("one", b"layer")
    push("two", b"layer")
    assert blobs_on_disk(call) == 2
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "one"}, {"imageTag": "two"}])
    assert blobs_on_disk(call) == 0


def test_layers_that_no_image_needs_are_collected_after_a_day(
    push: Push, call: Call, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = push("one", b"layer").layers
    upload = uploads.uploads(call.installation).begin(repository)
    upload.write(b"lonely")
    lonely = "sha256:e6b55d9e7b5a0d2ffd5c9d9a6b8a0b8a"
    with pytest.raises(uploads.WrongDigest) as wrong:
        uploads.uploads(call.installation).finish(upload, lonely)
    upload = uploads.uploads(call.installation).begin(repository)
    upload.write(b"lonely")
    lonely = uploads.uploads(call.installation).finish(upload, str(wrong.value)).digest
    store.collect(call.installation)
    with call.installation.database.reading() as rx:
        assert store.find(rx, repository, lonely) is not None
    monkeypatch.setattr(store, "UNREFERENCED_AGE", timedelta(0))
    store.collect(call.installation)
    with call.installation.database.reading() as rx:
        assert sorted(layer.digest for layer in LAYERS.select(rx)) == sorted(needed)
        assert len(CONTENTS.select(rx)) == 2


def test_an_upload_that_nobody_touches_ends(
    call: Call, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = uploads.uploads(call.installation)
    upload = active.begin(repository)
    active.expire()
    assert active.get(repository, upload.id) is upload
    monkeypatch.setattr(uploads, "IDLE_SECONDS", -1.0)
    active.expire()
    with pytest.raises(uploads.UploadMissing):
        active.get(repository, upload.id)
    assert list(call.installation.blobs.temporary.iterdir()) == []


def test_pushes_and_deletions_are_events(push: Push, call: Call, ecr: Client) -> None:
    image = push("v1", b"layer")
    push("v1", b"layer")
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    found = [(one["action-type"], one["image-tag"], one["image-digest"], one["result"]) for one in events(call)]
    assert found == [("PUSH", "v1", image.digest, "SUCCESS"), ("DELETE", "v1", image.digest, "SUCCESS")]


def test_a_token_is_good_until_its_time_and_cannot_be_made_up(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    password, _ = tokens.issue(call)
    token = tokens.read(call.installation, password)
    assert token is not None
    assert (token.principal, token.region, token.expired) == (call.principal, call.region, False)
    for wrong in ("", "x", "ä", password[:-4], password.swapcase()):
        assert tokens.read(call.installation, wrong) is None
    monkeypatch.setattr(tokens, "LIFETIME", timedelta(seconds=-1))
    old = tokens.read(call.installation, tokens.issue(call)[0])
    assert old is not None
    assert old.expired


@pytest.mark.parametrize(
    ("mutability", "exclusions", "tag", "expected"),
    [
        ("MUTABLE", [], "v1", False),
        ("IMMUTABLE", [], "v1", True),
        ("IMMUTABLE_WITH_EXCLUSION", ["dev-*"], "dev-1", False),
        ("IMMUTABLE_WITH_EXCLUSION", ["dev-*"], "v1", True),
        ("MUTABLE_WITH_EXCLUSION", ["v*"], "v1", True),
        ("MUTABLE_WITH_EXCLUSION", ["v*"], "dev", False),
    ],
)
def test_which_tags_may_not_be_moved(
    repository: Repository, mutability: str, exclusions: list[str], tag: str, expected: bool
) -> None:
    changed = msgspec.structs.replace(repository, mutability=mutability, exclusions=exclusions)
    assert tag_is_immutable(changed, tag) is expected


def test_the_resource_type_makes_changes_and_deletes_a_repository(call: Call, ecr: Client) -> None:
    kind = resource_types.all_types()["AWS::ECR::Repository"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}]}
    properties: dict[str, Any] = {
        "RepositoryPolicyText": policy,
        "ImageTagMutability": "IMMUTABLE",
        "ImageScanningConfiguration": {"ScanOnPush": "true"},
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    request = ResourceRequest("Images", "Stack", "arn:stack", properties, "token")
    state = kind.create(call, request)
    name = state.physical_id
    assert name.startswith("stack-images-")
    assert state.attributes["Arn"].endswith(f":repository/{name}")
    described = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    assert (described["imageTagMutability"], described["imageScanningConfiguration"]) == (
        "IMMUTABLE",
        {"scanOnPush": True},
    )
    assert json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"]) == policy
    changed = replace(request, physical_id=name, properties={"EmptyOnDelete": True}, previous=properties)
    kind.update(call, changed)
    with pytest.raises(ApiError, match="RepositoryPolicyNotFound"):
        ecr.get_repository_policy(repositoryName=name)
    assert ecr.list_tags_for_resource(resourceArn=state.attributes["Arn"])["tags"] == []
    kind.delete(call, changed)
    kind.delete(call, changed)
    with pytest.raises(ApiError, match="does not exist"):
        ecr.describe_repositories(repositoryNames=[name])
