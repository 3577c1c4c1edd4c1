"""Events of reference changes, also of those that the server did not live to write."""

import json
from typing import Any

from boatyard.api.call import Call, Client
from boatyard.api.installation import Installation
from boatyard.services.codecommit import references, triggers
from boatyard.services.codecommit.records import CHANGES, REPOSITORIES, Repository
from boatyard.services.codecommit.references import repository_git

from .test_operations import NAME, commit, events


def stored(call: Call) -> Repository:
    """The record of the repository."""
    with call.installation.database.reading() as rx:
        repository = REPOSITORIES.get(rx, call.account, call.region, NAME)
    assert repository is not None
    return repository


def test_a_change_that_died_before_its_event_is_found_at_the_start(codecommit: Client, call: Call) -> None:
    first = commit(codecommit, {"a": b"1"})
    repository = stored(call)
    git = repository_git(call.installation, repository)
    # As a server leaves it that is killed after git has moved the references.
    references.begin(call.installation, repository, "arn:aws:iam::000000000000:user/ada")
    git.run("update-ref", "refs/tags/v1", first)
    git.run("update-ref", "refs/heads/feature", first)
    before = len(events(call))
    references.resume(call.installation)
    found = [event["detail"] for event in events(call)[before:]]
    assert [(one["event"], one["referenceType"], one["referenceName"]) for one in found] == [
        ("referenceCreated", "branch", "feature"),
        ("referenceCreated", "tag", "v1"),
    ]
    assert {one["callerUserArn"] for one in found} == {"arn:aws:iam::000000000000:user/ada"}
    references.resume(call.installation)
    assert len(events(call)) == before + 2


def test_a_change_that_is_done_is_forgotten(codecommit: Client, call: Call) -> None:
    commit(codecommit, {"a": b"1"})
    with call.installation.database.reading() as rx:
        assert CHANGES.select(rx) == []


def test_the_event_says_what_aws_says(codecommit: Client, call: Call) -> None:
    first = commit(codecommit, {"a": b"1"})
    codecommit.create_branch(repositoryName=NAME, branchName="x/y", commitId=first)
    codecommit.delete_branch(repositoryName=NAME, branchName="x/y")
    event = events(call)[-1]
    assert (event["source"], event["detail-type"]) == ("aws.codecommit", "CodeCommit Repository State Change")
    assert event["resources"] == ["arn:aws:codecommit:us-east-1:000000000000:algorithm"]
    assert event["detail"] == {
        "callerUserArn": call.principal.arn,
        "event": "referenceDeleted",
        "oldCommitId": first,
        "referenceFullName": "refs/heads/x/y",
        "referenceName": "x/y",
        "referenceType": "branch",
        "repositoryId": stored(call).repository_id,
        "repositoryName": NAME,
    }


def test_triggers_tell_their_targets_of_the_changes_they_are_for(
    codecommit: Client, call: Call, monkeypatch: Any
) -> None:
    told: list[tuple[str, str, dict[str, Any]]] = []

    class Recorder:
        def invoke(self, service: str, operation: str, **params: Any) -> None:
            told.append((service, operation, params))

    def service_call(self: Installation, service: str, *_: str) -> Recorder:
        assert service == "codecommit.amazonaws.com"
        return Recorder()

    monkeypatch.setattr(Installation, "service_call", service_call)
    topic = "arn:aws:sns:us-east-1:000000000000:changes"
    function = "arn:aws:lambda:us-east-1:000000000000:function:build"
    codecommit.put_repository_triggers(
        repositoryName=NAME,
        triggers=[
            {"name": "all", "destinationArn": topic, "customData": "c", "branches": [], "events": ["all"]},
            {"name": "new", "destinationArn": function, "branches": ["main"], "events": ["createReference"]},
            {"name": "gone", "destinationArn": function, "branches": [], "events": ["deleteReference"]},
        ],
    )
    first = commit(codecommit, {"a": b"1"})
    triggers.fire(call.installation, events(call)[-1]["detail"], call.account, call.region)
    assert [(service, operation) for service, operation, _ in told] == [("sns", "Publish"), ("lambda", "Invoke")]
    record = json.loads(told[0][2]["Message"])["Records"][0]
    assert record["codecommit"]["references"] == [{"ref": "refs/heads/main", "commit": first, "created": True}]
    assert (record["eventTriggerName"], record["customData"]) == ("all", "c")
    assert told[1][2]["InvocationType"] == "Event"
