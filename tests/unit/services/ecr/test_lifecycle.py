"""Lifecycle policies: which rules are taken, which images they expire, and that those go."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from boatyard.api.call import Call, Client
from boatyard.services.ecr.images.manifests import OCI_MANIFEST
from boatyard.services.ecr.lifecycle.operations import carry_out
from boatyard.services.ecr.lifecycle.rules import BadPolicy, expired, read
from boatyard.services.ecr.records import Image

from .conftest import NAME, Push

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def rule(priority: int = 1, **selection: Any) -> dict[str, Any]:
    """A rule that keeps one image of any kind, but for the changes."""
    chosen = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1, **selection}
    return {
        "rulePriority": priority,
        "selection": {key: value for key, value in chosen.items() if value is not None},
        "action": {"type": "expire"},
    }


def image(name: str, days: int) -> Image:
    """An image pushed so many days ago."""
    return Image(
        account="0",
        region="r",
        repository="x",
        digest=name,
        media_type=OCI_MANIFEST,
        manifest=b"",
        size=0,
        pushed=NOW - timedelta(days=days),
    )


IMAGES = [
    (image("new", 1), ["prod-2", "latest"]),
    (image("older", 10), ["prod-1"]),
    (image("oldest", 20), ["dev-1"]),
    (image("lost", 15), []),
]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([rule()], ["older", "lost", "oldest"]),
        ([rule(tagStatus="untagged", countType="sinceImagePushed", countUnit="days", countNumber=14)], ["lost"]),
        ([rule(tagStatus="untagged", countType="sinceImagePushed", countUnit="days", countNumber=15)], []),
        ([rule(tagStatus="tagged", tagPrefixList=["prod"])], ["older"]),
        ([rule(tagStatus="tagged", tagPatternList=["*-1"])], ["oldest"]),
        # What the first rule keeps, the second may not expire.
        ([rule(2), rule(1, tagStatus="tagged", tagPrefixList=["prod"], countNumber=5)], ["oldest"]),
    ],
)
def test_rules_expire_the_images_they_select(rules: list[dict[str, Any]], expected: list[str]) -> None:
    found = expired(read(json.dumps({"rules": rules})), IMAGES, NOW)
    assert [one.image.digest for one in found] == expected


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [rule(), rule()],
        [rule(countNumber=0)],
        [rule(tagStatus="tagged")],
        [rule(tagPrefixList=["x"])],
        [rule(countUnit="days")],
        [rule(countType="sinceImagePushed")],
        [rule(tagStatus="some")],
        [{**rule(), "action": {"type": "keep"}}],
        ["text"],
    ],
)
def test_rules_that_are_wrong_are_refused(rules: list[Any]) -> None:
    with pytest.raises(BadPolicy):
        read(json.dumps({"rules": rules}))


def test_what_expires_is_deleted_with_its_layers(ecr: Client, push: Push, call: Call) -> None:
    first, second = push("one", b"1"), push("two", b"2")
    text = json.dumps({"rules": [rule()]})
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
    carry_out(call.installation)
    left = ecr.list_images(repositoryName=NAME)["imageIds"]
    assert left == [{"imageDigest": second.digest, "imageTag": "two"}]
    layers = ecr.batch_check_layer_availability(repositoryName=NAME, layerDigests=[first.layers[1], second.layers[1]])
    assert [one["layerAvailability"] for one in layers["layers"]] == ["UNAVAILABLE", "AVAILABLE"]
    assert "lastEvaluatedAt" in ecr.get_lifecycle_policy(repositoryName=NAME)
