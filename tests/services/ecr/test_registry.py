"""The registry's protocol against a real server: what the OCI Distribution Specification promises."""

import json
import os
import uuid
from typing import Any

import pytest
import requests

from tests.server import RunningServer, unique
from tests.services.ecr.registry_client import (
    EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    Registry,
    descriptor,
    digest_of,
    layer_of,
    manifest_of,
)


def test_without_a_password_the_registry_challenges(registry: Registry) -> None:
    answer = requests.get(f"{registry.base}/v2/", timeout=120)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"
    wrong = requests.get(f"{registry.base}/v2/", auth=("AWS", "wrong"), timeout=120)
    assert wrong.status_code == 401
    assert registry.ask("GET", "/v2/").status_code == 200


def test_an_image_is_pushed_and_pulled_by_tag_and_by_digest(registry: Registry, ecr: Any) -> None:
    layer = layer_of(train=b"#!/bin/sh\n")
    digest = registry.push_image("latest", layer)
    for reference in ("latest", digest):
        got = registry.ask("GET", f"manifests/{reference}")
        assert got.content == manifest_of(EMPTY, layer)
        assert (got.headers["Content-Type"], got.headers["Docker-Content-Digest"]) == (OCI_MANIFEST, digest)
        head = registry.ask("HEAD", f"manifests/{reference}")
        assert (head.content, head.headers["Content-Length"]) == (b"", str(len(got.content)))
    blob = registry.ask("GET", f"blobs/{digest_of(layer)}")
    assert blob.content == layer
    part = registry.ask("GET", f"blobs/{digest_of(layer)}", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, layer[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(layer)}"
    detail = ecr.describe_images(repositoryName=registry.repository)["imageDetails"][0]
    assert (detail["imageDigest"], detail["imageTags"]) == (digest, ["latest"])
    assert detail["imageSizeInBytes"] == len(layer) + len(EMPTY)


def test_a_blob_comes_in_pieces_that_must_follow_one_another(registry: Registry) -> None:
    content = os.urandom(3_000_000)
    begun = registry.ask("POST", "blobs/uploads/")
    assert begun.status_code == 202
    place = begun.headers["Location"]
    half = len(content) // 2
    first = registry.ask("PATCH", place, data=content[:half], headers={"Content-Range": f"0-{half - 1}"})
    assert (first.status_code, first.headers["Range"]) == (202, f"0-{half - 1}")
    gap = registry.ask("PATCH", place, data=b"x", headers={"Content-Range": f"{half + 5}-{half + 5}"})
    assert registry.error(gap) == (416, "BLOB_UPLOAD_INVALID")
    where = registry.ask("GET", place)
    assert (where.status_code, where.headers["Range"]) == (204, f"0-{half - 1}")
    # A body of unknown length, as docker sends it.
    rest = registry.ask("PATCH", place, data=iter([content[half:-10], content[-10:]]))
    assert rest.headers["Range"] == f"0-{len(content) - 1}"
    done = registry.ask("PUT", place, params={"digest": digest_of(content)})
    assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest_of(content))
    assert registry.ask("GET", done.headers["Location"]).content == content
    assert registry.error(registry.ask("PATCH", place, data=b"x")) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_wrong_digest_is_refused_and_nothing_is_kept(registry: Registry) -> None:
    wrong = digest_of(b"another")
    answer = registry.ask("POST", "blobs/uploads/", params={"digest": wrong}, data=b"content")
    assert registry.error(answer) == (400, "DIGEST_INVALID")
    assert registry.ask("HEAD", f"blobs/{wrong}").status_code == 404
    assert registry.ask("HEAD", f"blobs/{digest_of(b'content')}").status_code == 404
    for bad in ("sha256:xyz", "md5:aa", "..%2e"):
        assert registry.error(registry.ask("GET", f"blobs/{bad}")) == (400, "DIGEST_INVALID")


def test_a_blob_is_mounted_from_another_repository(registry: Registry, ecr: Any) -> None:
    content = os.urandom(1000)
    digest = registry.push_blob(content)
    other = Registry(registry.base, f"other-{uuid.uuid4().hex[:8]}", registry.password)
    ecr.create_repository(repositoryName=other.repository)
    assert other.ask("HEAD", f"blobs/{digest}").status_code == 404
    mounted = other.ask("POST", "blobs/uploads/", params={"mount": digest, "from": registry.repository})
    assert mounted.status_code == 201
    # The content stays while one repository has it.
    ecr.delete_repository(repositoryName=registry.repository, force=True)
    assert other.ask("GET", f"blobs/{digest}").content == content
    missing = other.ask("POST", "blobs/uploads/", params={"mount": digest_of(b"no"), "from": other.repository})
    assert missing.status_code == 202


def test_manifests_that_are_wrong_are_refused(registry: Registry) -> None:
    layer = layer_of(a=b"1")
    unknown = registry.push_manifest("one", manifest_of(EMPTY, layer))
    assert registry.error(unknown) == (400, "MANIFEST_BLOB_UNKNOWN")
    for content in (b"not json", b"[]", b'{"schemaVersion": 1}', json.dumps({"schemaVersion": 2}).encode()):
        assert registry.error(registry.push_manifest("one", content)) == (400, "MANIFEST_INVALID")
    registry.push_blob(EMPTY)
    assert registry.error(registry.push_manifest(digest_of(b"x"), manifest_of(EMPTY))) == (400, "DIGEST_INVALID")
    assert registry.error(registry.push_manifest("bad tag", manifest_of(EMPTY))) == (400, "TAG_INVALID")
    assert registry.error(registry.ask("GET", "manifests/nothing")) == (404, "MANIFEST_UNKNOWN")
    missing = Registry(registry.base, "is/not/there", registry.password)
    assert missing.error(missing.ask("POST", "blobs/uploads/")) == (404, "NAME_UNKNOWN")


