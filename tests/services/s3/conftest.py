"""What the tests of S3 share: a client and a bucket of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import unique


@pytest.fixture(scope="session")
def s3(client: Callable[..., Any]) -> Any:
    """boto3's S3 client."""
    return client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    """The name of a new bucket."""
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    """The name of a new bucket that keeps versions."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture(scope="session")
def refused() -> Callable[..., dict[str, Any]]:
    """Calls a method that must fail: refused("NoSuchKey", s3.get_object, Bucket=...) answers boto3's response."""

    def call(code: str, method: Callable[..., Any], **params: Any) -> dict[str, Any]:
        with pytest.raises(ClientError) as raised:
            method(**params)
        response: dict[str, Any] = dict(raised.value.response)
        assert response["Error"]["Code"] == code, response["Error"]
        return response

    return call
