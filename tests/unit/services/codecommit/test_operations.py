"""CodeCommit's API on repositories, branches, commits and files, without a server."""

from typing import Any

import pytest

from boatyard.api.call import Call, Client
from boatyard.api.errors import ApiError

NAME = "algorithm"


def commit(codecommit: Client, files: dict[str, bytes], *, branch: str = "main", **more: Any) -> str:
    """A commit on a branch that puts files."""
    parent = None
    if branch in codecommit.list_branches(repositoryName=NAME)["branches"]:
        parent = codecommit.get_branch(repositoryName=NAME, branchName=branch)["branch"]["commitId"]
    puts = [{"filePath": path, "fileContent": content} for path, content in files.items()]
    made = codecommit.create_commit(
        repositoryName=NAME, branchName=branch, parentCommitId=parent, putFiles=puts or None, **more
    )
    return str(made["commitId"])


def refusal(function: Any, **params: Any) -> str:
    """The code of the error that a call ends with."""
    with pytest.raises(ApiError) as caught:
        function(**params)
    return caught.value.code


def events(call: Call) -> list[dict[str, Any]]:
    """The events in the outbox, oldest first."""
    import json

    with call.installation.database.reading() as rx:
        rows = rx.execute("SELECT event FROM events_outbox ORDER BY position").fetchall()
    return [json.loads(row["event"]) for row in rows]


def test_a_repository_lives_from_creation_to_deletion(codecommit: Client, call: Call) -> None:
    described = codecommit.get_repository(repositoryName=NAME)["repositoryMetadata"]
    assert described["Arn"] == "arn:aws:codecommit:us-east-1:000000000000:algorithm"
    assert described["cloneUrlHttp"] == f"{call.installation.gateway_url}/v1/repos/algorithm"
    assert described["repositoryDescription"] == "A model"
    assert "defaultBranch" not in described
    assert refusal(codecommit.create_repository, repositoryName=NAME) == "RepositoryNameExistsException"
    codecommit.update_repository_name(oldName=NAME, newName="renamed")
    assert refusal(codecommit.get_repository, repositoryName=NAME) == "RepositoryDoesNotExistException"
    assert codecommit.batch_get_repositories(repositoryNames=[NAME, "renamed"])["repositoriesNotFound"] == [NAME]
    arn = codecommit.get_repository(repositoryName="renamed")["repositoryMetadata"]["Arn"]
    codecommit.tag_resource(resourceArn=arn, tags={"team": "one", "stage": "two"})
    codecommit.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert codecommit.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "two"}
    assert codecommit.delete_repository(repositoryName="renamed")["repositoryId"] == described["repositoryId"]
    assert codecommit.delete_repository(repositoryName="renamed") == {}
    assert codecommit.list_repositories()["repositories"] == []
    assert list((call.installation.data_directory / "git").iterdir()) == []


@pytest.mark.parametrize("name", ["../up", "a/b", "with space", "bar.git", "ü", "x" * 101, ".."])
def test_names_that_are_tricks_are_refused(codecommit: Client, name: str) -> None:
    assert refusal(codecommit.create_repository, repositoryName=name) in (
        "InvalidRepositoryNameException",
        "ValidationException",
        "ParamValidationError",
    )


def test_commits_put_change_and_delete_files(codecommit: Client, call: Call) -> None:
    first = commit(codecommit, {"train": b"1", "src/model.py": b"m", "src/other.py": b"o"})
    assert codecommit.get_repository(repositoryName=NAME)["repositoryMetadata"]["defaultBranch"] == "main"
    made = codecommit.create_commit(
        repositoryName=NAME,
        branchName="main",
        parentCommitId=first,
        authorName="Ada",
        email="ada@example.com",
        commitMessage="Second",
        putFiles=[{"filePath": "src/model.py", "fileContent": b"mm"}, {"filePath": "new", "fileContent": b"n"}],
        deleteFiles=[{"filePath": "src/other.py"}],
        setFileModes=[{"filePath": "train", "fileMode": "EXECUTABLE"}],
    )
    assert [one["absolutePath"] for one in made["filesAdded"]] == ["new"]
    assert [one["absolutePath"] for one in made["filesUpdated"]] == ["src/model.py", "train"]
    assert [one["absolutePath"] for one in made["filesDeleted"]] == ["src/other.py"]
    described = codecommit.get_commit(repositoryName=NAME, commitId=made["commitId"])["commit"]
    assert (described["message"], described["parents"]) == ("Second", [first])
    assert (described["author"]["name"], described["author"]["email"]) == ("Ada", "ada@example.com")
    changes = codecommit.get_differences(repositoryName=NAME, beforeCommitSpecifier=first, afterCommitSpecifier="main")[
        "differences"
    ]
    assert sorted((one["changeType"], (one.get("afterBlob") or one["beforeBlob"])["path"]) for one in changes) == [
        ("A", "new"),
        ("D", "src/other.py"),
        ("M", "src/model.py"),
        ("M", "train"),
    ]
    details = [event["detail"] for event in events(call)]
    assert [(one["event"], one["commitId"], one.get("oldCommitId")) for one in details] == [
        ("referenceCreated", first, None),
        ("referenceUpdated", made["commitId"], first),
    ]
    assert details[0]["callerUserArn"] == call.principal.arn


