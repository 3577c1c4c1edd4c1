"""ECR's API through boto3 against a real server."""

import json
import os
import subprocess
import uuid
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.server import RunningServer
from tests.services.ecr.registry_client import EMPTY, Registry, digest_of, layer_of, manifest_of


def refusal(function: Any, **params: Any) -> str:
    """The code of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        function(**params)
    return str(caught.value.response["Error"]["Code"])


def test_a_repository_is_made_described_and_deleted(ecr: Any) -> None:
    name = f"made-{uuid.uuid4().hex[:8]}"
    made = ecr.create_repository(
        repositoryName=name, tags=[{"Key": "a", "Value": "b"}], imageScanningConfiguration={"scanOnPush": True}
    )["repository"]
    assert made["repositoryUri"] == f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{name}"
    assert made["repositoryArn"] == f"arn:aws:ecr:us-east-1:000000000000:repository/{name}"
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    assert refusal(ecr.create_repository, repositoryName=name) == "RepositoryAlreadyExistsException"
    assert ecr.describe_repositories(repositoryNames=[name])["repositories"] == [made]
    assert ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"] == [{"Key": "a", "Value": "b"}]
    ecr.delete_repository(repositoryName=name)
    assert refusal(ecr.describe_repositories, repositoryNames=[name]) == "RepositoryNotFoundException"


@pytest.mark.parametrize("name", ["UPPER", "a//b", "../up", "-a", "a-", "credentials/x"])
def test_names_that_are_not_allowed_are_refused(ecr: Any, name: str) -> None:
    assert refusal(ecr.create_repository, repositoryName=name) == "InvalidParameterException"


def test_a_repository_with_images_is_deleted_only_by_force(ecr: Any, registry: Registry) -> None:
    registry.push_image("latest")
    name = registry.repository
    assert refusal(ecr.delete_repository, repositoryName=name) == "RepositoryNotEmptyException"
    ecr.delete_repository(repositoryName=name, force=True)
    assert refusal(ecr.list_images, repositoryName=name) == "RepositoryNotFoundException"


def test_the_token_names_the_registry_as_aws_does(ecr: Any) -> None:
    data = ecr.get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == "https://000000000000.dkr.ecr.us-east-1.amazonaws.com"


def test_the_older_get_login_of_the_aws_cli_works(server: RunningServer) -> None:
    done = subprocess.run(
        ["aws", "ecr", "get-login", "--no-include-email"],
        env=server.environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    words = done.stdout.split()
    assert words[:5] == ["docker", "login", "-u", "AWS", "-p"]
    assert words[6:] == ["https://000000000000.dkr.ecr.us-east-1.amazonaws.com"]
    assert requests.get(f"{server.url}/v2/", auth=("AWS", words[5]), timeout=120).status_code == 200


def test_an_image_is_pushed_through_the_api(ecr: Any, name: str) -> None:
    layer = os.urandom(100_000)
    upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
    here = {"repositoryName": name, "uploadId": upload}
    first = ecr.upload_layer_part(**here, partFirstByte=0, partLastByte=59_999, layerPartBlob=layer[:60_000])
    assert first["lastByteReceived"] == 59_999
    assert (
        refusal(ecr.upload_layer_part, **here, partFirstByte=0, partLastByte=0, layerPartBlob=b"x")
        == "InvalidLayerPartException"
    )
    ecr.upload_layer_part(**here, partFirstByte=60_000, partLastByte=99_999, layerPartBlob=layer[60_000:])
    done = ecr.complete_layer_upload(**here, layerDigests=[digest_of(layer)])
    assert done["layerDigest"] == digest_of(layer)
    checked = ecr.batch_check_layer_availability(
        repositoryName=name, layerDigests=[digest_of(layer), digest_of(b"no")]
    )["layers"]
    assert [one["layerAvailability"] for one in checked] == ["AVAILABLE", "UNAVAILABLE"]
    manifest = manifest_of(layer, layer).decode()
    put = ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag="v1")["image"]
    assert put["imageId"] == {"imageDigest": digest_of(manifest.encode()), "imageTag": "v1"}
    again = {"repositoryName": name, "imageManifest": manifest, "imageTag": "v1"}
    assert refusal(ecr.put_image, **again) == "ImageAlreadyExistsException"
    other = {"repositoryName": name, "imageManifest": manifest_of(EMPTY).decode()}
    assert refusal(ecr.put_image, **other) == "LayersNotFoundException"


def test_images_are_got_listed_and_deleted(ecr: Any, registry: Registry) -> None:
    name = registry.repository
    one = registry.push_image("a", layer_of(a=b"1"))
    registry.push_manifest("b", manifest_of(EMPTY, layer_of(a=b"1")))
    two = registry.push_image("c", layer_of(a=b"2"))
    assert {(each["imageDigest"], each["imageTag"]) for each in ecr.list_images(repositoryName=name)["imageIds"]} == {
        (one, "a"),
        (one, "b"),
        (two, "c"),
    }
    got = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "b"}, {"imageTag": "no"}])
    assert got["images"][0]["imageId"] == {"imageDigest": one, "imageTag": "b"}
    assert json.loads(got["images"][0]["imageManifest"])["schemaVersion"] == 2
    assert got["failures"][0]["failureCode"] == "ImageNotFound"
    missing = {"repositoryName": name, "imageIds": [{"imageTag": "no"}]}
    assert refusal(ecr.describe_images, **missing) == "ImageNotFoundException"
    ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "a"}])
    assert registry.ask("HEAD", f"manifests/{one}").status_code == 200
    deleted = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": two}])
    assert deleted["imageIds"] == [{"imageDigest": two, "imageTag": "c"}]
    assert registry.ask("HEAD", f"blobs/{digest_of(layer_of(a=b'2'))}").status_code == 404
    assert registry.ask("HEAD", f"blobs/{digest_of(layer_of(a=b'1'))}").status_code == 200


def test_policies_are_kept_given_and_removed(ecr: Any, name: str) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*"}]})
    assert refusal(ecr.get_repository_policy, repositoryName=name) == "RepositoryPolicyNotFoundException"
    assert refusal(ecr.set_repository_policy, repositoryName=name, policyText="{") == "InvalidParameterException"
    ecr.set_repository_policy(repositoryName=name, policyText=policy)
    assert ecr.get_repository_policy(repositoryName=name)["policyText"] == policy
    ecr.delete_repository_policy(repositoryName=name)
    assert refusal(ecr.get_repository_policy, repositoryName=name) == "RepositoryPolicyNotFoundException"


def test_a_lifecycle_policy_is_checked_and_previewed(ecr: Any, registry: Registry) -> None:
    name = registry.repository
    kept = [registry.push_image(f"v{number}", layer_of(a=bytes([number]))) for number in range(3)]
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2},
        "action": {"type": "expire"},
    }
    text = json.dumps({"rules": [rule]})
    assert refusal(ecr.put_lifecycle_policy, repositoryName=name, lifecyclePolicyText='{"rules": []}' + " " * 100) == (
        "InvalidParameterException"
    )
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)
    assert ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == text
    ecr.start_lifecycle_policy_preview(repositoryName=name)
    preview = ecr.get_lifecycle_policy_preview(repositoryName=name)
    assert (preview["status"], [one["imageDigest"] for one in preview["previewResults"]]) == ("COMPLETE", [kept[0]])
    ecr.delete_lifecycle_policy(repositoryName=name)
    assert refusal(ecr.get_lifecycle_policy, repositoryName=name) == "LifecyclePolicyNotFoundException"
