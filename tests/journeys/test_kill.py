"""The pipeline with the server killed twice in one execution, as `make torture` does it at random.

Policies are enforced meanwhile, so that the blueprint's roles are shown to be enough.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.server import ACCOUNT, REGION
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
    engine = lab.engine()
    left = checks.present(lab.server.data_directory, engine)
    # A busy machine may leave functions' containers to the next start.
    assert {**left.services, "lambda": 0} == {"sagemaker": len(STAGES), "lambda": 0}
    assert [name for name in left.files if name.startswith("blobs/tmp")] == []
    assert checks.orphaned_blobs(lab.server.data_directory) == []
    lab.server.start()
    functions = {"boatyard.service": "lambda"}
    assert lab.settled(lambda: [container.name for container in engine.containers(functions)]) == []
    engine.close()


def test_a_permission_that_is_missing_stops_the_pipeline(lab: TortureLab) -> None:
    iam, pipeline = lab.lab.client("iam"), lab.lab.client("codepipeline")
    names = [each["RoleName"] for page in iam.get_paginator("list_roles").paginate() for each in page["Roles"]]
    role = next(name for name in names if "-PipelineRole-" in name)
    policy = iam.get_role_policy(RoleName=role, PolicyName="pipeline")["PolicyDocument"]
    builds = next(each for each in policy["Statement"] if "codebuild:StartBuild" in each["Action"])
    builds["Action"].remove("codebuild:StartBuild")
    iam.put_role_policy(RoleName=role, PolicyName="pipeline", PolicyDocument=json.dumps(policy))
    execution = pipeline.start_pipeline_execution(name=lab.lab.pipeline)["pipelineExecutionId"]
    assert lab.follow(execution) == "Failed"
    actions = pipeline.list_action_executions(pipelineName=lab.lab.pipeline, filter={"pipelineExecutionId": execution})[
        "actionExecutionDetails"
    ]
    failed = next(each for each in actions if each["status"] == "Failed")
    result = failed["output"]["executionResult"]
    assert (failed["stageName"], failed["actionName"]) == ("Build", "Image")
    assert result["errorDetails"]["code"] == "PermissionError"
    assert re.search(
        rf"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/\S+ is not authorized to perform: codebuild:StartBuild on "
        rf"resource: arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{lab.lab.prefix} because no identity-based policy "
        r"allows the codebuild:StartBuild action",
        result["errorDetails"]["message"],
    )
