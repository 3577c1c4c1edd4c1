"""Projects: create, change, read, list and delete."""

from __future__ import annotations

from typing import Any

import msgspec

from boatyard.api import paging, tags
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.codebuild import quotas
from boatyard.services.codebuild.builds.directories import forget_caches
from boatyard.services.codebuild.projects.checks import NAME, check_settings, invalid
from boatyard.services.codebuild.records import BUILDS, PROJECTS, Project
from boatyard.state.database import Reader
from boatyard.state.table import AlreadyExists


def require_project(rx: Reader, call: Call, name: str) -> Project:
    """The project of that name or ARN; ResourceNotFoundException when there is none."""
    name = name.rpartition(":project/")[2]
    project = PROJECTS.get(rx, call.account, call.region, name)
    if project is None:
        arn = f"arn:aws:codebuild:{call.region}:{call.account}:project/{name}"
        raise ApiError("ResourceNotFoundException", f"Project cannot be found: {arn}", status=400)
    return project


def create_project(call: Call, params: Params) -> dict[str, Any]:
    """Create a project (AWS: CreateProject)."""
    settings = dict(params)
    name = settings.pop("name")
    if not NAME.fullmatch(name):
        raise invalid(
            f"Invalid project name: {name[:160]!r}. It must be 2 to 150 letters, digits, - and _, and begin with a "
            "letter or digit."
        )
    given_tags = settings.pop("tags", [])
    _check_tags(given_tags)
    settings = _with_role_arn(call, settings)
    check_settings(settings, "CreateProject")
    moment = now()
    project = Project(
        account=call.account,
        region=call.region,
        name=name,
        settings=settings,
        tags=given_tags,
        created=moment,
        modified=moment,
    )
    try:
        with call.installation.database.transaction() as tx:
            PROJECTS.insert(tx, project)
            quotas.PROJECTS.check_new(call, tx, PROJECTS)
    except AlreadyExists:
        raise ApiError("ResourceAlreadyExistsException", f"Project already exists: {project.arn}", status=400) from None
    return {"project": shown(project)}


def _with_role_arn(call: Call, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the service role's ARN; a role's bare name is taken too, as templates with Ref give it."""
    role = settings.get("serviceRole")
    if not role or role.startswith("arn:"):
        return settings
    try:
        return settings | {"serviceRole": call.invoke("iam", "GetRole", RoleName=role)["Role"]["Arn"]}
    except ApiError:
        raise invalid(f"Invalid service role: {role[:200]}") from None


def _check_tags(given: list[dict[str, str]]) -> None:
    tags.check(tags.to_dict(given, "key", "value"), "InvalidInputException")


def update_project(call: Call, params: Params) -> dict[str, Any]:
    """Change what is given of a project (AWS: UpdateProject)."""
    changes = dict(params)
    name = changes.pop("name")
    given_tags = changes.pop("tags", None)
    _check_tags(given_tags or [])
    changes = _with_role_arn(call, changes)
    with call.installation.database.transaction() as tx:
        project = require_project(tx, call, name)
        settings = project.settings | changes
        check_settings(settings, "UpdateProject")
        kept = project.tags if given_tags is None else given_tags
        project = msgspec.structs.replace(project, settings=settings, tags=kept, modified=now())
        PROJECTS.put(tx, project)
    return {"project": shown(project)}


def delete_project(call: Call, params: Params) -> None:
    """Delete a project; its builds stay readable (AWS: DeleteProject)."""
    name = params["name"].rpartition(":project/")[2]
    with call.installation.database.transaction() as tx:
        PROJECTS.delete(tx, call.account, call.region, name)
        builds = BUILDS.select(tx, {"project_key": f"{call.account}/{call.region}/{name}"})
        if all(build.ended for build in builds):
            tx.after_commit(lambda: forget_caches(call.installation, call.account, call.region, name))


def batch_get_projects(call: Call, params: Params) -> dict[str, Any]:
    """Projects by name or ARN (AWS: BatchGetProjects)."""
    found, missing = [], []
    with call.installation.database.reading() as rx:
        for name in params["names"]:
            project = PROJECTS.get(rx, call.account, call.region, name.rpartition(":project/")[2])
            if project is None:
                missing.append(name)
            else:
                found.append(shown(project))
    return {"projects": found, "projectsNotFound": missing}


def list_projects(call: Call, params: Params) -> dict[str, Any]:
    """The names of the projects (AWS: ListProjects)."""
    with call.installation.database.reading() as rx:
        projects = PROJECTS.select(rx, {"account": call.account, "region": call.region})
    by = {"CREATED_TIME": lambda each: each.created, "LAST_MODIFIED_TIME": lambda each: each.modified}
    order = by.get(params.get("sortBy", "NAME"), lambda each: each.name)
    projects.sort(key=order, reverse=params.get("sortOrder") == "DESCENDING")
    names, token = paging.page(
        [each.name for each in projects], params.get("nextToken"), 100, code="InvalidInputException"
    )
    answer: dict[str, Any] = {"projects": names}
    return answer | ({"nextToken": token} if token else {})


def shown(project: Project) -> dict[str, Any]:
    """A project as CodeBuild answers it (AWS: Project)."""
    defaults: dict[str, Any] = {
        "timeoutInMinutes": 60,
        "queuedTimeoutInMinutes": 480,
        "cache": {"type": "NO_CACHE"},
        "encryptionKey": f"arn:aws:kms:{project.region}:{project.account}:alias/aws/s3",
    }
    hidden = {"badgeEnabled"}
    return (
        defaults
        | {name: value for name, value in project.settings.items() if name not in hidden}
        | {
            "name": project.name,
            "arn": project.arn,
            "tags": project.tags,
            "created": project.created,
            "lastModified": project.modified,
            "badge": {"badgeEnabled": False},
            "projectVisibility": "PRIVATE",
        }
    )


def invalidate_project_cache(call: Call, params: Params) -> None:
    """Throw a project's caches away, docker layers included, for its next build (AWS: InvalidateProjectCache)."""
    with call.installation.database.transaction() as tx:
        project = require_project(tx, call, params["projectName"])
        PROJECTS.put(tx, msgspec.structs.replace(project, cache_number=project.cache_number + 1))
    forget_caches(call.installation, project.account, project.region, project.name)


def list_curated_environment_images(call: Call, params: Params) -> dict[str, Any]:
    """The aws/codebuild images in whose place boatyard's environment runs (AWS: ListCuratedEnvironmentImages)."""
    images = [
        {"name": "aws/codebuild/standard:7.0", "description": "boatyard's build environment", "versions": []},
        {"name": "aws/codebuild/amazonlinux2-x86_64-standard:5.0", "description": "the same", "versions": []},
    ]
    languages = [{"language": "PYTHON", "images": images}, {"language": "DOCKER", "images": images}]
    return {"platforms": [{"platform": "UBUNTU", "languages": languages}]}
