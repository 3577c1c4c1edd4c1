"""Fetches what a build is made of, as the project's service role: from a pipeline, CodeCommit or S3."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from boatyard.api import exports, zips
from boatyard.api.bodies import chunks, whole
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.unpacking import BadArchive, Limits, safe_path

REPOSITORY = re.compile(r"/v1/repos/([\w.-]+?)(?:\.git)?/?$")
LIMITS = Limits(20 << 30)
LARGEST_BUILDSPEC = 1 << 20


class SourceError(Exception):
    """The source could not be fetched; the message names it."""


def fetch(call: Call, source: dict[str, Any], version: str | None, target: Path) -> str | None:
    """Bring a source into an empty directory; the resolved version (commit or object version) where there is one.

    SourceError when it cannot be had. Called again after a crash it starts anew.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    kind = source["type"]
    try:
        if kind == "CODEPIPELINE":
            return _from_s3(call, _object_of_arn(version or source.get("location", "")), None, target)
        if kind == "S3":
            return _from_s3(call, tuple(source["location"].split("/", 1)), version, target)
        if kind == "CODECOMMIT":
            return _from_codecommit(call, source["location"], version, target)
    except ApiError as error:
        where = version or source.get("location", "")
        raise SourceError(f"{error.code}: {error.message} (source {kind} {where})") from error
    return None


def read_buildspec(call: Call, source: dict[str, Any], directory: Path) -> str:
    """The text of the buildspec: given as it is, named by the ARN of an S3 object, or a file of the source."""
    given = source.get("buildspec") or "buildspec.yml"
    if "\n" in given or given.lstrip().startswith(("{", "version:")):
        return str(given)
    if given.startswith("arn:aws:s3:::"):
        bucket, key = _object_of_arn(given)
        try:
            answer = call.invoke("s3", "GetObject", Bucket=bucket, Key=key)
        except ApiError as error:
            raise SourceError(f"The buildspec {given} cannot be read: {error.code}: {error.message}") from error
        if answer["ContentLength"] > LARGEST_BUILDSPEC:
            raise SourceError(f"The buildspec {given} is larger than {LARGEST_BUILDSPEC} bytes")
        return whole(answer["Body"]).decode(errors="replace")
    path = (directory / given).resolve()
    if not path.is_relative_to(directory.resolve()) or not path.is_file():
        raise SourceError(f"YAML file does not exist: {given[:200]}. The source has no such file.")
    if path.stat().st_size > LARGEST_BUILDSPEC:
        raise SourceError(f"The buildspec {given[:200]} is larger than {LARGEST_BUILDSPEC} bytes")
    return path.read_text(errors="replace")


def _object_of_arn(arn: str) -> tuple[str, str]:
    bucket, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
    if not bucket or not key:
        raise SourceError(f"The source artifact is not named as a bucket and a key: {arn[:200]!r}")
    return bucket, key


def _from_s3(call: Call, place: tuple[str, str], version: str | None, target: Path) -> str | None:
    bucket, key = place
    if key.endswith("/"):
        _folder(call, bucket, key, target)
        return None
    params = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
    answer = call.invoke("s3", "GetObject", **params)
    packed = target.with_name(target.name + ".zip")
    with packed.open("wb") as file:
        for chunk in chunks(answer["Body"]):
            file.write(chunk)
    try:
        unzip(packed, target)
    finally:
        packed.unlink()
    found = answer.get("VersionId") or answer.get("ETag")
    return str(found) if found else None


def _folder(call: Call, bucket: str, prefix: str, target: Path) -> None:
    token: str | None = None
    while True:
        params = {"Bucket": bucket, "Prefix": prefix} | ({"ContinuationToken": token} if token else {})
        page = call.invoke("s3", "ListObjectsV2", **params)
        for entry in page.get("Contents", []):
            if not entry["Key"].endswith("/"):
                _object_file(call, bucket, entry["Key"], prefix, target)
        token = page.get("NextContinuationToken")
        if not token:
            return


def _object_file(call: Call, bucket: str, key: str, prefix: str, target: Path) -> None:
    try:
        path = target / safe_path(key[len(prefix) :])
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for chunk in chunks(call.invoke("s3", "GetObject", Bucket=bucket, Key=key)["Body"]):
                file.write(chunk)
    except BadArchive as error:
        raise SourceError(f"The object {key[:200]!r} cannot be a file of the source: {error}") from None
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise SourceError(f"The key {key[:200]!r} is a file and a folder at once, which no source can be") from error


def _from_codecommit(call: Call, location: str, version: str | None, target: Path) -> str:
    found = REPOSITORY.search(location)
    if found is None:
        raise SourceError(f"Not the clone URL of a CodeCommit repository: {location[:200]}")
    repository = found[1]
    branch = version or call.invoke("codecommit", "GetRepository", repositoryName=repository)["repositoryMetadata"].get(
        "defaultBranch"
    )
    if not branch:
        raise SourceError(f"The repository {repository} is empty: push a commit to it first")
    branch = branch.removeprefix("refs/heads/")
    commit = branch
    if not re.fullmatch(r"[0-9a-f]{40}", branch):
        answer = call.invoke("codecommit", "GetBranch", repositoryName=repository, branchName=branch)
        commit = answer["branch"]["commitId"]
    packed = target.with_name(target.name + ".zip")
    with packed.open("wb") as file:
        for chunk in exports.get("codecommit.archive")(call, repository, commit):
            file.write(chunk)
    try:
        unzip(packed, target)
    finally:
        packed.unlink()
    return commit


def unzip(packed: Path, target: Path) -> None:
    """Unpack a zip: no path leads out, links stay inside, and no more than LIMITS. SourceError otherwise."""
    try:
        with packed.open("rb") as file, zips.opened(file, LIMITS) as found:
            zips.unpack(found, target)
    except (BadArchive, OSError) as error:
        raise SourceError(f"The source cannot be unpacked: {error}") from error
