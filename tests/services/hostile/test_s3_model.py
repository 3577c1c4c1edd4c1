"""S3 against a model of itself: a dictionary of keys, whatever they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.server import RunningServer, unique
from tests.services.hostile.names import attempt, pieces

keys = st.lists(pieces, min_size=1, max_size=4).map("/".join).filter(lambda key: 0 < len(key.encode()) <= 1024)
bodies = st.binary(max_size=30)
metadata = st.dictionaries(
    st.text("abcdefgh-_0123", min_size=1, max_size=8),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12).map(str.strip),
    max_size=2,
)


@dataclass
class Version:
    """One version of an object; a delete marker has no body."""

    number: str
    body: bytes | None
    metadata: dict[str, str] = field(default_factory=dict)


def rolled(found: list[str], prefix: str, delimiter: str) -> list[tuple[str, bool]]:
    """What a listing has: keys, and common prefixes (True), in the order of their bytes."""
    listed: list[tuple[str, bool]] = []
    for key in sorted(found, key=str.encode):
        if not key.startswith(prefix):
            continue
        place = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = (key[: place + len(delimiter)], True) if place >= 0 else (key, False)
        if entry not in listed:
            listed.append(entry)
    return listed


def machine(s3: Any, steps: list[int]) -> type[RuleBasedStateMachine]:
    """The state machine over one client."""

    class Bucket(RuleBasedStateMachine):
        known = Bundle("known")

        def __init__(self) -> None:
            super().__init__()
            self.model: dict[str, list[Version]] = {}
            self.bucket = unique("model")

        @initialize()
        def create(self) -> None:
            s3.create_bucket(Bucket=self.bucket)
            s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

        def current(self, key: str) -> Version | None:
            versions = self.model.get(key)
            return versions[0] if versions and versions[0].body is not None else None

        def add(self, key: str, version: Version) -> None:
            self.model.setdefault(key, []).insert(0, version)
            steps.append(1)

        @rule(target=known, key=keys, body=bodies, metadata=metadata)
        def put(self, key: str, body: bytes, metadata: dict[str, str]) -> str:
            answer = s3.put_object(Bucket=self.bucket, Key=key, Body=body, Metadata=metadata)
            self.add(key, Version(answer["VersionId"], body, metadata))
            return key

        @rule(target=known, key=keys, body=bodies)
        def put_in_parts(self, key: str, body: bytes) -> str:
            upload = s3.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
            where = {"Bucket": self.bucket, "Key": key, "UploadId": upload}
            etag = s3.upload_part(**where, PartNumber=1, Body=body)["ETag"]
            listed = s3.list_multipart_uploads(Bucket=self.bucket, EncodingType="url")["Uploads"]
            assert [each["UploadId"] for each in listed] == [upload]
            parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
            answer = s3.complete_multipart_upload(**where, MultipartUpload=parts)
            self.add(key, Version(answer["VersionId"], body))
            return key

        @rule(target=known, source=known, key=keys)
        def copy(self, source: str, key: str) -> str:
            found = self.current(source)
            code, answer = attempt(
                s3.copy_object, Bucket=self.bucket, Key=key, CopySource={"Bucket": self.bucket, "Key": source}
            )
            if found is None:
                assert code == "NoSuchKey"
            elif source == key:
                assert code == "InvalidRequest"
            else:
                assert code == ""
                self.add(key, Version(answer["VersionId"], found.body, found.metadata))
            return key

        @rule(key=known)
        def delete(self, key: str) -> None:
            self.add(key, Version(s3.delete_object(Bucket=self.bucket, Key=key)["VersionId"], None))

        @rule(key=known, data=st.data())
        def delete_a_version(self, key: str, data: st.DataObject) -> None:
            versions = self.model.get(key)
            if versions:
                chosen = versions.pop(data.draw(st.integers(0, len(versions) - 1)))
                s3.delete_object(Bucket=self.bucket, Key=key, VersionId=chosen.number)

        @rule(key=known | keys)
        def get(self, key: str) -> None:
            found = self.current(key)
            code, answer = attempt(s3.get_object, Bucket=self.bucket, Key=key)
            assert code == ("" if found else "NoSuchKey")
            if found:
                assert (answer["Body"].read(), answer["Metadata"]) == (found.body, found.metadata)
                assert answer["VersionId"] == found.number

        @rule(key=known, data=st.data(), delimiter=st.sampled_from(["", "/", "a", "..", "/.", "\n", "ü"]))
        def list(self, key: str, data: st.DataObject, delimiter: str) -> None:
            prefix = key[: data.draw(st.integers(0, len(key)))]
            size = data.draw(st.sampled_from([1, 2, 3, 1000]))
            operation = data.draw(st.sampled_from(["list_objects", "list_objects_v2"]))
            wanted = rolled([each for each in self.model if self.current(each)], prefix, delimiter)
            found = []
            asked = {"Bucket": self.bucket, "Prefix": prefix, "Delimiter": delimiter}
            for page in s3.get_paginator(operation).paginate(**asked, PaginationConfig={"PageSize": size}):
                listed = [(each["Key"], False) for each in page.get("Contents", [])]
                listed += [(each["Prefix"], True) for each in page.get("CommonPrefixes", [])]
                assert len(listed) <= size
                found += sorted(listed, key=lambda entry: entry[0].encode())
            assert found == wanted

        @rule(size=st.sampled_from([1, 2, 1000]))
        def list_versions(self, size: int) -> None:
            found: dict[str, list[tuple[str, bool]]] = {}
            pages = s3.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self.bucket, PaginationConfig={"PageSize": size}):
                entries = [(each, False) for each in page.get("Versions", [])]
                entries += [(each, True) for each in page.get("DeleteMarkers", [])]
                assert len(entries) <= size
                for each, marker in entries:
                    found.setdefault(each["Key"], []).append((each["VersionId"], marker))
                    assert each["IsLatest"] == (self.model[each["Key"]][0].number == each["VersionId"])
            wanted = {key: {(each.number, each.body is None) for each in of} for key, of in self.model.items() if of}
            assert {key: set(of) for key, of in found.items()} == wanted

        @invariant()
        def the_first_object_is_there(self) -> None:
            key = next(iter(self.model), None)
            found = self.current(key) if key is not None else None
            if found is not None and found.body is not None:
                assert s3.head_object(Bucket=self.bucket, Key=key)["ContentLength"] == len(found.body)

    return Bucket


def test_s3_is_a_dictionary_of_versions_under_any_key(raw: Callable[[str], Any], server: RunningServer) -> None:
    steps: list[int] = []
    profile = settings(settings(), max_examples=max(5, settings().max_examples // 4), stateful_step_count=20)
    run_state_machine_as_test(machine(raw("s3"), steps), settings=profile)
    assert len(steps) > 20


@pytest.mark.parametrize("length", [1024, 1025])
@pytest.mark.parametrize("letter", ["a", "ü", "😀", "/", "."])
def test_a_key_has_at_most_1024_bytes(raw: Callable[[str], Any], length: int, letter: str) -> None:
    s3, bucket = raw("s3"), unique("long")
    s3.create_bucket(Bucket=bucket)
    key = letter * (length // len(letter.encode()))
    key += "k" * (length - len(key.encode()))
    code, answer = attempt(s3.put_object, Bucket=bucket, Key=key, Body=b"x")
    if length > 1024:
        assert (code, answer["Error"]["MaxSizeAllowed"]) == ("KeyTooLongError", "1024")
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    else:
        assert code == ""
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"x"
        assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


@pytest.mark.parametrize("key", ["a\x01b", "\uffff", "\ufffe/..", "\r", "a\x00"])
def test_answers_about_keys_that_xml_cannot_hold_can_be_read(raw: Callable[[str], Any], key: str) -> None:
    s3, bucket = raw("s3"), unique("readable")
    s3.create_bucket(Bucket=bucket)
    assert attempt(s3.get_object, Bucket=bucket, Key=key)[0] == "NoSuchKey"
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    assert s3.list_parts(Bucket=bucket, Key=key, UploadId=upload)["UploadId"] == upload
    s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
