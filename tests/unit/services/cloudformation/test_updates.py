"""Updates change what differs, replace what must be, clean up, and roll back."""

from __future__ import annotations

import pytest

from boatyard.api.errors import ApiError
from tests.unit.services.cloudformation.conftest import Cloud, Formation, things


def test_only_what_differs_is_touched(formation: Formation, cloud: Cloud) -> None:
    formation.create(things(A={"Value": "1"}, B={"Value": "1"}))
    assert formation.settled() == "CREATE_COMPLETE"
    before = formation.resources()
    formation.update(things(A={"Value": "2"}, B={"Value": "1"}, C={}))
    assert formation.settled() == "UPDATE_COMPLETE"
    assert sorted(cloud.story[2:]) == ["create C", "update A"]
    assert formation.resources()["A"] == before["A"]
    assert cloud.things[before["A"]] == {"Value": "2"}
    with pytest.raises(ApiError) as caught:
        formation.update(things(A={"Value": "2"}, B={"Value": "1"}, C={}))
    assert (caught.value.code, caught.value.message) == ("ValidationError", "No updates are to be performed.")


def test_replacement_creates_first_and_deletes_in_the_clean_up(formation: Formation, cloud: Cloud) -> None:
    formation.create(things(A={"Kind": "x"}, B={"Value": {"Ref": "A"}}, Old={"Needed": {"Ref": "A"}}))
    assert formation.settled() == "CREATE_COMPLETE"
    old = formation.resources()["A"]
    cloud.story.clear()
    formation.update(things(A={"Kind": "y"}, B={"Value": {"Ref": "A"}}))
    assert formation.settled() == "UPDATE_COMPLETE"
    new = formation.resources()["A"]
    assert new != old
    assert cloud.story == ["create A", "update B", "delete Old", "delete A"]
    assert cloud.things == {new: {"Kind": "y"}, formation.resources()["B"]: {"Value": new}}
    statuses = [event for event in formation.events() if event[0] == "lab"]
    assert statuses[-2:] == [("lab", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), ("lab", "UPDATE_COMPLETE")]


def test_a_failed_update_brings_everything_back(formation: Formation, cloud: Cloud) -> None:
    formation.create(things(A={"Kind": "x", "Value": "1"}, B={"Value": "1"}, C={"Value": "1"}))
    assert formation.settled() == "CREATE_COMPLETE"
    resources, made = formation.resources(), dict(cloud.things)
    cloud.broken_once["update C"] = "not today"
    formation.update(
        things(
            A={"Kind": "y"},
            B={"Value": "2", "Needed": {"Ref": "A"}},
            C={"Value": "2", "Needed": {"Ref": "New"}},
            New={"Needed": {"Ref": "B"}},
        )
    )
    assert formation.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert formation.resources() == resources
    assert cloud.things == made
    assert "The following resource(s) failed to update: [C]. " in formation.reasons()
    formation.update(things(A={"Kind": "x", "Value": "1"}, B={"Value": "3"}))
    assert formation.settled() == "UPDATE_COMPLETE"


def test_a_rollback_that_fails_can_be_continued(formation: Formation, cloud: Cloud) -> None:
    formation.create(things(A={"Value": "1"}))
    assert formation.settled() == "CREATE_COMPLETE"
    cloud.broken["update A"] = "stuck"
    formation.update(things(A={"Value": "2"}))
    assert formation.settled() == "UPDATE_ROLLBACK_FAILED"
    cloud.broken.clear()
    formation.call.invoke("cloudformation", "ContinueUpdateRollback", StackName="lab")
    assert formation.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert list(cloud.things.values()) == [{"Value": "1"}]


