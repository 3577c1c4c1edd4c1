"""Builds: start, read, list, stop, start again and delete."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import datetime
from typing import Any

import msgspec

from boatyard.api import paging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.codebuild import quotas
from boatyard.services.codebuild.builds.directories import forget_build
from boatyard.services.codebuild.projects.checks import check_settings, invalid
from boatyard.services.codebuild.projects.operations import require_project
from boatyard.services.codebuild.records import BUILDS, PROJECTS, Build, Phase, Project, unfinished
from boatyard.state.database import Reader

ENVIRONMENT_OVERRIDES = {
    "environmentTypeOverride": "type",
    "imageOverride": "image",
    "computeTypeOverride": "computeType",
    "certificateOverride": "certificate",
    "privilegedModeOverride": "privilegedMode",
}
OVERRIDES = {
    "artifactsOverride": "artifacts",
    "secondaryArtifactsOverride": "secondaryArtifacts",
    "secondarySourcesOverride": "secondarySources",
    "cacheOverride": "cache",
    "serviceRoleOverride": "serviceRole",
    "timeoutInMinutesOverride": "timeoutInMinutes",
    "queuedTimeoutInMinutesOverride": "queuedTimeoutInMinutes",
    "encryptionKeyOverride": "encryptionKey",
    "logsConfigOverride": "logsConfig",
}


def start_build(call: Call, params: Params) -> dict[str, Any]:
    """Start a build of a project, with overrides (AWS: StartBuild)."""
    token = params.get("idempotencyToken", "")
    with call.installation.database.transaction() as tx:
        project = require_project(tx, call, params["projectName"])
        if token and (before := _with_token(tx, project, token)) is not None:
            return {"build": shown(before)}
        settings = _settings(project, params)
        check_settings(settings, "StartBuild")
        build = _new_build(call, project, params, settings)
        PROJECTS.put(tx, msgspec.structs.replace(project, builds=build.number))
        BUILDS.insert(tx, build)
        quotas.QUEUED_BUILDS.check(call.installation, unfinished(tx, call.account, call.region), more=0)
        call.installation.workflows.start(
            tx, "codebuild.build", f"codebuild.build/{build.arn}", [build.account, build.region, build.id]
        )
    return {"build": shown(build)}


def _with_token(rx: Reader, project: Project, token: str) -> Build | None:
    key = f"{project.account}/{project.region}/{project.name}"
    recent = BUILDS.select(rx, {"project_key": key}, order="started", descending=True, limit=100)
    return next((build for build in recent if build.token == token), None)


def _settings(project: Project, params: Params) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(json.dumps(project.settings))
    for override, name in OVERRIDES.items():
        if override in params:
            settings[name] = params[override]
    environment = settings["environment"]
    for override, name in ENVIRONMENT_OVERRIDES.items():
        if override in params:
            environment[name] = params[override]
    variables = {each["name"]: each for each in environment.get("environmentVariables") or []}
    variables |= {each["name"]: each for each in params.get("environmentVariablesOverride") or []}
    environment["environmentVariables"] = list(variables.values())
    source = settings["source"]
    for override, name in (
        ("sourceTypeOverride", "type"),
        ("sourceLocationOverride", "location"),
        ("buildspecOverride", "buildspec"),
    ):
        if override in params:
            source[name] = params[override]
    if "sourceVersion" in params:
        settings["sourceVersion"] = params["sourceVersion"]
    refused = ("debugSessionEnabled", "fleetOverride", "registryCredentialOverride", "sourceAuthOverride")
    settings |= {name: params[name] for name in refused if params.get(name)}
    settings.setdefault("timeoutInMinutes", 60)
    settings.setdefault("queuedTimeoutInMinutes", 480)
    return settings


def _new_build(call: Call, project: Project, params: Params, settings: dict[str, Any]) -> Build:
    number = project.builds + 1
    identity = str(uuid.uuid4())
    logs = (settings.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    versions = {
        each["sourceIdentifier"]: each["sourceVersion"]
        for each in params.get("secondarySourcesVersionOverride") or settings.get("secondarySourceVersions") or []
    }
    prefix = logs.get("streamName")
    group, stream = (
        logs.get("groupName") or f"/aws/codebuild/{project.name}",
        f"{prefix}/{identity}" if prefix else identity,
    )
    if logs.get("status") == "DISABLED":
        group = stream = ""
    moment = now()
    return Build(
        account=project.account,
        region=project.region,
        id=f"{project.name}:{identity}",
        project=project.name,
        number=number,
        settings=settings,
        initiator=_initiator(call),
        started=moment,
        phases=[Phase(type="SUBMITTED", started=moment, ended=moment, status="SUCCEEDED")],
        current="QUEUED",
        source_version=settings.get("sourceVersion"),
        secondary_versions=versions,
        group=group,
        stream=stream,
        token=params.get("idempotencyToken", ""),
    )


def _initiator(call: Call) -> str:
    if call.source_arn and ":codepipeline:" in call.source_arn:
        return f"codepipeline/{call.source_arn.rpartition(':')[2]}"
    resource = call.principal.arn.rpartition(":")[2]
    return resource.removeprefix("assumed-role/").removeprefix("user/")


def require_build(rx: Reader, call: Call, identity: str) -> Build:
    """The build of that id or ARN; ResourceNotFoundException when there is none."""
    build = BUILDS.get(rx, call.account, call.region, identity.rpartition(":build/")[2])
    if build is None:
        raise ApiError("ResourceNotFoundException", f"Build cannot be found: {identity[:300]}", status=400)
    return build


def batch_get_builds(call: Call, params: Params) -> dict[str, Any]:
    """Builds by id or ARN (AWS: BatchGetBuilds)."""
    found, missing = [], []
    with call.installation.database.reading() as rx:
        for identity in params["ids"]:
            build = BUILDS.get(rx, call.account, call.region, identity.rpartition(":build/")[2])
            if build is None:
                missing.append(identity)
            else:
                found.append(shown(build))
    return {"builds": found, "buildsNotFound": missing}


def _listed(rx: Reader, where: dict[str, str], params: Params) -> dict[str, Any]:
    builds, token = paging.page_of(
        rx,
        BUILDS,
        where,
        params.get("nextToken"),
        100,
        order=("started",),
        descending=params.get("sortOrder", "DESCENDING") == "DESCENDING",
        code="InvalidInputException",
    )
    answer: dict[str, Any] = {"ids": [build.id for build in builds]}
    return answer | ({"nextToken": token} if token else {})


def list_builds(call: Call, params: Params) -> dict[str, Any]:
    """The ids of all builds, newest first (AWS: ListBuilds)."""
    with call.installation.database.reading() as rx:
        return _listed(rx, {"account": call.account, "region": call.region}, params)


def list_builds_for_project(call: Call, params: Params) -> dict[str, Any]:
    """The ids of a project's builds, newest first (AWS: ListBuildsForProject)."""
    with call.installation.database.reading() as rx:
        project = require_project(rx, call, params["projectName"])
        return _listed(rx, {"project_key": f"{call.account}/{call.region}/{project.name}"}, params)


