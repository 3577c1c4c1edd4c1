"""What CodeCommit offers to CodePipeline and CodeBuild beside AWS's operations: a commit's files as a zip."""

import subprocess
import tempfile
from collections.abc import Iterator
from typing import IO

from boatyard.api import exports
from boatyard.api.call import Call
from boatyard.services.codecommit.checks import find_repository, resolve
from boatyard.services.codecommit.git import Git, GitError, environment
from boatyard.services.codecommit.references import repository_git

CHUNK = 1 << 18


def archive(call: Call, repository: str, commit: str) -> Iterator[bytes]:
    """A zip of the files of a commit (an id, a branch or a tag), without git's own files, in pieces.

    The same commit always gives the same bytes. Needs codecommit:UploadArchive as CodePipeline's service role does
    on AWS. ApiError: RepositoryDoesNotExistException, CommitDoesNotExistException, or access denied.
    """
    call.authorize("codecommit", "UploadArchive", {"repositoryName": repository})
    git = repository_git(call.installation, find_repository(call, repository))
    return _pieces(git, resolve(git, commit))


def _pieces(git: Git, commit: str) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            ["git", f"--git-dir={git.directory}", "archive", "--format=zip", commit],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment({"TZ": "UTC"}),
            cwd=git.directory,
        )
        try:
            if process.stdout is not None:
                yield from _read(process.stdout)
            if process.wait() != 0:
                errors.seek(0)
                raise GitError(process.returncode, f"git archive of {commit}: {errors.read().decode(errors='replace')}")
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _read(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


exports.register("codecommit.archive", archive)
