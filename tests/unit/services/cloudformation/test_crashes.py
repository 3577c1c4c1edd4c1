"""Whatever a stack operation has done when the server dies, it ends as it would have, and makes nothing twice.

A crash is put behind every change that a resource of any type makes: the change is made, and nobody has written down
that it was. The stack's operation is then taken up as a start of the server takes it up.
"""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from boatyard.api import call as calls
from boatyard.api.call import Call
from boatyard.api.installation import Installation
from boatyard.api.invoke import invoke
from boatyard.api.resource_types import all_types
from boatyard.services.cloudformation.operations import submission
from boatyard.services.sagemaker import images
from boatyard.settings import Settings
from boatyard.workflows.work import Interrupted
from tests.unit.services.cloudformation.conftest import Formation, until
from tests.unit.services.cloudformation.every_type import NEEDS_CONTAINERS, NESTED_URL, nested, template

READS = ("Get", "List", "Describe", "Head", "Batch")
STACK = ":cloudformation:"
STORIES = ("cloudformation_events", "events_outbox", "workflow", "schema_versions")
"""Tables that tell what has happened, in which a crash may be seen, by how their names begin."""


class Crashes:
    """Cuts a resource off right after each change that it makes, once for each."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.kinds: set[str] = set()
        self.on = False

    def after(self, installation: Installation, service: str, operation: str, params: dict[str, Any]) -> None:
        """A call has been answered; the installation does nothing further when the crash comes here."""
        thread = threading.current_thread().name
        if not self.on or operation.startswith(READS) or not thread.startswith(f"arn:aws{STACK}"):
            return
        change = f"{thread} {service}:{operation} {sorted(params.items())!r}"
        if change not in self.seen:
            self.seen.add(change)
            self.kinds.add(f"{service}:{operation}")
            installation.workflows.stopping = True
            installation.workflows.signals.notify_all()
            raise Interrupted


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> Crashes:
    made = Crashes()

    def cut(call: Call, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        answer = invoke(call, service, operation, params)
        made.after(call.installation, service, operation, params)
        return answer

    monkeypatch.setattr(calls, "invoke", cut)
    monkeypatch.setattr(submission, "fetch_template", lambda call, url: json.dumps({NESTED_URL: nested()}[url]))
    monkeypatch.setattr(images, "resolve", lambda call, image: image)
    return made


@pytest.fixture
def second(settings: Settings, tmp_path: Any) -> Iterator[Installation]:
    """Another installation, where nothing crashes."""
    opened = Installation(settings.model_copy(update={"data_directory": tmp_path / "clean"}))
    opened.start()
    yield opened
    opened.close()


def prepare(installation: Installation) -> Formation:
    """What the template takes for granted."""
    call = installation.root_call()
    call.invoke("s3", "CreateBucket", Bucket="packages")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("python/lines.py", "LINES = 1")
    call.invoke("s3", "PutObject", Bucket="packages", Key="layer.zip", Body=content.getvalue())
    return Formation(call)


def carry_out(installation: Installation, formation: Formation, name: str = "lab") -> str:
    """Take the stack's operation up as often as it is cut off; the status it ends with."""

    def quiet() -> bool:
        return not any(STACK in each.name or each.name.startswith("workflow") for each in threading.enumerate())

    for _ in range(500):
        until(quiet, "the stack's threads to end")
        if not installation.workflows.stopping and formation._ended(name):
            return str(formation.stack(name)["StackStatus"])
        installation.workflows.stopping = False
        installation.workflows.resume()
    raise AssertionError(f"the operation does not get on: {formation.stack(name)}")


def census(installation: Installation) -> dict[str, int]:
    """How many rows each table has that keeps resources."""
    names = [name for name in installation.database.table_names() if not name.startswith(STORIES)]
    with installation.database.reading() as rx:
        return {name: rx.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def swept(installation: Installation) -> int:
    """How many files (those of functions and layers) are left when what nothing names was removed, as at a start."""
    installation.sweep_blobs(time.time() + 60)
    return len(list(installation.blobs.ids()))


def test_a_crash_after_any_change_makes_nothing_twice(
    started: Installation, second: Installation, crashes: Crashes
) -> None:
    kinds = {each["Type"] for each in template()["Resources"].values()}
    assert kinds == all_types().keys() - NEEDS_CONTAINERS - {"AWS::Test::Thing"}
    counts = []
    for installation in (second, started):
        crashes.on = installation is started
        formation, found = prepare(installation), {}
        formation.create(template(), Capabilities=["CAPABILITY_NAMED_IAM"])
        assert carry_out(installation, formation) == "CREATE_COMPLETE", formation.reasons()
        found["created"] = census(installation)
        assert swept(installation) == 4
        tags = [{"Key": "team", "Value": "iris"}]
        formation.update(template(), Capabilities=["CAPABILITY_NAMED_IAM"], Tags=tags)
        assert carry_out(installation, formation) == "UPDATE_COMPLETE", formation.reasons()
        found["updated"] = census(installation)
        formation.delete()
        stack = formation.stack()["StackId"]
        assert carry_out(installation, formation, stack) == "DELETE_COMPLETE", formation.reasons(stack)
        found["deleted"] = census(installation)
        assert swept(installation) == 0
        counts.append(found)
    clean, crashed = counts
    differ = {
        (when, name): (count, crashed[when][name])
        for when, found in clean.items()
        for name, count in found.items()
        if crashed[when][name] != count
    }
    assert differ == {}
    assert len(crashes.seen) > 150
    assert len(crashes.kinds) > 80
