"""What users and roles ask of policies is counted, kept within bounds, and on disk a second later."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.identity import recorded_use, use_counts
from boatyard.identity.actions.model import Need
from boatyard.identity.least_privilege.smallest import smallest_policy
from boatyard.identity.patterns import arn_matches
from boatyard.identity.principals import Principal
from boatyard.identity.recorded_use import RecordedUse
from boatyard.identity.records import USES, Role
from boatyard.identity.use_counts import Count, Counts, common_beginnings
from boatyard.settings import Settings
from boatyard.state.database import Transaction
from tests.unit.identity.conftest import ACCOUNT, trust

BUCKET = "arn:aws:s3:::box"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The same settings, with policies enforced."""
    return settings.model_copy(update={"authorization": "enforce"})


def note(recorder: RecordedUse, resource: str, action: str = "s3:GetObject", denial: str | None = None) -> None:
    recorder.note(ROLE, "AROA1", Need(action, resource), denial)


def told(recorder: RecordedUse) -> dict[str, int]:
    return {use.resource: use.times for use in recorder.uses()}


def test_a_session_is_counted_under_its_role_and_root_not_at_all(
    call: Call, make_role: Callable[..., Role], caplog: pytest.LogCaptureFixture
) -> None:
    allowed = {"Effect": "Allow", "Action": "ssm:PutParameter", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    role = make_role("worker", trust({"Service": "lambda.amazonaws.com"}), inline={"p": document})
    worker = call.assume(role.arn, "lambda.amazonaws.com")
    caplog.set_level(logging.INFO, recorded_use.__name__)
    for caller in (call, worker):
        caller.invoke("ssm", "PutParameter", Name="/a", Value="v", Type="String", Overwrite=True)
    with pytest.raises(ApiError, match="ssm:GetParameter"):
        worker.invoke("ssm", "GetParameter", Name="/a\n")
    uses = recorded_use.recorded_use(call.installation).uses()
    assert [(use.principal, use.identity, use.action, use.allowed, use.times) for use in uses] == [
        (ROLE, role.id, "ssm:GetParameter", False, 1),
        (ROLE, role.id, "ssm:PutParameter", True, 1),
    ]
    assert "because no identity-based policy allows" in (uses[0].reason or "")
    assert [record.getMessage().partition(" is not")[0] for record in caplog.records] == [
        f"Denied: User: arn:aws:sts::{ACCOUNT}:assumed-role/worker/lambda"
    ]
    assert "\n" not in caplog.records[0].getMessage()


def test_what_the_resource_s_policy_gives_is_told_apart(call: Call, make_role: Callable[..., Role]) -> None:
    worker = call.assume(make_role("worker", trust({"Service": "lambda.amazonaws.com"})).arn, "lambda.amazonaws.com")
    topic = call.invoke("sns", "CreateTopic", Name="t")["TopicArn"]
    allowed = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sns:Publish", "Resource": topic}
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    call.invoke("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=document)
    worker.invoke("sns", "Publish", TopicArn=topic, Message="m")
    uses = recorded_use.recorded_use(call.installation).uses(ROLE)
    assert [(use.action, use.allowed, use.by_resource) for use in uses] == [("sns:Publish", True, True)]
    assert smallest_policy(uses)["Statement"] == []


def test_a_role_that_takes_on_another_is_counted_too(call: Call, make_role: Callable[..., Role]) -> None:
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    worker = call.assume(make_role("worker", trust({"Service": "lambda.amazonaws.com"}), inline={"p": document}).arn,
                         "lambda.amazonaws.com")  # fmt: skip
    other = make_role("other", trust({"AWS": ROLE}))
    worker.invoke("sts", "AssumeRole", RoleArn=other.arn, RoleSessionName="me")
    uses = recorded_use.recorded_use(call.installation).uses(ROLE)
    assert [(use.action, use.resource, use.allowed) for use in uses] == [("sts:AssumeRole", other.arn, True)]


def test_counts_are_there_after_a_restart(installation: Installation, settings: Settings) -> None:
    recorder = recorded_use.recorded_use(installation)
    for _ in range(3):
        note(recorder, BUCKET)
    note(recorder, BUCKET, denial="User: ... not authorized")
    before = recorder.uses()
    installation.close()
    again = Installation(settings)
    assert recorded_use.recorded_use(again).uses() == before
    assert [(use.allowed, use.times) for use in before] == [(False, 1), (True, 3)]
    again.close()


def test_counts_are_written_without_being_asked(installation: Installation) -> None:
    recorder = recorded_use.recorded_use(installation)
    note(recorder, BUCKET)
    written = recorder._thread
    assert written is not None
    recorder._ending.set()  # its last write comes at once, not after the second
    recorder._wake.set()
    written.join(60)
    with installation.database.reading() as rx:
        assert [use.resource for use in USES.select(rx)] == [BUCKET]


def test_a_full_disk_delays_the_counts(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_use, "WRITTEN_EVERY", 0.01)
    open_transaction, refused = installation.database.transaction, threading.Event()

    def transaction() -> AbstractContextManager[Transaction]:
        if not refused.is_set():
            refused.set()
            raise sqlite3.OperationalError("database or disk is full")
        return open_transaction()

    monkeypatch.setattr(installation.database, "transaction", transaction)
    recorder = recorded_use.recorded_use(installation)
    note(recorder, BUCKET)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with installation.database.reading() as rx:
            if [use.resource for use in USES.select(rx)] == [BUCKET]:
                break
        time.sleep(0.01)
    else:
        raise AssertionError("the counts were not written in two minutes")
    assert refused.is_set()


def test_many_resources_are_told_as_one(installation: Installation) -> None:
    recorder = recorded_use.recorded_use(installation)
    for number in range(1000):
        note(recorder, f"{BUCKET}/data/{number}")
        note(recorder, f"{BUCKET}/data/{number}", "s3:PutObject")
    for number in range(3):
        note(recorder, f"{BUCKET}/other/{number}")
    assert [(use.action, use.resource, use.times) for use in recorder.uses()] == [
        ("s3:GetObject", f"{BUCKET}/data/*", 1000),
        *(("s3:GetObject", f"{BUCKET}/other/{number}", 1) for number in range(3)),
        ("s3:PutObject", f"{BUCKET}/data/*", 1000),
    ]
    recorder.write()
    with installation.database.reading() as rx:
        assert USES.count(rx) == 5


def test_no_flood_of_names_makes_it_grow(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_counts, "ENTRIES", 500)
    recorder = recorded_use.recorded_use(installation)
    for number in range(3000):
        note(recorder, f"arn:aws:s3:::bucket{number}/a/b/{number}")
        note(recorder, "*", f"made:Up{number}", denial="no")
    assert sum(use.times for use in recorder.uses() if use.action == "s3:GetObject") == 3000
    assert len([use for use in recorder.uses() if use.action == "s3:GetObject"]) <= use_counts.RESOURCES
    assert len(recorder.uses()) <= 500
    recorder.write()
    with installation.database.reading() as rx:
        assert USES.count(rx) == len(recorder.uses())


def test_what_cannot_be_written_as_text_is_still_counted(installation: Installation) -> None:
    recorder = recorded_use.recorded_use(installation)
    note(recorder, f"{BUCKET}/\ud800\0")
    note(recorder, f"{BUCKET}/\ud800\0")
    recorder.write()
    with installation.database.reading() as rx:
        assert [(use.resource, use.times) for use in USES.select(rx)] == [(f"{BUCKET}/?\0", 2)]


def test_common_beginnings_stay_within_service_and_account() -> None:
    roles = {f"arn:aws:iam::{account}:role/{account}" for account in range(100)}
    assert common_beginnings(roles, 10) == []
    assert common_beginnings(roles | {f"{BUCKET}/a/{n}" for n in range(100)}, 10) == [f"{BUCKET}/a/"]
    # None of these is beside another in a folder: they are alike all the same.
    nested = {BUCKET + "/a" * depth for depth in range(20)}
    assert len(nested) - len([name for name in nested if name.startswith(common_beginnings(nested, 5)[0])]) <= 5


def test_users_are_counted_and_services_are_not(call: Call) -> None:
    ana = Principal.of_user(ACCOUNT, "/", "ana", "AIDA1")
    for principal in (ana, Principal.of_service("events.amazonaws.com", ACCOUNT), Principal.anonymous(ACCOUNT)):
        with pytest.raises(ApiError):
            replace(call, principal=principal).invoke("sns", "Publish", TopicArn="arn:aws:sns:a:1:t", Message="m")
    assert [use.principal for use in recorded_use.recorded_use(call.installation).uses()] == [ana.arn]


PARTS = st.lists(st.sampled_from(["a", "b", "c", "1", "2", "x*", ""]), min_size=1, max_size=4).map("/".join)
ARNS = st.one_of(
    st.builds("arn:aws:s3:::{}".format, PARTS), st.builds("arn:aws:sns:r:1:{}".format, PARTS), st.just("*")
)


@given(st.lists(ARNS, max_size=60))
def test_nothing_that_was_counted_is_lost_in_the_telling(resources: list[str]) -> None:
    counts = Counts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(use_counts, "RESOURCES", 6)
        for moment, resource in enumerate(resources):
            counts.add(("AROA1", True, "s3:GetObject", resource), Count(ROLE, 0, moment, moment))
    told = [key[3] for key in counts.by_key]
    assert sum(count.times for count in counts.by_key.values()) == len(resources)
    assert all(any(arn_matches(name, resource) for name in told) for resource in resources)
    assert len(told) <= 6
    assert counts.changed <= counts.by_key.keys()
    assert not counts.removed & counts.by_key.keys()
