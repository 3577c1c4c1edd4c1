"""How SageMaker's S3 URIs and keys become places on disk."""

from __future__ import annotations

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.sagemaker import s3_locations


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("s3://data/train/", ("data", "train/")),
        ("s3://data", ("data", "")),
        ("https://s3.amazonaws.com/data/a b.csv", ("data", "a b.csv")),
        ("https://s3-eu-west-1.amazonaws.com/data/x", ("data", "x")),
        ("https://data.s3.us-east-1.amazonaws.com/x/y", ("data", "x/y")),
    ],
)
def test_uris_name_a_bucket_and_a_key(uri: str, place: tuple[str, str]) -> None:
    assert s3_locations.parse(uri, "S3Uri") == place


def test_other_uris_are_refused() -> None:
    with pytest.raises(ApiError, match="is no S3 URI"):
        s3_locations.parse("http://example.com/x", "S3Uri")


@pytest.mark.parametrize(
    ("prefix", "key", "path"),
    [
        ("train/", "train/a.csv", "a.csv"),
        ("train/", "train/sub/a.csv", "sub/a.csv"),
        ("train", "train/a.csv", "a.csv"),
        ("data/tr", "data/train/a.csv", "train/a.csv"),
        ("tr", "train/a.csv", "train/a.csv"),
        ("data/a.csv", "data/a.csv", "a.csv"),
        ("", "x/a.csv", "x/a.csv"),
    ],
)
def test_keys_lie_below_the_channel_as_on_aws(prefix: str, key: str, path: str) -> None:
    assert str(s3_locations.relative_path(key, prefix)) == path


def test_folder_markers_are_no_files() -> None:
    assert s3_locations.relative_path("train/", "train/") is None


@pytest.mark.parametrize("key", ["train/../../etc/passwd", "train//a", "train/./a", "train/" + "x" * 256])
def test_keys_that_could_leave_the_channel_are_refused(key: str) -> None:
    with pytest.raises(s3_locations.UnsafeKey):
        s3_locations.relative_path(key, "train/")
