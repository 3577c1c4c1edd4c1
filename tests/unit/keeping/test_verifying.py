"""What `doctor --verify` looks at beside files: records, digests of manifests, counts, keys, and what nobody needs."""

from __future__ import annotations

import os
import time

from boatyard.api.call import Call
from boatyard.api.installation import Installation
from boatyard.keeping.verifying import verify
from boatyard.services.s3.lookup import AREA


def _told(installation: Installation) -> list[str]:
    return [f"{each.level} {each.subject}: {each.text}" for each in verify(installation) if each.level != "ok"]


def test_a_record_that_cannot_be_read_is_named(installation: Installation, call: Call) -> None:
    call.invoke("codecommit", "CreateRepository", repositoryName="code")
    assert _told(installation) == []
    with installation.database.transaction() as tx:
        tx.execute("UPDATE codecommit_repositories SET record = '{}'")
    (told,) = _told(installation)
    assert told.startswith("problem codecommit_repositories 000000000000/us-east-1/code: is a record that cannot be")


def test_a_lost_sealing_key_is_told_by_all_that_it_opens(installation: Installation, call: Call) -> None:
    call.invoke("iam", "CreateUser", UserName="anna")
    key = call.invoke("iam", "CreateAccessKey", UserName="anna")["AccessKey"]["AccessKeyId"]
    call.invoke("s3", "CreateBucket", Bucket="kept")
    call.invoke("s3", "PutObject", Bucket="kept", Key="k", Body=b"x")
    with installation.database.transaction() as tx:
        tx.execute(
            "UPDATE identity_access_keys SET record = json_set(record, '$.secret', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAA')"
        )
        tx.execute(
            "UPDATE s3_objects SET record = json_set(record, '$.encryption.wrapped', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAA')"
        )
    told = _told(installation)
    assert any(f"iam key {key} of anna: cannot be opened" in each for each in told)
    assert any("s3://kept/k: is damaged: the key of a stored object cannot be opened" in each for each in told)


def test_files_that_nothing_refers_to_are_told_of(installation: Installation, call: Call) -> None:
    call.invoke("s3", "CreateBucket", Bucket="kept")
    call.invoke("s3", "PutObject", Bucket="kept", Key="k", Body=b"x" * 100_000)
    blobs = installation.blobs.area(AREA)
    with blobs.writer() as writer:
        writer.write(b"cut off before it was recorded")
        orphan = blobs.path(writer.commit().id)
    assert _told(installation) == [], "what is new may be about to be recorded"
    os.utime(orphan, (time.time() - 7200, time.time() - 7200))
    (told,) = _told(installation)
    assert "1 files" in told
    with installation.database.transaction() as tx:
        tx.execute("UPDATE s3_blobs SET uses = 5")
    assert any("is used 1 times and counted 5 times" in each for each in _told(installation))
