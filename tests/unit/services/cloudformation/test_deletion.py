"""Stacks are deleted in reverse order; what cannot be deleted is told; exports protect what is in use."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.keeping import Policy
from boatyard.api.timestamps import now
from boatyard.services.cloudformation import keeping
from boatyard.services.cloudformation.records import EVENTS, RESOURCES, STACKS
from tests.unit.services.cloudformation.conftest import Cloud, Formation, things


def test_deletion_goes_backwards_and_the_stack_stays_to_be_described(formation: Formation, cloud: Cloud) -> None:
    template = things(A={}, B={"Needed": {"Ref": "A"}}, C={"Needed": {"Ref": "B"}})
    template["Resources"]["A"]["DeletionPolicy"] = "Retain"
    stack_id = formation.create(template)
    assert formation.settled() == "CREATE_COMPLETE"
    cloud.story.clear()
    formation.delete()
    assert formation.settled(stack_id) == "DELETE_COMPLETE"
    assert cloud.story == ["delete C", "delete B"]
    assert len(cloud.things) == 1
    assert ("A", "DELETE_SKIPPED") in formation.events(stack_id)
    with pytest.raises(ApiError, match="Stack with id lab does not exist"):
        formation.stack()
    formation.delete()


def test_what_cannot_be_deleted_is_told_and_can_be_retained(formation: Formation, cloud: Cloud) -> None:
    stack_id = formation.create(things(A={}, B={"Needed": {"Ref": "A"}}, C={}))
    assert formation.settled() == "CREATE_COMPLETE"
    cloud.broken["delete B"] = "it is not empty"
    formation.delete()
    assert formation.settled() == "DELETE_FAILED"
    assert formation.stack()["StackStatusReason"] == "The following resource(s) failed to delete: [B]. "
    assert "it is not empty" in formation.reasons()
    assert sorted(formation.resources()) == ["A", "B"]
    formation.delete(RetainResources=["B"])
    assert formation.settled(stack_id) == "DELETE_COMPLETE"
    assert len(cloud.things) == 1


def test_deleted_stacks_are_forgotten_after_90_days_and_others_are_not(
    formation: Formation, started: Installation
) -> None:
    old, recent = (formation.create(things(A={}), name) for name in ("old", "recent"))
    kept = formation.create(things(A={}), "kept")
    for name, identity in (("old", old), ("recent", recent)):
        formation.settled(name)
        formation.delete(name)
        assert formation.settled(identity) == "DELETE_COMPLETE"
    formation.settled("kept")
    with started.database.transaction() as tx:
        for identity, days in ((old, 91), (recent, 89), (kept, 91)):
            stack = STACKS.get(tx, "000000000000", "us-east-1", identity)
            assert stack is not None
            STACKS.put(tx, replace(stack, deleted=now() - timedelta(days=days)))
    policy = Policy(unused_seconds=0, build_cache_seconds=0, history_seconds=0)
    for each in keeping.garbage(started, policy):
        each.remove()
    with pytest.raises(ApiError, match="does not exist"):
        formation.stack(old)
    assert formation.stack(recent)["StackStatus"] == "DELETE_COMPLETE"
    assert formation.stack("kept")["StackStatus"] == "CREATE_COMPLETE"
    with started.database.reading() as rx:
        assert not EVENTS.select(rx, {"stack_id": old})
        assert not RESOURCES.select(rx, {"stack_id": old})
        assert EVENTS.select(rx, {"stack_id": recent})
    assert list(keeping.garbage(started, policy)) == []


def test_a_creation_that_is_under_way_can_be_deleted(formation: Formation, cloud: Cloud) -> None:
    cloud.hold("create A")
    stack_id = formation.create(things(A={}, B={"Needed": {"Ref": "A"}}))
    assert cloud.begun["create A"].wait(60)
    formation.delete()
    cloud.gate["create A"].set()
    assert formation.settled(stack_id) == "DELETE_COMPLETE"
    assert cloud.story == ["create A", "delete A"]


def test_termination_protection(formation: Formation) -> None:
    stack_id = formation.create(things(A={}), EnableTerminationProtection=True)
    assert formation.settled() == "CREATE_COMPLETE"
    with pytest.raises(ApiError, match="TerminationProtection is enabled"):
        formation.delete()
    formation.call.invoke(
        "cloudformation", "UpdateTerminationProtection", StackName="lab", EnableTerminationProtection=False
    )
    formation.delete()
    assert formation.settled(stack_id) == "DELETE_COMPLETE"


def test_an_export_in_use_cannot_go(formation: Formation) -> None:
    producer = things(A={"Value": "1"})
    producer["Outputs"] = {"V": {"Value": {"Fn::GetAtt": ["A", "Value"]}, "Export": {"Name": "shared"}}}
    consumer = things(B={"Value": {"Fn::ImportValue": "shared"}})
    formation.create(producer, "producer")
    assert formation.settled("producer") == "CREATE_COMPLETE"
    consumer_id = formation.create(consumer, "consumer")
    assert formation.settled("consumer") == "CREATE_COMPLETE"
    assert formation.call.invoke("cloudformation", "ListImports", ExportName="shared")["Imports"] == ["consumer"]
    exports = formation.call.invoke("cloudformation", "ListExports")["Exports"]
    assert [(each["Name"], each["Value"]) for each in exports] == [("shared", "1")]
    formation.delete("producer")
    assert formation.settled("producer") == "DELETE_FAILED"
    reason = formation.stack("producer")["StackStatusReason"]
    assert reason == "Export shared cannot be deleted as it is in use by consumer"
    formation.delete("consumer")
    assert formation.settled(consumer_id) == "DELETE_COMPLETE"
    formation.delete("producer")
    formation.settled(exports[0]["ExportingStackId"])
    assert formation.call.invoke("cloudformation", "ListExports")["Exports"] == []


def test_an_export_in_use_cannot_change(formation: Formation, cloud: Cloud) -> None:
    producer = things(A={"Value": "1"})
    producer["Outputs"] = {"V": {"Value": {"Fn::GetAtt": ["A", "Value"]}, "Export": {"Name": "shared"}}}
    formation.create(producer, "producer")
    assert formation.settled("producer") == "CREATE_COMPLETE"
    formation.create(things(B={"Value": {"Fn::ImportValue": "shared"}}), "consumer")
    assert formation.settled("consumer") == "CREATE_COMPLETE"
    producer["Resources"]["A"]["Properties"]["Value"] = "2"
    formation.update(producer, "producer")
    assert formation.settled("producer") == "UPDATE_ROLLBACK_COMPLETE"
    assert "Export shared cannot be updated as it is in use by consumer" in formation.reasons("producer")
    assert {"Value": "1"} in cloud.things.values()


def test_an_import_of_nothing_is_refused(formation: Formation) -> None:
    with pytest.raises(ApiError, match="No export named nowhere found"):
        formation.create(things(B={"Value": {"Fn::ImportValue": "nowhere"}}))