def stop_build(call: Call, params: Params) -> dict[str, Any]:
    """Stop a build that runs or waits (AWS: StopBuild)."""
    with call.installation.database.transaction() as tx:
        build = require_build(tx, call, params["id"])
        if build.ended is None:
            build = msgspec.structs.replace(build, stop_asked=True)
            BUILDS.put(tx, build)
            tx.after_commit(lambda: call.installation.workflows.notify(("codebuild", build.arn)))
    return {"build": shown(build)}


def retry_build(call: Call, params: Params) -> dict[str, Any]:
    """Start a build again as it was started (AWS: RetryBuild)."""
    if not params.get("id"):
        raise invalid("The id of the build is required")
    with call.installation.database.reading() as rx:
        before = require_build(rx, call, params["id"])
    with call.installation.database.transaction() as tx:
        project = require_project(tx, call, before.project)
        again = {"idempotencyToken": params.get("idempotencyToken", "")}
        versions = [{"sourceIdentifier": key, "sourceVersion": each} for key, each in before.secondary_versions.items()]
        build = _new_build(call, project, again | {"secondarySourcesVersionOverride": versions}, before.settings)
        PROJECTS.put(tx, msgspec.structs.replace(project, builds=build.number))
        BUILDS.insert(tx, build)
        quotas.QUEUED_BUILDS.check(call.installation, unfinished(tx, call.account, call.region), more=0)
        call.installation.workflows.start(
            tx, "codebuild.build", f"codebuild.build/{build.arn}", [build.account, build.region, build.id]
        )
    return {"build": shown(build)}


