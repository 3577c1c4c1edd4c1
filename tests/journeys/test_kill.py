"""The server killed twenty times in the blueprint's life: while its stacks are made, in the pipeline, at the end.

In this order. `make torture` does it two hundred times, at every boundary there is. Policies are enforced, so that the
blueprint's roles are shown to be enough.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.server import ACCOUNT, REGION
from tests.torture.leftovers import Present
from tests.torture.lifetime import Lifetime, lifetime

IN_THE_STACKS = [
    "created AWS::CodeCommit::Repository: after",
    "created AWS::CodePipeline::Pipeline: after",
    "workflow cloudformation.stack_operation: done",
]
IN_THE_PIPELINE = [
    "event aws.codecommit CodeCommit Repository State Change: after",
    "workflow codepipeline.action: before",
    "step codebuild.build source: done",
    "workflow codebuild.build: done",
    "invoked train: after",
    "step sagemaker.training_job image: after",
    "step sagemaker.training_job start: done",
    "step sagemaker.training_job upload: done",
    "workflow sagemaker.endpoint: before",
    "step sagemaker.endpoint switched: done",
    "invoked deploy: before",
    "workflow codepipeline.execution: done",
]
WITH_NEW_DATA = ["event aws.s3 Object Created: before", "step sagemaker.endpoint take down: done"]
AT_THE_END = [
    "workflow sagemaker.endpoint_deletion: before",
    "deleted AWS::Lambda::Function: after",
    "deleted AWS::S3::Bucket: before",
]
STAYS = {
    "images": r".*(localhost/boatyard/|/mlops-byo-lab@sha).*",
    "mounts": "/engine/storage/overlay",
    "rules": r"-A (PREROUTING|INPUT|FORWARD) -j BOATYARD-.*",
    "files": r"(codebuild|sagemaker|lambda|git)/.*",
}
"""What a life without kills leaves too; see the long form, which compares them one by one."""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lifetime]:
    """The blueprint's two stacks and data, on a server that was killed while they were made."""
    with lifetime(tmp_path_factory.mktemp("kill")) as made:
        made.begin()
        made.server.dies(list(IN_THE_STACKS))
        made.bring_up()
        yield made


def test_stacks_and_a_push_with_fifteen_kills_end_as_without(life: Lifetime) -> None:
    assert life.not_died() == []
    life.server.dies(list(IN_THE_PIPELINE))
    life.deliver("killed")
    assert life.not_died() == []
    assert life.server.deaths == 15
    assert life.wrong == []


def test_a_permission_that_is_missing_stops_the_pipeline(life: Lifetime) -> None:
    lab = life.lab
    iam, pipeline = lab.lab.client("iam"), lab.lab.client("codepipeline")
    names = [each["RoleName"] for page in iam.get_paginator("list_roles").paginate() for each in page["Roles"]]
    role = next(name for name in names if "-PipelineRole-" in name)
    policy = iam.get_role_policy(RoleName=role, PolicyName="pipeline")["PolicyDocument"]
    whole = json.dumps(policy)
    builds = next(each for each in policy["Statement"] if "codebuild:StartBuild" in each["Action"])
    builds["Action"].remove("codebuild:StartBuild")
    iam.put_role_policy(RoleName=role, PolicyName="pipeline", PolicyDocument=json.dumps(policy))
    execution = pipeline.start_pipeline_execution(name=lab.lab.pipeline)["pipelineExecutionId"]
    life.by_hand += 1
    assert lab.follow(execution) == "Failed"
    iam.put_role_policy(RoleName=role, PolicyName="pipeline", PolicyDocument=whole)
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


def test_new_data_and_the_end_with_five_more_leave_nothing_behind(life: Lifetime) -> None:
    life.server.dies(list(WITH_NEW_DATA))
    life.retrain("killed")
    assert life.not_died() == []
    life.server.dies(list(AT_THE_END))
    life.tear_down()
    assert life.not_died() == []
    life.end()
    assert life.server.deaths == 20
    left = life.at_rest().beyond(Present())
    more = {
        (kind, name): count
        for kind, found in left.items()
        for name, count in found.items()
        if not re.fullmatch(STAYS.get(kind, "nothing"), name)
    }
    assert more == {}
    assert life.wrong == []
