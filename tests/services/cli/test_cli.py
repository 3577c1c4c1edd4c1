"""The `boatyard` command as a person uses it, with a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from tests.server import RunningServer, free_port, unique

REPOSITORY = Path(__file__).parent.parent.parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]


class Home:
    """A home directory and a port, in which commands are run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / ".local" / "share" / "boatyard"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BOATYARD_", "XDG_"))}
        self.environment = kept | {
            "HOME": str(directory),
            "BOATYARD_PORT": str(free_port()),
            "PYTHONPATH": str(REPOSITORY),
            "TMPDIR": str(directory),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def run(self, *arguments: str, answer: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        """`boatyard ARGUMENTS`, its standard input `answer`."""
        return subprocess.run(
            [sys.executable, "-m", "boatyard.cli.main", *arguments],
            env=self.environment | settings,
            cwd=self.directory,
            input=answer,
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home; whatever runs in it ends with the test."""
    made = Home(tmp_path)
    yield made
    made.run("down", "--all")


def _ok(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_up_env_status_down(home: Home) -> None:
    assert "is ready on http://127.0.0.1:" in _ok(home.run("up"))
    assert "already runs" in _ok(home.run("up"))
    variables = json.loads(_ok(home.run("env", "--json")))
    client = boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    )
    client.create_bucket(Bucket="from-the-cli-test")
    told = json.loads(_ok(home.run("status", "--json")))
    assert (told["running"], told["answers"]) == (True, True)
    assert told["resources"]["buckets"] == ["from-the-cli-test"]
    _ok(home.run("down"))
    down = home.run("status")
    assert (down.returncode, "boatyard up" in down.stdout) == (1, True)
    client.close()
    _ok(home.run("up"))
    assert [each["Name"] for each in client.list_buckets()["Buckets"]] == ["from-the-cli-test"]
    client.close()


def test_after_a_kill_no_other_process_is_taken_for_the_server(home: Home) -> None:
    _ok(home.run("up"))
    status = home.data / "server.json"
    written = json.loads(status.read_text())
    os.kill(written["pid"], signal.SIGKILL)
    with subprocess.Popen(["sleep", "600"]) as innocent:
        # A reboot may give the number to anyone.
        status.write_text(json.dumps(written | {"pid": innocent.pid}))
        assert home.run("status").returncode == 1
        home.run("down")
        assert innocent.poll() is None
        assert "is ready on" in _ok(home.run("up"))
        innocent.kill()


def test_a_start_whose_command_was_killed_goes_on(home: Home) -> None:
    with subprocess.Popen([sys.executable, "-m", "boatyard.cli.main", "up"], env=home.environment) as command:
        deadline = time.monotonic() + 120
        while not (home.data / "lock").exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        command.kill()
    # Either it runs by now, or it is still starting, which a second start does not disturb.
    while home.run("status").returncode != 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "already runs" in _ok(home.run("up"))


def test_exports_are_for_a_shell_and_profiles_for_the_aws_cli(server: RunningServer, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.environment["BOATYARD_DATA_DIRECTORY"] = str(server.data_directory)
    command = 'eval "$("$0" -m boatyard.cli.main env)" && aws sts get-caller-identity --query Arn --output text'
    path = f"{Path(sys.executable).parent}:{home.environment['PATH']}"
    environment = home.environment | {"PATH": path, "AWS_PROFILE": "stale", "AWS_SESSION_TOKEN": "stale"}
    shell = subprocess.run(
        ["sh", "-c", command, sys.executable], env=environment, capture_output=True, text=True, timeout=300
    )
    assert shell.stdout.strip() == "arn:aws:iam::000000000000:root", shell.stderr
    config = home.directory / "aws-config"
    config.write_text(_ok(home.run("env", "--profile", "boatyard")))
    named = home.environment | {"PATH": path, "AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "boatyard"}
    account = subprocess.run(
        ["aws", "sts", "get-caller-identity", "--query", "Account", "--output", "text"],
        env=named,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert account.stdout.strip() == "000000000000", account.stderr


def test_ephemeral_servers_leave_nothing(home: Home) -> None:
    _ok(home.run("up", "--ephemeral"))
    told = json.loads(_ok(home.run("status", "--json")))
    directory = Path(told["data_directory"])
    assert (told["ephemeral"], directory.exists()) == (True, True)
    _ok(home.run("down"))
    assert not directory.exists()
    assert not home.data.exists()


def test_reset_asks_and_then_removes_all(home: Home) -> None:
    _ok(home.run("up"))
    refused = home.run("reset", answer="n\n")
    assert (refused.returncode, home.data.exists()) == (1, True)
    _ok(home.run("reset", answer="y\n"))
    assert not home.data.exists()
    assert home.run("status").returncode == 1


def test_reset_keeps_its_hands_off_other_directories(home: Home) -> None:
    (home.directory / "precious").mkdir()
    (home.directory / "precious" / "file").write_text("mine")
    refused = home.run("--data-directory", str(home.directory / "precious"), "reset", "--yes")
    assert refused.returncode == 1
    assert "nothing was removed" in refused.stderr
    assert (home.directory / "precious" / "file").exists()


def test_an_ephemeral_server_refuses_a_directory_with_data(home: Home) -> None:
    directory = home.directory / "precious"
    directory.mkdir()
    (directory / "file").write_text("mine")
    refused = home.run("up", BOATYARD_EPHEMERAL="true", BOATYARD_DATA_DIRECTORY=str(directory))
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr
    assert (directory / "file").exists()


def test_a_taken_port_names_the_ways_out(home: Home, server: RunningServer) -> None:
    refused = home.run("up", "--port", str(server.port))
    assert refused.returncode == 1
    assert f"Port {server.port}" in refused.stderr
    assert "--port" in refused.stderr


@pytest.mark.parametrize("command", [["env"], ["logs"], ["watch"]])
def test_without_a_server_the_way_out_is_named(home: Home, command: list[str]) -> None:
    refused = home.run(*command)
    assert refused.returncode == 1
    assert "'boatyard up'" in refused.stderr


def test_settings_that_are_wrong_are_named(home: Home) -> None:
    refused = home.run("up", BOATYARD_ACCOUNT_ID="12")
    assert refused.returncode == 1
    assert "account_id" in refused.stderr
    assert "Traceback" not in refused.stderr
    (home.directory / "config.toml").write_text("port = = 1")
    refused = home.run("--configuration", "config.toml", "up")
    assert (refused.returncode, "not valid TOML" in refused.stderr) == (1, True)


def test_the_configuration_file_is_read(home: Home) -> None:
    (home.directory / "config.toml").write_text('account_id = "111122223333"\nregion = "eu-west-1"\n')
    _ok(home.run("--configuration", "config.toml", "up"))
    told = json.loads(_ok(home.run("--configuration", "config.toml", "status", "--json")))
    assert (told["account"], told["region"]) == ("111122223333", "eu-west-1")


def test_logs_of_a_group_and_of_the_server(server: RunningServer, tmp_path: Path) -> None:
    group, client = f"/aws/codebuild/{unique('project')}", server.client("logs")
    client.create_log_group(logGroupName=group)
    client.create_log_stream(logGroupName=group, logStreamName="one")
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": "first line"}, {"timestamp": now + 1, "message": "second line"}]
    client.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)
    home = Home(tmp_path)
    directory = {"BOATYARD_DATA_DIRECTORY": str(server.data_directory)}
    assert group in _ok(home.run("logs", **directory)).splitlines()
    lines = _ok(home.run("logs", group, **directory)).splitlines()
    assert [line.partition(" one ")[2] for line in lines] == ["first line", "second line"]
    assert "one first line" in _ok(home.run("logs", "codebuild", **directory))
    assert "Ready on" in _ok(home.run("logs", "server", **directory))
    missing = home.run("logs", "/aws/codebuild/none", **directory)
    assert (missing.returncode, "lists them all" in missing.stderr) == (1, True)


def test_logs_follow_what_comes(server: RunningServer, tmp_path: Path) -> None:
    group, client = f"/aws/lambda/{unique('function')}", server.client("logs")
    home = Home(tmp_path)
    client.create_log_group(logGroupName=group)
    client.create_log_stream(logGroupName=group, logStreamName="one")
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "boatyard.cli.main", "logs", group, "--follow"],
        env=home.environment | {"BOATYARD_DATA_DIRECTORY": str(server.data_directory)},
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        try:
            for message in ("before", "after"):
                event = {"timestamp": int(time.time() * 1000), "message": message}
                client.put_log_events(logGroupName=group, logStreamName="one", logEvents=[event])
                assert following.stdout.readline().rstrip().endswith(message)
        finally:
            following.kill()
