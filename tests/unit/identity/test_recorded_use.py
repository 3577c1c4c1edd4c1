"""What users and roles ask of policies is counted, kept within bounds, and on disk a second later."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.identity import recorded_use
from boatyard.identity.actions.model import Need
from boatyard.identity.least_privilege.smallest import smallest_policy
from boatyard.identity.principals import Principal
from boatyard.identity.recorded_use import RecordedUse, common_beginnings
from boatyard.identity.records import USES, Role
from boatyard.settings import Settings
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
    monkeypatch.setattr(recorded_use, "ENTRIES", 500)
    recorder = recorded_use.recorded_use(installation)
    for number in range(3000):
        note(recorder, f"arn:aws:s3:::bucket{number}/a/b/{number}")
        note(recorder, "*", f"made:Up{number}", denial="no")
    assert sum(use.times for use in recorder.uses() if use.action == "s3:GetObject") == 3000
    assert len([use for use in recorder.uses() if use.action == "s3:GetObject"]) <= recorded_use.RESOURCES
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


def test_users_are_counted_and_services_are_not(call: Call) -> None:
    ana = Principal.of_user(ACCOUNT, "/", "ana", "AIDA1")
    for principal in (ana, Principal.of_service("events.amazonaws.com", ACCOUNT), Principal.anonymous(ACCOUNT)):
        with pytest.raises(ApiError):
            replace(call, principal=principal).invoke("sns", "Publish", TopicArn="arn:aws:sns:a:1:t", Message="m")
    assert [use.principal for use in recorded_use.recorded_use(call.installation).uses()] == [ana.arn]
