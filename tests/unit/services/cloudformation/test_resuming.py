"""An operation that a crash cuts off goes on at the next start, and makes nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from boatyard.api.installation import Installation
from boatyard.settings import Settings
from tests.unit.services.cloudformation.conftest import Cloud, Formation, things, until


@pytest.fixture
def first(settings: Settings) -> Iterator[Installation]:
    """An installation that the test closes itself."""
    opened = Installation(settings)
    opened.start()
    yield opened
    opened.close()


@pytest.mark.parametrize("names", [{}, {"ThingName": "mine"}])
def test_a_creation_goes_on(settings: Settings, first: Installation, cloud: Cloud, names: dict[str, str]) -> None:
    cloud.hold("create B")
    formation = Formation(first.root_call())
    formation.create(things(A={}, B={"Needed": {"Ref": "A"}, **names}, C={"Needed": {"Ref": "B"}}))
    assert cloud.begun["create B"].wait(60)
    first.close()
    # The server dies after B was made and before that is on record.
    cloud.gate.pop("create B").set()
    until(lambda: "create B" in cloud.story, "B to be made")
    second = Installation(settings)
    try:
        second.start()
        formation = Formation(second.root_call())
        assert formation.settled() == "CREATE_COMPLETE"
        assert cloud.story == ["create A", "create B", "update B", "create C"]
        assert sorted(formation.resources().values()) == sorted(cloud.things)
        assert formation.events().count(("B", "CREATE_IN_PROGRESS")) == 1
    finally:
        second.close()


def test_an_update_goes_on_and_can_still_be_rolled_back(settings: Settings, first: Installation, cloud: Cloud) -> None:
    formation = Formation(first.root_call())
    formation.create(things(A={"Kind": "x"}, B={"Value": "1"}, C={"Value": "1"}))
    assert formation.settled() == "CREATE_COMPLETE"
    resources, made = formation.resources(), dict(cloud.things)
    cloud.hold("update B")
    formation.update(things(A={"Kind": "y"}, B={"Value": {"Ref": "A"}}, C={"Value": "2", "Needed": {"Ref": "B"}}))
    assert cloud.begun["update B"].wait(60)
    first.close()
    cloud.gate.pop("update B").set()
    until(lambda: "update B" in cloud.story, "B to be updated")
    cloud.broken_once["update C"] = "no"
    second = Installation(settings)
    try:
        second.start()
        formation = Formation(second.root_call())
        assert formation.settled() == "UPDATE_ROLLBACK_COMPLETE"
        assert formation.resources() == resources
        assert cloud.things == made
    finally:
        second.close()


def test_a_failure_while_the_server_stops_is_tried_again(settings: Settings, first: Installation, cloud: Cloud) -> None:
    cloud.hold("create A")
    cloud.broken_once["create A"] = "the engine has gone"
    formation = Formation(first.root_call())
    formation.create(things(A={}))
    assert cloud.begun["create A"].wait(60)
    first.close()
    cloud.gate.pop("create A").set()
    until(lambda: not cloud.broken_once, "A to fail")
    second = Installation(settings)
    try:
        second.start()
        formation = Formation(second.root_call())
        assert formation.settled() == "CREATE_COMPLETE"
        assert "the engine has gone" not in formation.reasons()
    finally:
        second.close()
