"""The pipeline with the server killed twice in one execution, as `make torture` does it at random.

Policies are enforced meanwhile, so that the blueprint's roles are shown to be enough.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.torture import checks
from tests.torture.lab import STAGES, TortureLab, TrappedServer


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TortureLab]:
    """The blueprint's two stacks and data, on a server that dies where it is told to."""
    directory = tmp_path_factory.mktemp("kill")
    server = TrappedServer(directory / "data", authorization="enforce")
    server.start()
    try:
        made = TortureLab(server, directory)
        made.bring_up()
        yield made
    finally:
        server.fault.unlink(missing_ok=True)
        server.discard()


def test_an_execution_survives_two_kills(lab: TortureLab) -> None:
    before = checks.done(lab)
    lab.mark("killed")
    # The job's container runs, and nobody has written that down.
    lab.server.dies(step="start", of="training-job", when="before")
    commit = lab.push()
    execution = lab.execution_of(commit)
    # Dev serves with the model, and nobody has written down that it was switched.
    further = [{"step": "switched", "of": "endpoint", "when": "before"}]

    def again() -> None:
        if lab.deaths == 1 and further:
            lab.server.dies(**further.pop())

    status = lab.follow(execution, again)
    assert status == "Succeeded", lab.story(execution)
    assert lab.deaths == 2
    for stage in STAGES:
        lab.ask(stage)
    assert checks.work_faults(lab, before, checks.done(lab)) == []
    assert lab.settled(lambda: checks.log_faults(lab, "killed")) == []
    assert checks.not_kept(lab, commit) == []
    lab.server.stop()
    left = checks.present(lab.server.data_directory, lab.engine())
    assert left.services == {"sagemaker": len(STAGES)}
    assert [name for name in left.files if name.startswith("blobs/tmp")] == []
    assert checks.orphaned_blobs(lab.server.data_directory) == []