def batch_delete_builds(call: Call, params: Params) -> dict[str, Any]:
    """Delete builds that have ended (AWS: BatchDeleteBuilds)."""
    deleted, kept = [], []
    with call.installation.database.transaction() as tx:
        for identity in params["ids"]:
            build = BUILDS.get(tx, call.account, call.region, identity.rpartition(":build/")[2])
            if build is None or build.ended is None:
                kept.append({"id": identity, "statusCode": "BUILD_IN_PROGRESS" if build else "BUILD_NOT_FOUND"})
                continue
            BUILDS.delete(tx, call.account, call.region, build.id)
            deleted.append(build.arn)
            forget_build(call.installation, build.uuid)
    return {"buildsDeleted": deleted, "buildsNotDeleted": kept}


def _seconds(start: datetime, end: datetime | None) -> dict[str, Any]:
    if end is None:
        return {}
    return {"endTime": end, "durationInSeconds": max(0, round((end - start).total_seconds()))}


def _shown_phase(phase: Phase) -> dict[str, Any]:
    answer: dict[str, Any] = {"phaseType": phase.type, "startTime": phase.started}
    if phase.status:
        answer |= {"phaseStatus": phase.status} | _seconds(phase.started, phase.ended)
        if phase.type != "SUBMITTED":
            answer["contexts"] = [{"statusCode": phase.code, "message": phase.message}]
    return answer


def _location(artifacts: dict[str, Any], build: Build) -> dict[str, Any]:
    location = artifacts.get("location", "")
    if artifacts.get("type") == "S3":
        path = [artifacts.get("path", "").strip("/"), artifacts.get("name") or build.project]
        location = "arn:aws:s3:::" + "/".join([location, *[part for part in path if part]])
    answer = {"location": location} if location else {}
    if artifacts.get("artifactIdentifier"):
        answer["artifactIdentifier"] = artifacts["artifactIdentifier"]
    return answer


def shown(build: Build) -> dict[str, Any]:
    """A build as CodeBuild answers it (AWS: Build)."""
    settings = build.settings
    answer: dict[str, Any] = {
        "id": build.id,
        "arn": build.arn,
        "buildNumber": build.number,
        "startTime": build.started,
        "currentPhase": build.current,
        "buildStatus": build.status,
        "projectName": build.project,
        "phases": [_shown_phase(phase) for phase in build.phases],
        "source": settings["source"],
        "secondarySources": settings.get("secondarySources") or [],
        "secondarySourceVersions": [
            {"sourceIdentifier": name, "sourceVersion": version} for name, version in build.secondary_versions.items()
        ],
        "artifacts": _location(settings.get("artifacts") or {}, build),
        "secondaryArtifacts": [_location(each, build) for each in settings.get("secondaryArtifacts") or []],
        "cache": settings.get("cache") or {"type": "NO_CACHE"},
        "environment": settings["environment"],
        "serviceRole": settings.get("serviceRole", ""),
        "timeoutInMinutes": settings["timeoutInMinutes"],
        "queuedTimeoutInMinutes": settings["queuedTimeoutInMinutes"],
        "buildComplete": build.ended is not None,
        "initiator": build.initiator,
        "encryptionKey": settings.get("encryptionKey") or f"arn:aws:kms:{build.region}:{build.account}:alias/aws/s3",
        "exportedEnvironmentVariables": [{"name": name, "value": value} for name, value in build.exported.items()],
        "logs": _logs(build),
    }
    optional = {
        "endTime": build.ended,
        "sourceVersion": build.source_version,
        "resolvedSourceVersion": build.resolved_version,
    }
    return answer | {name: value for name, value in optional.items() if value is not None}


def _logs(build: Build) -> dict[str, Any]:
    if not build.group:
        return {"cloudWatchLogs": {"status": "DISABLED"}, "s3Logs": {"status": "DISABLED"}}
    arn = f"arn:aws:logs:{build.region}:{build.account}:log-group:{build.group}:log-stream:{build.stream}"
    return {
        "groupName": build.group,
        "streamName": build.stream,
        "cloudWatchLogsArn": arn,
        "cloudWatchLogs": {"status": "ENABLED", "groupName": build.group},
        "s3Logs": {"status": "DISABLED"},
    }


def stable_name(build: Build) -> str:
    """The name of the build's container and network: short, and the same after a restart."""
    return "build-" + hashlib.sha256(build.arn.encode()).hexdigest()[:20]
