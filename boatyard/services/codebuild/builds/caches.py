"""What `cache.paths` keeps between builds: on this machine, or in S3 as the project's service role."""

from __future__ import annotations

from pathlib import Path

from boatyard.api.bodies import chunks
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.containers.foreign_files import clear, open_plain
from boatyard.services.codebuild.builds.artifacts import FileBody
from boatyard.services.codebuild.builds.buildspec import Buildspec
from boatyard.services.codebuild.builds.directories import Directories
from boatyard.services.codebuild.records import Build, Project

ARCHIVE = "cache.tar"
NEW = "new.tar"


def cached_paths(build: Build, spec: Buildspec) -> list[str]:
    """The paths to keep; none where the project's cache is of another kind."""
    cache = build.settings.get("cache") or {}
    if cache.get("type") == "S3" or "LOCAL_CUSTOM_CACHE" in (cache.get("modes") or []):
        return spec.cache
    return []


def directory(build: Build, where: Directories) -> Path:
    """What the container sees at /codebuild/cache: the agent reads cache.tar there and writes new.tar."""
    local = (build.settings.get("cache") or {}).get("type") == "LOCAL"
    found = where.cache if local else where.root / "cache"
    found.mkdir(parents=True, exist_ok=True)
    return found


def _place(build: Build, project: Project | None) -> dict[str, str] | None:
    cache = build.settings.get("cache") or {}
    if cache.get("type") != "S3":
        return None
    bucket, _, prefix = cache["location"].partition("/")
    number = project.cache_number if project is not None else 0
    return {
        "Bucket": bucket,
        "Key": "/".join(part for part in (prefix.strip("/"), f"{build.project}-{number}") if part),
    }


def download(call: Call, build: Build, project: Project | None, where: Directories) -> str | None:
    """Fetch the cache from S3; what went wrong, for the log: a build does without a cache."""
    clear(directory(build, where) / NEW)
    place = _place(build, project)
    if place is None:
        return None
    target = directory(build, where) / ARCHIVE
    clear(target)
    try:
        body = call.invoke("s3", "GetObject", **place)["Body"]
        with target.open("wb") as file:
            for chunk in chunks(body):
                file.write(chunk)
    except ApiError as error:
        if error.code == "NoSuchKey":
            return None
        return f"The cache s3://{place['Bucket']}/{place['Key']} cannot be read: {error.code}: {error.message}"
    return None


def keep(call: Call, build: Build, project: Project | None, where: Directories) -> str | None:
    """Keep what the build has cached for the next one; what went wrong, for the log."""
    new = directory(build, where) / NEW
    packed = open_plain(new)
    if packed is None:
        return None
    place = _place(build, project)
    if place is None:
        packed.close()
        clear(new.with_name(ARCHIVE))
        new.replace(new.with_name(ARCHIVE))
        return None
    body = FileBody(packed)
    try:
        call.invoke("s3", "PutObject", **place, Body=body)
    except ApiError as error:
        return f"The cache s3://{place['Bucket']}/{place['Key']} cannot be written: {error.code}: {error.message}"
    finally:
        body.close()
    return None
