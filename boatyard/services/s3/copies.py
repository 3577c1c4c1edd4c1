"""Copying objects within the server: without touching the bytes where the copy can share them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from boatyard.api import tags
from boatyard.api.call import Call, Params
from boatyard.services.s3 import checksums, conditions, encryption
from boatyard.services.s3.checksums import FULL_OBJECT
from boatyard.services.s3.content import ContentStream, ContentWriter
from boatyard.services.s3.description import describe
from boatyard.services.s3.encryption import Choice
from boatyard.services.s3.errors import invalid_argument, invalid_request
from boatyard.services.s3.lookup import blobs, bucket_of, shown_version
from boatyard.services.s3.objects import held, shown_checksums
from boatyard.services.s3.records import Bucket, ObjectVersion
from boatyard.services.s3.writing import PUT_LIMIT, publish, unless_stored


class Source:
    """The object that is copied: looked up, checked against the conditions, its files held."""

    def __init__(self, call: Call, params: Mapping[str, Any]) -> None:
        bucket, key, version_id = parse_source(params["CopySource"])
        named = {"Bucket": bucket, "Key": key, "ExpectedBucketOwner": params.get("ExpectedSourceBucketOwner")}
        if version_id is not None:
            named["VersionId"] = version_id
        call.authorize("s3", "GetObject", {name: value for name, value in named.items() if value is not None})
        self.bucket, self.stored, self.hold = held(call, named)
        self._named: dict[str, Any] = {name: named[name] for name in ("Bucket", "Key", "VersionId") if name in named}
        conditions.check_copy(params, self.version.etag, self.version.modified)
        self._call = call

    @property
    def version(self) -> ObjectVersion:
        """The source's description."""
        return self.stored.version

    def data_key(self) -> bytes:
        """The source's data key; with SSE-KMS only for a caller who may decrypt."""
        assert self.version.encryption is not None
        return encryption.open_key(self._call, self.version.encryption)

    def tags_for(self, params: Params) -> dict[str, str]:
        """The source's tags, for a caller who may read them there and put them here (S3 API, "CopyObject")."""
        if self.version.tags:
            self._call.authorize("s3", "GetObjectTagging", self._named)
            tagging = {"TagSet": tags.to_list(self.version.tags)}
            target = {"Bucket": params["Bucket"], "Key": params["Key"], "Tagging": tagging}
            self._call.authorize("s3", "PutObjectTagging", target)
        return self.version.tags

    def read(self, start: int, stop: int) -> ContentStream:
        """A stretch of the source's bytes."""
        return ContentStream(blobs(self._call), self.data_key(), self.stored, start, stop, self.hold)

    def answer(self) -> dict[str, str]:
        """What a response says about the source."""
        return {"CopySourceVersionId": self.version.version_id} if self.bucket.versioning else {}


def parse_source(source: str | Mapping[str, str]) -> tuple[str, str, str | None]:
    """Bucket, key and version id of a CopySource: BUCKET/KEY?versionId=ID, percent-encoded, or an access point."""
    if isinstance(source, Mapping):
        return source["Bucket"], source["Key"], source.get("VersionId")
    path, _, query = source.partition("?versionId=")
    bucket, slash, key = unquote(path).removeprefix("/").partition("/")
    if bucket.startswith("arn:") or not slash or not bucket or not key:
        message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise invalid_argument(message, ArgumentName="x-amz-copy-source", ArgumentValue=source)
    return bucket, key, unquote(query) if query else None


def copy_object(call: Call, params: Params) -> dict[str, Any]:
    """Copies an object of up to 5 GiB, with its description or a new one (S3 API, "CopyObject")."""
    bucket = bucket_of(call, params)
    source = Source(call, params)
    with source.hold:
        if source.version.size > PUT_LIMIT:
            message = (
                f"The specified copy source is larger than the maximum allowable size for a copy source: {PUT_LIMIT}"
            )
            raise invalid_request(message)
        _refuse_copy_onto_itself(source, params)
        draft = _describe(bucket, source, params)
        choice = encryption.choose(bucket, "CopyObject", params)
        algorithm = params.get("ChecksumAlgorithm")
        if algorithm is not None:
            checksums.check_algorithm(algorithm)
        if _shares(source, algorithm, choice):
            bucket, version = _share(call, source, draft, choice, params)
        else:
            bucket, version = _rewrite(call, source, draft, choice, algorithm, params)
    assert version.encryption is not None
    return {
        "CopyObjectResult": {
            "ETag": f'"{version.etag}"',
            "LastModified": version.modified,
            **shown_checksums(version),
        },
        **source.answer(),
        **shown_version(bucket, version.version_id),
        **encryption.members(version.encryption),
    }


