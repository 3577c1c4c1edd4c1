"""After an import, what was under way in containers of another machine begins again; what had ended stays as it was."""

from __future__ import annotations

from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.services.codebuild import keeping as codebuild
from boatyard.services.codebuild.records import BUILDS, Build, Phase
from boatyard.services.sagemaker import keeping as sagemaker
from boatyard.services.sagemaker.training_jobs.records import JOBS, TrainingJob
from boatyard.workflows import registry


def _build(identity: str, *phases: str, ended: bool = False) -> Build:
    moment = now()
    return Build(
        account="0", region="r", id=f"p:{identity}", project="p", number=1, settings={}, initiator="i",
        started=moment, ended=moment if ended else None, current=phases[-1],
        phases=[Phase(type=each, started=moment, status="SUCCEEDED") for each in phases],
    )  # fmt: skip


def _job(name: str, status: str) -> TrainingJob:
    moment = now()
    return TrainingJob(
        account="0", region="r", name=name, arn=f"arn:{name}", request={}, status=status, secondary_status=status,
        created=moment, modified=moment, started=moment,
    )  # fmt: skip


def test_builds_and_jobs_under_way_begin_again(installation: Installation) -> None:
    under_way = _build("one", "SUBMITTED", "QUEUED", "PROVISIONING", "BUILD")
    almost, over = _build("two", "SUBMITTED", "FINALIZING"), _build("three", "SUBMITTED", "COMPLETED", ended=True)
    training, trained = _job("training", "InProgress"), _job("trained", "Completed")
    workflows = {f"codebuild.build/{each.arn}" for each in (under_way, almost)} | {training.arn, trained.arn}
    assert registry.definition("codebuild.build") is not None
    with installation.database.transaction() as tx:
        for build in (under_way, almost, over):
            BUILDS.put(tx, build)
        for job in (training, trained):
            JOBS.put(tx, job)
        for workflow in workflows:
            tx.execute("INSERT INTO workflow_steps VALUES (?, 'start#1', '{}')", (workflow,))
        codebuild.moved(tx)
        sagemaker.moved(tx)
    with installation.database.reading() as rx:
        again = BUILDS.get(rx, "0", "r", "p:one")
        assert again is not None
        assert ([phase.type for phase in again.phases], again.current) == (["SUBMITTED"], "QUEUED")
        assert [BUILDS.get(rx, "0", "r", each.id) for each in (almost, over)] == [almost, over]
        found = JOBS.get(rx, "0", "r", "training")
        assert found is not None
        assert found.started is None, "its time begins anew too"
        assert JOBS.get(rx, "0", "r", "trained") == trained
        left = {row[0] for row in rx.execute("SELECT workflow FROM workflow_steps")}
    assert left == {f"codebuild.build/{almost.arn}", trained.arn}
