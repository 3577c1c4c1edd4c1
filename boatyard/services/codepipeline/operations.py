"""Pipelines: create, update, read, list, delete, tag; and the action types that they may hold."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from boatyard.api import tags as tagging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.events import last_position
from boatyard.api.paging import page
from boatyard.api.timestamps import now
from boatyard.services.codepipeline import action_types, lifecycle, lookup, quotas, structure
from boatyard.services.codepipeline.actions.run import SERVICE
from boatyard.services.codepipeline.naming import pipeline_arn
from boatyard.services.codepipeline.records import (
    ACTIONS,
    EXECUTIONS,
    JOBS,
    PIPELINES,
    STAGES,
    VERSIONS,
    Pipeline,
    PipelineVersion,
)
from boatyard.state.database import Transaction


def create_pipeline(call: Call, params: Params) -> dict[str, Any]:
    """Creates a pipeline and starts its first execution. CodePipeline API Reference: CreatePipeline."""
    declaration = {**structure.with_defaults(params["pipeline"]), "version": 1}
    structure.check(declaration, call.region)
    given = tagging.to_dict(params.get("tags"), "key", "value")
    tagging.check(given, "InvalidTagsException")
    _check_role(call, declaration)
    pipeline = Pipeline(
        account=call.account,
        region=call.region,
        name=declaration["name"],
        version=1,
        declaration=declaration,
        created=now(),
        updated=now(),
        tags=given,
    )
    with call.installation.database.transaction() as tx:
        if PIPELINES.get(tx, call.account, call.region, pipeline.name) is not None:
            raise ApiError(
                "PipelineNameInUseException",
                f"A pipeline with the name '{pipeline.name}' already exists in account '{call.account}'",
            )
        pipeline = replace(pipeline, after=last_position(tx))
        PIPELINES.insert(tx, pipeline)
        quotas.PIPELINES.check_new(call, tx, PIPELINES)
        _keep_version(tx, pipeline)
        lifecycle.start(call.installation, tx, pipeline, ("CreatePipeline", call.principal.arn))
    return {"pipeline": declaration, "tags": tagging.to_list(given, "key", "value")}


def update_pipeline(call: Call, params: Params) -> dict[str, Any]:
    """Replaces a pipeline's declaration and raises its version. CodePipeline API Reference: UpdatePipeline."""
    given = params["pipeline"]
    with call.installation.database.reading() as rx:
        present = PIPELINES.get(rx, call.account, call.region, given["name"])
    if present is None:
        raise ApiError(
            "InvalidStructureException",
            f"A pipeline with the name '{given['name']}' does not exist in account '{call.account}'",
        )
    structure.check(structure.with_defaults(given), call.region)
    _check_role(call, given)
    with call.installation.database.transaction() as tx:
        present = lookup.pipeline(call, tx, given["name"])
        if call.token and present.token == call.token:
            return {"pipeline": present.declaration}
        version = present.version + 1
        declaration = {**structure.with_defaults(given), "version": version}
        changed = replace(present, version=version, declaration=declaration, updated=now(), token=call.token)
        PIPELINES.put(tx, changed)
        _keep_version(tx, changed)
    return {"pipeline": declaration}


def get_pipeline(call: Call, params: Params) -> dict[str, Any]:
    """A pipeline's declaration, of its newest or a given version. CodePipeline API Reference: GetPipeline."""
    with call.installation.database.reading() as rx:
        pipeline = lookup.pipeline(call, rx, params["name"])
        number = params.get("version", pipeline.version)
        version = VERSIONS.get(rx, call.account, call.region, pipeline.name, number)
    if version is None:
        raise ApiError(
            "PipelineVersionNotFoundException",
            f"Version '{number}' of the pipeline '{pipeline.name}' does not exist",
        )
    metadata = {
        "pipelineArn": pipeline_arn(call.account, call.region, pipeline.name),
        "created": pipeline.created,
        "updated": version.updated,
    }
    return {"pipeline": version.declaration, "metadata": metadata}


def list_pipelines(call: Call, params: Params) -> dict[str, Any]:
    """The pipelines of the account and region. CodePipeline API Reference: ListPipelines."""
    with call.installation.database.reading() as rx:
        found = PIPELINES.select(rx, {"account": call.account, "region": call.region})
    chosen, token = page(
        found,
        params.get("nextToken"),
        params.get("maxResults", 1000),
        lambda item: item.name,
        "InvalidNextTokenException",
    )
    summaries = [
        {
            "name": item.name,
            "version": item.version,
            "pipelineType": item.declaration["pipelineType"],
            "executionMode": item.declaration["executionMode"],
            "created": item.created,
            "updated": item.updated,
        }
        for item in chosen
    ]
    return {"pipelines": summaries, "nextToken": token}


