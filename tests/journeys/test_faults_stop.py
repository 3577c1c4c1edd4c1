"""SIGTERM while everything is at work: it ends in time, what runs goes on, and the next server takes it up."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from boatyard.api.timestamps import milliseconds
from tests.journeys.busy import JOBS, WHOLE_BUILD, WHOLE_JOB, Busy
from tests.journeys.conftest import until
from tests.server import RunningServer, unique
from tests.services.codecommit.conftest import Git
from tests.torture.checks import events, orphaned_blobs

HANGS_AFTER = 120
LARGE = 64 << 20
GROUPS = 150


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    """A server of their own with an endpoint in service."""
    running = RunningServer(tmp_path_factory.mktemp("stop") / "data").start()
    try:
        made = Busy(running, tmp_path_factory.mktemp("image"))
        made.start_endpoint()
        yield made
    finally:
        running.discard()


class Clients:
    """Clients that ask without end, each in a thread, and remember what was acknowledged."""

    def __init__(self, busy: Busy, directory: Path) -> None:
        self.busy, self.server = busy, busy.server
        self.name, self.over = unique("stop"), threading.Event()
        self.objects: list[str] = []
        self.lines: list[str] = []
        self.commits: list[str] = []
        self.read = 0
        self.answers = 0
        self.s3, self.logs = self.server.client("s3"), self.server.client("logs")
        self.s3.create_bucket(Bucket=self.name)
        self.logs.create_log_group(logGroupName=self.name)
        self.logs.create_log_stream(logGroupName=self.name, logStreamName="all")
        self.server.client("codecommit").create_repository(repositoryName=self.name)
        self.git = Git(self.server, directory)
        self.git("clone", "--quiet", f"https://git-codecommit.us-east-1.amazonaws.com/v1/repos/{self.name}", "clone")
        self.git.directory = directory / "clone"
        self.git("checkout", "--quiet", "-b", "main")
        kinds = (self.put, self.write, self.tail, self.push, self.ask)
        self.threads = [threading.Thread(target=self.repeat, args=(kind,), daemon=True) for kind in kinds]

    def repeat(self, ask: Callable[[], None]) -> None:
        """Until the server is gone."""
        while not self.over.is_set():
            try:
                ask()
            except (BotoCoreError, ClientError, OSError):
                self.over.wait(0.05)

    def put(self) -> None:
        """A large object."""
        key = str(len(self.objects))
        self.s3.put_object(Bucket=self.name, Key=key, Body=key.encode().ljust(LARGE, b"x"))
        self.objects.append(key)

    def write(self) -> None:
        """A log event."""
        word = str(len(self.lines))
        batch = [{"timestamp": milliseconds(), "message": word}]
        self.logs.put_log_events(logGroupName=self.name, logStreamName="all", logEvents=batch)
        self.lines.append(word)

    def tail(self) -> None:
        """What the log has by now."""
        self.read = len(events(self.logs, self.name, "all"))

    def push(self) -> None:
        """A commit."""
        commit = self.git.commit(large=os.urandom(4 << 20))
        if self.git.attempt("push", "--quiet", "origin", "main")[0] == 0:
            self.commits.append(commit)

    def ask(self) -> None:
        """A prediction."""
        self.answers += self.busy.ask() == b"lasting:row"

    def at_work(self) -> bool:
        """Whether each has had an answer."""
        return all((self.objects, self.lines, self.commits, self.read, self.answers))

    def faults(self) -> list[str]:
        """What was acknowledged and is not there."""
        wrong = []
        for key in self.objects:
            content = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
            if content != key.encode().ljust(LARGE, b"x"):
                wrong.append(f"the object {key}")
        there = events(self.logs, self.name, "all")
        # The last write may have been done and not answered.
        if there[: len(self.lines)] != self.lines or not {*there[len(self.lines) :]} <= {str(len(self.lines))}:
            wrong.append(f"the log has {there}, not {self.lines}")
        known = self.git("ls-remote", "origin", "refs/heads/main").split()[0]
        if self.git.attempt("merge-base", "--is-ancestor", self.commits[-1], known)[0] != 0:
            wrong.append(f"main is at {known}, not at {self.commits[-1]}")
        return wrong


def end_by(server: RunningServer, *signals: signal.Signals) -> None:
    """Send the signals and see it end well.

    It leaves by itself eight seconds after the first one (see Deadline): this limit, which a busy machine keeps too,
    tells that from a process that hangs.
    """
    assert server._process is not None
    for number in signals:
        os.kill(server.pid, number)
    assert server._process.wait(HANGS_AFTER) == 0


def template() -> str:
    """A stack of log groups, one after the other."""
    groups: dict[str, Any] = {}
    for number in range(GROUPS):
        after = {"DependsOn": f"G{number - 1}"} if number else {}
        groups[f"G{number}"] = {"Type": "AWS::Logs::LogGroup", **after}
    return json.dumps({"Resources": groups})


def test_sigterm_during_everything(busy: Busy, tmp_path: Path) -> None:
    server, stacks = busy.server, busy.server.client("cloudformation")
    clients = Clients(busy, tmp_path)
    job, build = busy.start_job(), busy.start_build()
    waiting = busy.invoke_waiting("once")
    busy.functions.api.invoke(FunctionName=busy.function, InvocationType="Event", Payload=b'{"wait": "kept"}')
    until(lambda: busy.waiting_lines() == 2, "both invocations run")
    arns = (busy.job_arn(job), busy.builds.now(build)["arn"], busy.endpoint_arn())
    before = [busy.container(arn) for arn in arns]
    release = busy.release_file(before[0])
    for thread in clients.threads:
        thread.start()
    until(clients.at_work, "every client is at work")
    stacks.create_stack(StackName=clients.name, TemplateBody=template())
    until(lambda: len(stacks.list_stack_resources(StackName=clients.name)["StackResourceSummaries"]) > 1, "a stack")
    end_by(server, signal.SIGTERM)
    clients.over.set()
    server.stop()
    for thread in clients.threads:
        thread.join(120)
        assert not thread.is_alive()
    # Nobody stopped what runs; the function's caller was told.
    assert [each.running for each in before] == [True] * 3
    assert isinstance(waiting(), BotoCoreError | ClientError)
    server.start()
    assert [busy.container(arn).id for arn in arns] == [each.id for each in before]
    assert clients.faults() == []
    release.touch()
    busy.release_build(build)
    ended = busy.job_end(job)
    assert (ended["TrainingJobStatus"], busy.messages(JOBS, job)) == ("Completed", WHOLE_JOB), ended
    done = busy.builds.ended(build)
    assert (done["buildStatus"], busy.build_lines(build)) == ("SUCCEEDED", WHOLE_BUILD), done
    busy.serves()
    # The event that was taken is handed on again.
    until(lambda: busy.waiting_lines() == 3, "the event's function runs again")
    busy.release_function("kept")

    def created() -> bool:
        status = stacks.describe_stacks(StackName=clients.name)["Stacks"][0]["StackStatus"]
        assert status in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"), stacks.describe_stack_events(StackName=clients.name)
        return bool(status == "CREATE_COMPLETE")

    until(created, "the stack is created")
    pages = busy.logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"{clients.name}-G")
    assert sum(len(page["logGroups"]) for page in pages) == GROUPS
    until(lambda: orphaned_blobs(server.data_directory) == [], "no half objects are left")


def test_more_signals_end_it_too_and_harm_nothing(busy: Busy) -> None:
    job = busy.start_job()
    container = busy.container(busy.job_arn(job))
    for signals in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)):
        end_by(busy.server, *signals)
        busy.server.stop()
        busy.server.start()
    assert busy.container(busy.job_arn(job)).id == container.id
    busy.release_file(container).touch()
    assert busy.job_end(job)["TrainingJobStatus"] == "Completed"
    assert busy.messages(JOBS, job) == WHOLE_JOB