def test_an_index_needs_its_images_and_keeps_them(registry: Registry) -> None:
    image = manifest_of(EMPTY)
    index = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(image, OCI_MANIFEST)]}
    ).encode()
    assert registry.error(registry.push_manifest("all", index, OCI_INDEX)) == (400, "MANIFEST_BLOB_UNKNOWN")
    registry.push_image("one")
    assert registry.push_manifest("all", index, OCI_INDEX).status_code == 201
    assert registry.error(registry.ask("DELETE", f"manifests/{digest_of(image)}")) == (405, "UNSUPPORTED")
    assert registry.ask("DELETE", "manifests/all").status_code == 202
    assert registry.ask("DELETE", f"manifests/{digest_of(image)}").status_code == 202
    assert registry.ask("GET", "manifests/one").status_code == 404


def test_tags_are_listed_in_pages(registry: Registry) -> None:
    for tag in ("c", "a", "b"):
        registry.push_image(tag)
    assert registry.ask("GET", "tags/list").json() == {"name": registry.repository, "tags": ["a", "b", "c"]}
    page = registry.ask("GET", "tags/list", params={"n": 2})
    assert page.json()["tags"] == ["a", "b"]
    following = registry.ask("GET", page.links["next"]["url"])
    assert (following.json()["tags"], following.links) == (["c"], {})


def test_referrers_of_an_image_are_found_by_type(registry: Registry) -> None:
    digest = registry.push_image("subject", layer_of(a=b"1"))
    subject = descriptor(manifest_of(EMPTY, layer_of(a=b"1")), OCI_MANIFEST)
    for kind in ("application/x.sbom", "application/x.signature"):
        artifact = manifest_of(EMPTY, artifactType=kind, subject=subject)
        pushed = registry.push_manifest(digest_of(artifact), artifact)
        assert (pushed.status_code, pushed.headers["OCI-Subject"]) == (201, digest)
    found = registry.ask("GET", f"referrers/{digest}")
    assert found.headers["Content-Type"] == OCI_INDEX
    assert {one["artifactType"] for one in found.json()["manifests"]} == {
        "application/x.sbom",
        "application/x.signature",
    }
    filtered = registry.ask("GET", f"referrers/{digest}", params={"artifactType": "application/x.sbom"})
    assert filtered.headers["OCI-Filters-Applied"] == "artifactType"
    assert len(filtered.json()["manifests"]) == 1
    assert registry.ask("GET", f"referrers/{digest_of(b'none')}").json()["manifests"] == []


def test_an_immutable_tag_is_not_moved(registry: Registry, ecr: Any) -> None:
    registry.push_image("v1", layer_of(a=b"1"))
    ecr.put_image_tag_mutability(repositoryName=registry.repository, imageTagMutability="IMMUTABLE")
    registry.push_blob(layer_of(a=b"2"))
    refused = registry.push_manifest("v1", manifest_of(EMPTY, layer_of(a=b"2")))
    assert registry.error(refused) == (400, "TAG_INVALID")
    assert "cannot be overwritten" in refused.text
    assert registry.push_manifest("v1", manifest_of(EMPTY, layer_of(a=b"1"))).status_code == 201


@pytest.mark.parametrize("path", ["/v2/x/unknown/y", "/v2/../../etc/passwd", "/v2//manifests/x"])
def test_other_addresses_are_answered_with_an_error(registry: Registry, path: str) -> None:
    answer = requests.Request("GET", registry.base, auth=("AWS", registry.password)).prepare()
    answer.url = registry.base + path
    assert registry.session.send(answer, timeout=120).status_code in (400, 404)


def test_a_download_address_works_without_a_password_and_only_for_its_layer(registry: Registry, ecr: Any) -> None:
    layer, other = layer_of(a=b"1"), layer_of(a=b"2")
    registry.push_image("one", layer, other)
    address = ecr.get_download_url_for_layer(repositoryName=registry.repository, layerDigest=digest_of(layer))
    assert requests.get(address["downloadUrl"], timeout=120).content == layer
    stolen = address["downloadUrl"].replace(digest_of(layer), digest_of(other))
    assert requests.get(stolen, timeout=120).status_code == 403


def test_the_registrys_name_says_the_region(server: RunningServer, registry: Registry) -> None:
    name = unique("west")
    server.client("ecr", region="eu-west-1").create_repository(repositoryName=name)
    west = Registry(server.url, name, registry.password)
    assert west.error(west.ask("GET", "tags/list")) == (404, "NAME_UNKNOWN")
    host = "000000000000.dkr.ecr.eu-west-1.amazonaws.com"
    found = west.ask("GET", "tags/list", headers={"Host": host})
    assert found.json() == {"name": name, "tags": []}
    challenge = requests.get(f"{server.url}/v2/", headers={"Host": host}, timeout=120)
    assert challenge.headers["WWW-Authenticate"] == f'Basic realm="https://{host}/",service="ecr.amazonaws.com"'
