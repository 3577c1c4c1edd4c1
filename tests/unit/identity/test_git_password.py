"""The git password is checked against the AWS CLI's own credential helper, not against this code."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from boatyard.identity import git_password
from boatyard.identity.git_password import answer, sign, split_user, verify

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PATH = "/v1/repos/algorithm"


@pytest.mark.parametrize(
    ("host", "region"), [("127.0.0.1:4566", "eu-west-1"), ("git-codecommit.us-east-2.amazonaws.com", "us-east-2")]
)
def test_the_aws_cli_credential_helper_is_understood(host: str, region: str, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": "token/with=signs",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "awscli", "codecommit", "credential-helper", "get", "--ignore-host-check"],
        input=f"protocol=http\nhost={host}\npath={PATH[1:]}\n",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    answer = dict(line.split("=", 1) for line in done.stdout.splitlines())
    user = split_user(answer["username"])
    assert (user.access_key, user.session_token) == ("ASIAEXAMPLE", "token/with=signs")
    regions = ["us-east-1", "us-east-2", "eu-west-1"]
    assert verify(answer["password"], SECRET, PATH, ["127.0.0.1"], regions) == region
    assert verify(answer["password"], SECRET + "x", PATH, ["127.0.0.1"], regions) is None
    assert verify(answer["password"], SECRET, PATH + "2", ["127.0.0.1"], regions) is None


def test_a_password_is_good_for_fifteen_minutes() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    password = sign(SECRET, "us-east-1", "localhost", PATH, moment)
    for minutes, region in ((14, "us-east-1"), (16, None), (-16, None)):
        later = moment + timedelta(minutes=minutes)
        assert verify(password, SECRET, PATH, ["localhost"], ["us-east-1"], later) == region


@pytest.mark.parametrize("password", ["", "x", "20260102T030405", "20260102T030405Z", "2026é102T030405Zé"])
def test_what_is_no_password_is_refused(password: str) -> None:
    assert verify(password, SECRET, PATH, ["localhost"], ["us-east-1"]) is None


def test_the_own_helper_answers_as_git_asks() -> None:
    question = f"protocol=http\nhost=127.0.0.1:4566\npath={PATH[1:]}\n\n"
    keys = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-west-1"}
    answered = dict(line.split("=", 1) for line in answer(question, {**keys, "AWS_SESSION_TOKEN": "t"}).splitlines())
    assert answered["username"] == "ASIA%t"
    assert verify(answered["password"], SECRET, PATH, ["127.0.0.1"], ["us-east-1", "eu-west-1"]) == "eu-west-1"
    assert answer(question, {}) == ""
    assert answer("protocol=http\nhost=127.0.0.1\n", keys) == ""


def test_the_helper_runs_where_nothing_is_installed() -> None:
    """Git starts it as a bare program (`own_helper`): an import of anything but the standard library ends it."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(Path(git_password.__file__)), "get"],
        input=f"protocol=http\nhost=127.0.0.1:4566\npath={PATH[1:]}\n",
        env={"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "username=AKIAEXAMPLE\n" in done.stdout