def test_files_and_folders_are_read(codecommit: Client) -> None:
    first = commit(codecommit, {"src/deep/model.py": b"\x00m", "README.md": b"# r"})
    read = codecommit.get_file(repositoryName=NAME, filePath="/src/deep/model.py")
    assert (read["fileContent"], read["fileMode"], read["commitId"]) == (b"\x00m", "NORMAL", first)
    assert codecommit.get_blob(repositoryName=NAME, blobId=read["blobId"])["content"] == b"\x00m"
    folder = codecommit.get_folder(repositoryName=NAME, commitSpecifier="main", folderPath="/")
    assert [one["absolutePath"] for one in folder["files"]] == ["README.md"]
    assert [one["absolutePath"] for one in folder["subFolders"]] == ["src"]
    inner = codecommit.get_folder(repositoryName=NAME, folderPath="src/deep/")
    assert inner["files"][0]["absolutePath"] == "src/deep/model.py"
    assert inner["files"][0]["relativePath"] == "model.py"
    for function, params, code in (
        (codecommit.get_file, {"filePath": "nothing"}, "FileDoesNotExistException"),
        (codecommit.get_file, {"filePath": "../up"}, "InvalidPathException"),
        (codecommit.get_file, {"filePath": "README.md", "commitSpecifier": "nope"}, "CommitDoesNotExistException"),
        (codecommit.get_file, {"filePath": "README.md", "commitSpecifier": "--help"}, "InvalidCommitException"),
        (codecommit.get_file, {"filePath": "README.md", "commitSpecifier": "main^{tree}"}, "InvalidCommitException"),
        (codecommit.get_folder, {"folderPath": "README.md"}, "FolderDoesNotExistException"),
        (codecommit.get_commit, {"commitId": "f" * 40}, "CommitIdDoesNotExistException"),
        (codecommit.get_blob, {"blobId": "f" * 40}, "BlobIdDoesNotExistException"),
    ):
        assert refusal(function, repositoryName=NAME, **params) == code


def test_put_file_and_delete_file_want_the_present_tip(codecommit: Client) -> None:
    put = codecommit.put_file(
        repositoryName=NAME, branchName="main", filePath="a", fileContent=b"1", commitMessage="x", name="Ada"
    )
    tip = put["commitId"]
    again = {"repositoryName": NAME, "branchName": "main", "filePath": "a"}
    assert refusal(codecommit.put_file, **again, fileContent=b"2") == "ParentCommitIdRequiredException"
    assert refusal(codecommit.put_file, **again, fileContent=b"1", parentCommitId=tip) == "SameFileContentException"
    second = codecommit.put_file(**again, fileContent=b"2", parentCommitId=tip)["commitId"]
    assert refusal(codecommit.put_file, **again, fileContent=b"3", parentCommitId=tip) == (
        "ParentCommitIdOutdatedException"
    )
    inside = {"repositoryName": NAME, "branchName": "main", "filePath": "a/b"}
    assert refusal(codecommit.put_file, **inside, fileContent=b"3", parentCommitId=second) == (
        "DirectoryNameConflictsWithFileNameException"
    )
    deleted = codecommit.delete_file(**again, parentCommitId=second)
    assert deleted["filePath"] == "a"
    assert refusal(codecommit.get_file, repositoryName=NAME, filePath="a") == "FileDoesNotExistException"


def test_branches_are_made_listed_and_deleted(codecommit: Client) -> None:
    first = commit(codecommit, {"a": b"1"})
    codecommit.create_branch(repositoryName=NAME, branchName="feature/x", commitId=first)
    assert codecommit.list_branches(repositoryName=NAME)["branches"] == ["feature/x", "main"]
    made = {"repositoryName": NAME, "branchName": "feature/x", "commitId": first}
    assert refusal(codecommit.create_branch, **made) == "BranchNameExistsException"
    for name in ("-x", "a..b", "a b", "x.lock", "a//b", "@{", "a^"):
        assert refusal(codecommit.create_branch, **{**made, "branchName": name}) == "InvalidBranchNameException"
    assert refusal(codecommit.delete_branch, repositoryName=NAME, branchName="main") == (
        "DefaultBranchCannotBeDeletedException"
    )
    codecommit.update_default_branch(repositoryName=NAME, defaultBranchName="feature/x")
    assert codecommit.delete_branch(repositoryName=NAME, branchName="main")["deletedBranch"]["commitId"] == first
    assert refusal(codecommit.get_branch, repositoryName=NAME, branchName="main") == "BranchDoesNotExistException"
    assert codecommit.get_repository(repositoryName=NAME)["repositoryMetadata"]["defaultBranch"] == "feature/x"