def test_an_update_can_be_cancelled(formation: Formation, cloud: Cloud) -> None:
    formation.create(things(A={"Value": "1"}, B={"Value": "1"}))
    assert formation.settled() == "CREATE_COMPLETE"
    cloud.hold("update A")
    formation.update(things(A={"Value": "2"}, B={"Value": {"Ref": "A"}}))
    assert cloud.begun["update A"].wait(60)
    formation.call.invoke("cloudformation", "CancelUpdateStack", StackName="lab")
    cloud.gate.pop("update A").set()
    assert formation.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert list(cloud.things.values()) == [{"Value": "1"}, {"Value": "1"}]


def test_a_custom_name_cannot_be_replaced(formation: Formation, cloud: Cloud) -> None:
    formation.create(things(A={"ThingName": "mine", "Kind": "x"}))
    assert formation.settled() == "CREATE_COMPLETE"
    formation.update(things(A={"ThingName": "mine", "Kind": "y"}))
    assert formation.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert "Rename mine and update the stack again." in formation.reasons()
    assert cloud.things == {"mine": {"ThingName": "mine", "Kind": "x"}}


def test_tags_reach_the_resources(formation: Formation, cloud: Cloud) -> None:
    template = things(A={})
    formation.create(template, Tags=[{"Key": "a", "Value": "1"}])
    assert formation.settled() == "CREATE_COMPLETE"
    formation.update(template, Tags=[{"Key": "a", "Value": "2"}])
    assert formation.settled() == "UPDATE_COMPLETE"
    assert cloud.story == ["create A", "update A"]
    assert formation.stack()["Tags"] == [{"Key": "a", "Value": "2"}]


def test_an_update_can_be_left_where_it_failed_and_be_mended(formation: Formation, cloud: Cloud) -> None:
    formation.create(things(A={"Value": "1"}))
    assert formation.settled() == "CREATE_COMPLETE"
    cloud.broken_once["create B"] = "no"
    template = things(A={"Value": "2"}, B={"Needed": {"Ref": "A"}})
    formation.update(template, DisableRollback=True)
    assert formation.settled() == "UPDATE_FAILED"
    assert list(cloud.things.values()) == [{"Value": "2"}]
    formation.update(template)
    assert formation.settled() == "UPDATE_COMPLETE"
    assert len(cloud.things) == 2


def test_policies_of_replacement_and_of_removal(formation: Formation, cloud: Cloud) -> None:
    template = things(A={"Kind": "x"}, B={})
    template["Resources"]["B"]["DeletionPolicy"] = "Retain"
    formation.create(template)
    assert formation.settled() == "CREATE_COMPLETE"
    template = things(A={"Kind": "y"})
    template["Resources"]["A"]["UpdateReplacePolicy"] = "Retain"
    formation.update(template)
    assert formation.settled() == "UPDATE_COMPLETE"
    assert len(cloud.things) == 3
    assert [event for event in formation.events() if event[1] == "DELETE_SKIPPED"] != []
    assert list(formation.resources()) == ["A"]


def test_a_stack_only_takes_its_own_updates(formation: Formation, cloud: Cloud) -> None:
    cloud.hold("create A")
    formation.create(things(A={}))
    with pytest.raises(ApiError, match="is in CREATE_IN_PROGRESS state and can not be updated"):
        formation.update(things(A={"Value": "2"}))
    cloud.gate["create A"].set()
    assert formation.settled() == "CREATE_COMPLETE"


def test_a_failed_update_that_was_left_can_be_rolled_back_later(formation: Formation, cloud: Cloud) -> None:
    formation.create(things(A={"Value": "1"}))
    assert formation.settled() == "CREATE_COMPLETE"
    cloud.broken["create B"] = "no"
    formation.update(things(A={"Value": "2"}, B={"Needed": {"Ref": "A"}}), DisableRollback=True)
    assert formation.settled() == "UPDATE_FAILED"
    formation.call.invoke("cloudformation", "RollbackStack", StackName="lab")
    assert formation.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert list(cloud.things.values()) == [{"Value": "1"}]
    with pytest.raises(ApiError, match="can not be rolled back"):
        formation.call.invoke("cloudformation", "RollbackStack", StackName="lab")