def delete_pipeline(call: Call, params: Params) -> dict[str, Any]:
    """Deletes a pipeline with its history and what runs of it. CodePipeline API Reference: DeletePipeline."""
    name, installation = params["name"], call.installation
    where = {"account": call.account, "region": call.region, "pipeline": name}
    with installation.database.transaction() as tx:
        if PIPELINES.get(tx, call.account, call.region, name) is None:
            return {}
        for execution in EXECUTIONS.select(tx, where):
            if not lifecycle.ended(execution):
                lifecycle.abandon_actions(installation, tx, execution)
                lifecycle.wake_pipeline(installation, tx, execution)
            for action in ACTIONS.select(tx, {**where, "execution": execution.id}):
                for job in JOBS.select(tx, {"action_execution": action.id}):
                    JOBS.delete(tx, job.account, job.region, job.id)
                ACTIONS.delete(tx, action.account, action.region, action.id)
            EXECUTIONS.delete(tx, execution.account, execution.region, execution.id)
        for version in VERSIONS.select(tx, where):
            VERSIONS.delete(tx, call.account, call.region, name, version.version)
        for stage in STAGES.select(tx, where):
            STAGES.delete(tx, call.account, call.region, name, stage.stage)
        PIPELINES.delete(tx, call.account, call.region, name)
    return {}


def list_action_types(call: Call, params: Params) -> dict[str, Any]:
    """The action types that pipelines here can hold. CodePipeline API Reference: ListActionTypes."""
    owner = params.get("actionOwnerFilter", "AWS")
    kinds = action_types.ACTION_TYPES if owner == "AWS" else ()
    return {"actionTypes": [kind.described() for kind in kinds]}


def tag_resource(call: Call, params: Params) -> dict[str, Any]:
    """Adds tags to a pipeline. CodePipeline API Reference: TagResource."""
    with call.installation.database.transaction() as tx:
        pipeline = _by_arn(call, tx, params["resourceArn"])
        merged = {**pipeline.tags, **tagging.to_dict(params["tags"], "key", "value")}
        tagging.check(merged, "InvalidTagsException")
        PIPELINES.put(tx, replace(pipeline, tags=merged))
    return {}


def untag_resource(call: Call, params: Params) -> dict[str, Any]:
    """Takes tags from a pipeline. CodePipeline API Reference: UntagResource."""
    with call.installation.database.transaction() as tx:
        pipeline = _by_arn(call, tx, params["resourceArn"])
        kept = {key: value for key, value in pipeline.tags.items() if key not in params["tagKeys"]}
        PIPELINES.put(tx, replace(pipeline, tags=kept))
    return {}


def list_tags_for_resource(call: Call, params: Params) -> dict[str, Any]:
    """The tags of a pipeline. CodePipeline API Reference: ListTagsForResource."""
    with call.installation.database.transaction() as tx:
        pipeline = _by_arn(call, tx, params["resourceArn"])
    listed = tagging.to_list(pipeline.tags, "key", "value")
    chosen, token = page(
        listed,
        params.get("nextToken"),
        params.get("maxResults", 100),
        lambda tag: tag["key"],
        "InvalidNextTokenException",
    )
    return {"tags": chosen, "nextToken": token}


def _by_arn(call: Call, tx: Transaction, arn: str) -> Pipeline:
    prefix = pipeline_arn(call.account, call.region, "")
    if not arn.startswith(prefix):
        raise ApiError("InvalidArnException", f"The specified resource ARN is invalid: {arn}")
    found = PIPELINES.get(tx, call.account, call.region, arn[len(prefix) :])
    if found is None:
        raise ApiError("ResourceNotFoundException", f"The resource {arn} does not exist")
    return found


def _keep_version(tx: Transaction, pipeline: Pipeline) -> None:
    version = PipelineVersion(
        account=pipeline.account,
        region=pipeline.region,
        pipeline=pipeline.name,
        version=pipeline.version,
        declaration=pipeline.declaration,
        updated=pipeline.updated,
    )
    VERSIONS.put(tx, version)


def _check_role(call: Call, declaration: dict[str, Any]) -> None:
    """CodePipeline tries the role when a pipeline is made, so that a wrong one is seen at once."""
    role = declaration["roleArn"]
    try:
        call.assume(role, SERVICE, session_name="CodePipeline")
    except ApiError as error:
        raise ApiError(
            "InvalidStructureException",
            f"CodePipeline is not authorized to perform AssumeRole on role {role}: {error.message}",
        ) from error