def _shares(source: Source, algorithm: str | None, choice: Choice) -> bool:
    """Whether the copy is the same bytes with the same entity tag and checksum, so that files can be shared."""
    version = source.version
    assert version.encryption is not None
    plain_tag = version.encryption.algorithm == choice.algorithm
    return plain_tag and not version.parts and (algorithm is None or algorithm in version.checksums)


def _share(
    call: Call, source: Source, draft: ObjectVersion, choice: Choice, params: Params
) -> tuple[Bucket, ObjectVersion]:
    """The same files under a second record; its data key sealed anew, as the choice of encryption has it."""
    _, sealed = encryption.seal_key(call, choice, source.data_key(), draft.bucket, draft.key)
    version = source.version
    draft = msgspec.structs.replace(
        draft,
        size=version.size,
        etag=version.etag,
        encryption=sealed,
        checksums=version.checksums,
        checksum_type=version.checksum_type,
    )
    return publish(call, params, draft, source.stored.segments, source.stored.content, "CopyObject")


def _rewrite(
    call: Call, source: Source, draft: ObjectVersion, choice: Choice, algorithm: str | None, params: Params
) -> tuple[Bucket, ObjectVersion]:
    """New files, read from the source and hashed on the way."""
    data_key, sealed = encryption.new_key(call, choice, draft.bucket, draft.key)
    wanted = {algorithm} if algorithm else set(source.version.checksums) or {checksums.DEFAULT}
    writer = ContentWriter(blobs(call), data_key, wanted)
    with unless_stored(call, writer):
        for piece in source.read(0, source.version.size):
            writer.write(piece)
        segment, content = writer.finish()
        draft = msgspec.structs.replace(
            draft,
            size=writer.size,
            etag=encryption.etag(choice, writer.md5),
            encryption=sealed,
            checksums=writer.checksum_values(),
            checksum_type=FULL_OBJECT,
        )
        return publish(call, params, draft, [segment], content, "CopyObject")


def _describe(bucket: Bucket, source: Source, params: Params) -> ObjectVersion:
    """The copy's description: the source's, or the request's where its directives say REPLACE."""
    draft = describe("CopyObject", bucket, params)
    directives = {"MetadataDirective": "COPY", "TaggingDirective": "COPY"}
    for name in directives:
        directives[name] = params.get(name) or "COPY"
        if directives[name] not in ("COPY", "REPLACE"):
            raise invalid_argument("Unknown directive.", ArgumentName=name, ArgumentValue=directives[name])
    if directives["MetadataDirective"] == "COPY":
        draft = msgspec.structs.replace(draft, headers=source.version.headers, metadata=source.version.metadata)
    if directives["TaggingDirective"] == "COPY":
        draft = msgspec.structs.replace(draft, tags=source.tags_for(params))
    return draft


def _refuse_copy_onto_itself(source: Source, params: Params) -> None:
    """A copy onto itself must change something (S3 API, "CopyObject")."""
    if (source.version.bucket, source.version.key) != (params["Bucket"], params["Key"]):
        return
    changes = ("StorageClass", "ServerSideEncryption", "WebsiteRedirectLocation", "SSEKMSKeyId")
    replaced = params.get("MetadataDirective") == "REPLACE" or params.get("TaggingDirective") == "REPLACE"
    restored = parse_source(params["CopySource"])[2] is not None and not source.stored.latest
    if not replaced and not restored and not any(params.get(name) for name in changes):
        message = (
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
        raise invalid_request(message)
