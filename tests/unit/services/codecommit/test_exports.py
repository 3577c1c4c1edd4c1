"""The archive that pipelines and builds take, and git's configuration lines."""

import io
import zipfile

import pytest

from boatyard.api import exports
from boatyard.api.call import Call, Client
from boatyard.api.errors import ApiError
from boatyard.api.git_configuration import aws_address, git_environment, git_file

from .test_operations import NAME, commit

FILES = {"src/train": b"1", "ü.txt": b"2", ".gitattributes": b"src export-ignore\n"}


def test_the_archive_has_the_files_of_the_commit(codecommit: Client, call: Call) -> None:
    first = commit(codecommit, FILES)
    commit(codecommit, {"later": b"3"})
    archive = exports.get("codecommit.archive")
    content = b"".join(archive(call, NAME, first))
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        files = {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}
    assert files == FILES
    assert b"".join(archive(call, NAME, first)) == content
    with zipfile.ZipFile(io.BytesIO(b"".join(archive(call, NAME, "main")))) as opened:
        assert "later" in opened.namelist()
    for repository, name, code in (
        (NAME, "f" * 40, "CommitDoesNotExistException"),
        ("none", "main", "RepositoryDoesNotExistException"),
        (NAME, "--output=/tmp/x", "InvalidCommitException"),
    ):
        with pytest.raises(ApiError) as caught:
            archive(call, repository, name)
        assert caught.value.code == code


def test_the_configuration_leads_aws_addresses_to_the_server() -> None:
    text = git_file("http://127.0.0.1:4566", ["eu-west-1"])
    assert '[url "http://127.0.0.1:4566/v1/repos/"]' in text
    assert 'insteadOf = "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/"' in text
    environment = git_environment("http://127.0.0.1:4566", helper="!helper")
    assert environment["GIT_CONFIG_COUNT"] == str(len(environment) // 2)
    assert "!helper" in environment.values()


def test_in_a_container_the_machines_own_address_leads_to_the_server(call: Call) -> None:
    assert 'insteadOf = "http://127.0.0.1:4566/v1/repos/"' in git_file("http://10.89.0.1:4566")
    assert 'insteadOf = "http://127.0.0.1' not in git_file("http://127.0.0.1:4566")
    address = f"{call.installation.gateway_url}/v1/repos/model"
    assert aws_address(call, address) == "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/model"
    assert aws_address(call, "https://example.com/v1/repos/model") == "https://example.com/v1/repos/model"


def test_a_mirror_in_codecommit_is_named_as_the_server_is_reached() -> None:
    for mirror in ("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/m", "http://127.0.0.1:4566/v1/repos/m"):
        text = git_file("http://10.89.0.1:4566", mirrors={"https://git.example/a": mirror})
        assert text.endswith('[url "http://10.89.0.1:4566/v1/repos/m"]\n\tinsteadOf = "https://git.example/a"\n')
    elsewhere = git_file("http://10.89.0.1:4566", mirrors={"https://git.example/": "https://mirror.example/git/"})
    assert elsewhere.endswith('[url "https://mirror.example/git/"]\n\tinsteadOf = "https://git.example/"\n')
