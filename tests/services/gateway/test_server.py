"""The server process: it starts, ends, refuses what it must, and comes back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer, unique

Scratch = Callable[..., RunningServer]


def _start_another(server: RunningServer, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = server.server_environment() | settings
    return subprocess.run(
        [sys.executable, "-m", "boatyard.gateway.server"], env=environment, capture_output=True, text=True, timeout=120
    )


def test_it_answers_health_without_a_signature(server: RunningServer) -> None:
    with urllib.request.urlopen(f"{server.url}/_boatyard/health", timeout=60) as answer:
        assert json.load(answer)["status"] == "ready"


def test_a_second_server_on_the_same_data_directory_is_refused(server: RunningServer) -> None:
    ended = _start_another(server, BOATYARD_PORT="0")
    assert ended.returncode == 1
    assert str(server.data_directory) in ended.stderr
    assert "boatyard down" in ended.stderr


def test_a_taken_port_is_reported_with_a_way_out(server: RunningServer, tmp_path: Any) -> None:
    ended = _start_another(server, BOATYARD_DATA_DIRECTORY=str(tmp_path / "other"))
    assert ended.returncode == 1
    assert f"Port {server.port}" in ended.stderr
    assert "--port" in ended.stderr


def test_what_was_answered_is_there_after_a_kill_and_a_restart(scratch: Scratch) -> None:
    running = scratch()
    group = unique("group")
    running.client("logs").create_log_group(logGroupName=group)
    running.kill()
    running.start()
    groups = running.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert [each["logGroupName"] for each in groups] == [group]


def test_sigterm_ends_it_cleanly(scratch: Scratch) -> None:
    running = scratch()
    assert running.stop() == 0
    assert not (running.data_directory / "server.json").exists()


def test_reset_empties_an_ephemeral_server_only(server: RunningServer, scratch: Scratch) -> None:
    running = scratch(ephemeral="true")
    running.client("logs").create_log_group(logGroupName=unique("group"))
    running.reset()
    assert running.client("logs").describe_log_groups()["logGroups"] == []
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.reset()
    assert refused.value.code == 403
    refused.value.close()


def test_reset_without_the_root_key_is_refused(server: RunningServer) -> None:
    request = urllib.request.Request(f"{server.url}/_boatyard/reset", data=b"", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 403
    refused.value.close()


def test_the_access_log_names_caller_operation_and_outcome(server: RunningServer) -> None:
    with pytest.raises(ClientError) as refused:
        server.client("logs").delete_log_group(logGroupName=unique("missing"))
    request_id = refused.value.response["ResponseMetadata"]["RequestId"]
    log = server.data_directory / "logs" / "access.log"
    # The line is written when the answer has gone out.
    deadline = time.monotonic() + 120
    while request_id not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    line = next(line for line in log.read_text().splitlines() if request_id in line)
    assert "arn:aws:iam::000000000000:root logs DeleteLogGroup 400" in line
    assert line.endswith("ResourceNotFoundException")
