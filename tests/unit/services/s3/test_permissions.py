"""What S3 asks for beyond the operation's own permission: to tell what is missing, and to carry tags along."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.identity.principals import Principal
from boatyard.settings import Settings

ACCOUNT = "000000000000"
As = Callable[..., Call]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The same settings, with policies enforced."""
    return settings.model_copy(update={"authorization": "enforce"})


@pytest.fixture
def installation(settings: Settings) -> Iterator[Installation]:
    """An installation that enforces policies."""
    opened = Installation(settings)
    yield opened
    opened.close()


@pytest.fixture
def bucket(call: Call) -> str:
    """A versioned bucket with a tagged object, and one that was deleted."""
    call.invoke("s3", "CreateBucket", Bucket="box")
    call.invoke("s3", "PutBucketVersioning", Bucket="box", VersioningConfiguration={"Status": "Enabled"})
    call.invoke("s3", "PutObject", Bucket="box", Key="tagged", Body=b"x", Tagging="a=1")
    call.invoke("s3", "PutObject", Bucket="box", Key="plain", Body=b"x")
    call.invoke("s3", "PutObject", Bucket="box", Key="deleted", Body=b"x")
    call.invoke("s3", "DeleteObject", Bucket="box", Key="deleted")
    return "box"


@pytest.fixture
def user(call: Call, bucket: str) -> As:
    """Calls of a user who may do these actions: user("s3:GetObject")."""
    made = call.invoke("iam", "CreateUser", UserName="ana")["User"]

    def acting(*actions: str) -> Call:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": ["arn:aws:s3:::box", "arn:aws:s3:::box/*"]}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        call.invoke("iam", "PutUserPolicy", UserName="ana", PolicyName="p", PolicyDocument=document)
        return replace(call, principal=Principal.of_user(ACCOUNT, "/", "ana", made["UserId"]))

    return acting


def refusal(call: Call, operation: str, **params: Any) -> tuple[str, int | None, str]:
    """The error of a call that must fail."""
    with pytest.raises(ApiError) as refused:
        call.invoke("s3", operation, **params)
    return refused.value.code, refused.value.status, refused.value.message


READS: list[tuple[str, dict[str, Any]]] = [
    ("GetObject", {}),
    ("HeadObject", {}),
    ("GetObjectAttributes", {"ObjectAttributes": ["ETag"]}),
]
READ = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes")


@pytest.mark.parametrize(("operation", "more"), READS)
@pytest.mark.parametrize("key", ["missing", "deleted"])
@pytest.mark.parametrize("version", [{}, {"VersionId": "none"}])
def test_what_is_missing_is_told_only_to_those_who_may_list(
    user: As, operation: str, more: dict[str, Any], key: str, version: dict[str, str]
) -> None:
    asked = {"Bucket": "box", "Key": key, **version, **more}
    code, status, message = refusal(user(*READ), operation, **asked)
    assert (code, status) == ("AccessDenied", 403)
    assert 's3:ListBucket on resource: "arn:aws:s3:::box"' in message
    code, status, _ = refusal(user(*READ, "s3:ListBucket"), operation, **asked)
    assert (code, status) == ("NoSuchVersion" if version else "NoSuchKey", 404)


def test_a_copy_of_what_is_missing_is_told_of_as_reading_it(user: As) -> None:
    copy = {"Bucket": "box", "Key": "copy", "CopySource": "box/missing"}
    assert refusal(user("s3:GetObject", "s3:PutObject"), "CopyObject", **copy)[0] == "AccessDenied"
    assert refusal(user("s3:GetObject", "s3:PutObject", "s3:ListBucket"), "CopyObject", **copy)[0] == "NoSuchKey"


def test_tags_are_carried_along_by_those_who_may_read_and_put_them(call: Call, user: As) -> None:
    copy, both = {"Bucket": "box", "Key": "copy"}, ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject")
    user(*both).invoke("s3", "CopyObject", **copy, CopySource="box/plain")
    user(*both).invoke("s3", "CopyObject", **copy, CopySource="box/tagged", TaggingDirective="REPLACE")
    assert "s3:GetObjectTagging on" in refusal(user(*both), "CopyObject", **copy, CopySource="box/tagged")[2]
    reads = (*both, "s3:GetObjectTagging")
    assert "s3:PutObjectTagging on" in refusal(user(*reads), "CopyObject", **copy, CopySource="box/tagged")[2]
    user(*reads, "s3:PutObjectTagging").invoke("s3", "CopyObject", **copy, CopySource="box/tagged")
    assert call.invoke("s3", "GetObjectTagging", **copy)["TagSet"] == [{"Key": "a", "Value": "1"}]
    version = call.invoke("s3", "HeadObject", Bucket="box", Key="tagged")["VersionId"]
    chosen = user(*reads, "s3:PutObjectTagging")
    said = refusal(chosen, "CopyObject", **copy, CopySource=f"box/tagged?versionId={version}")[2]
    assert "s3:GetObjectVersionTagging on" in said
