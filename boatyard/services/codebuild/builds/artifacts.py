"""Uploads what a build has made, as the project's service role."""

from __future__ import annotations

import fnmatch
import os
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.codebuild.builds.buildspec import Artifacts
from boatyard.services.codebuild.records import Build


class ArtifactsError(Exception):
    """The artifacts could not be made or uploaded; the message says which."""


class FileBody:
    """An open file as the body of a PutObject."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.length: int | None = os.fstat(file.fileno()).st_size

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        return self._file.read(size)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def upload(
    call: Call, build: Build, target: dict[str, Any], spec: Artifacts | None, source: Path, name: str | None
) -> None:
    """Collect the files that the buildspec names, and put them where the artifacts go."""
    kind = target.get("type", "NO_ARTIFACTS")
    if kind == "NO_ARTIFACTS":
        return
    if spec is None:
        raise ArtifactsError("The buildspec names no artifacts, but the project uploads them: add an artifacts section")
    base = _inside(source, spec.base_directory)
    try:
        files = collect(base, spec.files, spec.exclude)
    except RecursionError:
        raise ArtifactsError("The folders of the source are nested too deeply") from None
    if not files:
        raise ArtifactsError(f"no matching artifact paths found: {', '.join(spec.files)[:500]}")
    encryption = _encryption(build, target)
    if kind == "CODEPIPELINE":
        bucket, _, key = str(target.get("location", "")).removeprefix("arn:aws:s3:::").partition("/")
        _upload_zip(call, bucket, key, base, files, spec.discard_paths, encryption)
        return
    bucket, prefix = target["location"], _prefix(build, target, name)
    if target.get("packaging") == "ZIP":
        _upload_zip(call, bucket, prefix, base, files, spec.discard_paths, encryption)
        return
    for file in files:
        relative = file.name if spec.discard_paths else file.relative_to(base).as_posix()
        _put(call, bucket, f"{prefix}/{relative}".strip("/"), file, encryption)


def _encryption(build: Build, target: dict[str, Any]) -> dict[str, str]:
    key = build.settings.get("encryptionKey", "")
    if target.get("encryptionDisabled") or not key or key.endswith("alias/aws/s3"):
        return {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}


def _prefix(build: Build, target: dict[str, Any], name: str | None) -> str:
    final = target.get("name") or build.project
    if target.get("overrideArtifactName") and name:
        final = name
    parts = [target.get("path", "").strip("/")]
    if target.get("namespaceType") == "BUILD_ID":
        parts.append(build.uuid)
    parts.append(final.strip("/") if final != "/" else "")
    return "/".join(part for part in parts if part)


def _inside(source: Path, directory: str) -> Path:
    base = (source / directory).resolve()
    if not base.is_relative_to(source.resolve()):
        raise ArtifactsError(f"base-directory leads out of the source: {directory[:200]!r}")
    if not base.is_dir():
        raise ArtifactsError(f"no matching base directory path found for {directory[:200]}")
    return base


def collect(base: Path, patterns: list[str], exclude: list[str]) -> list[Path]:
    """The files below `base` that match a pattern (`**/*`, a path, a directory) and no excluded one; no links out."""
    wanted = [_expression(pattern) for pattern in patterns]
    unwanted = [_expression(pattern) for pattern in exclude]
    found = []
    root = base.resolve()
    for folder, directories, names in os.walk(base):
        directories.sort()
        for name in sorted(names):
            path = Path(folder) / name
            relative = path.relative_to(base).as_posix()
            if not any(each.fullmatch(relative) for each in wanted) or any(
                each.fullmatch(relative) for each in unwanted
            ):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise ArtifactsError(f"The artifact {relative!r} is a link that leads out of the source")
            if path.is_file():
                _check_name(relative)
                found.append(path)
    return found


def _check_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ArtifactsError(f"The name of the artifact {name!r} is not UTF-8") from None


def _expression(pattern: str) -> re.Pattern[str]:
    pattern = pattern.removeprefix("./").removeprefix("/")
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = [special.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern)]
    return re.compile("".join(parts) or fnmatch.translate(pattern))


def _upload_zip(
    call: Call,
    bucket: str,
    key: str,
    base: Path,
    files: list[Path],
    discard: bool,
    encryption: dict[str, str],
) -> None:
    with tempfile.NamedTemporaryFile(dir=base.parent, suffix=".zip") as packed:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            for file in files:
                archive.write(file, file.name if discard else file.relative_to(base).as_posix())
        packed.flush()
        _put(call, bucket, key, Path(packed.name), encryption)


def _put(call: Call, bucket: str, key: str, path: Path, encryption: dict[str, str]) -> None:
    body = FileBody(path.open("rb"))
    try:
        call.invoke("s3", "PutObject", Bucket=bucket, Key=key, Body=body, **encryption)
    except ApiError as error:
        raise ArtifactsError(f"s3://{bucket}/{key} cannot be written: {error.code}: {error.message}") from error
    finally:
        body.close()
