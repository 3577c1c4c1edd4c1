"""The blueprint's whole life on a server that dies in it: stacks, push, pipeline, new data, and everything deleted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from boatyard.demo import delivery, production
from tests.torture import checks, leftovers
from tests.torture.lab import STAGES, TortureLab, TrappedServer
from tests.torture.ledger import Ledger


@dataclass
class Lifetime:
    """One server, one lab, one ledger; what was wrong in it."""

    server: TrappedServer
    directory: Path
    seed: int = 0
    wrong: list[str] = field(default_factory=list)
    commits: int = 0
    by_hand: int = 0
    """Executions that were started by hand."""
    missed: list[str] = field(default_factory=list)
    """Boundaries that were not reached before the end."""

    def __post_init__(self) -> None:
        self.lab = TortureLab(self.server, self.directory)
        self.ledger = Ledger(self.server, self.directory, self.seed)
        self.began = time.monotonic()
        self.running = ExitStack()

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"{time.monotonic() - self.began:6.1f} s, {self.server.deaths} deaths: {text}", flush=True)

    def begin(self) -> None:
        """From now on the server is written to, and started again whenever it has died."""
        self.ledger.prepare()
        self.running.enter_context(self.server.watched())
        self.running.enter_context(self.ledger.writing())

    def end(self) -> None:
        """Nobody writes or dies any more, and what was acknowledged must be there."""
        self.missed = self.server.still_to_die()
        self.server.dies([])
        self.running.close()
        with self.server.watched():
            self.check("the ledger", self.ledger.missing())
        self.say(f"{self.ledger.acknowledged} acknowledged things are checked")

    def check(self, what: str, wrong: list[str]) -> None:
        """Note what is wrong."""
        if wrong:
            self.say(f"WRONG {what}: {wrong}")
            self.wrong += [f"{what}: {each}" for each in wrong]

    def bring_up(self) -> None:
        """Both stacks and the data; whatever executions these start have ended."""
        self.lab.bring_up()
        self.quiet()
        self.say("the stacks are up")

    def deliver(self, mark: str) -> None:
        """A push, and all that follows from it, once."""
        self.lab.mark(mark)
        before = self.lab.patiently(lambda: checks.done(self.lab))
        commit = self.lab.push()
        self.commits += 1
        self._follow(commit, before)
        self.check("kept", self.lab.patiently(lambda: checks.not_kept(self.lab, commit)))
        self.check("logs", self.lab.settled(lambda: checks.log_faults(self.lab, mark)))

    def retrain(self, mark: str) -> None:
        """New data, and all that follows from it, once; the containers of `mark` are replaced."""
        before = self.lab.patiently(lambda: checks.done(self.lab))
        data = production.new_training_data(self.lab.lab)
        s3, bucket = self.lab.lab.client("s3"), self.lab.lab.data_bucket
        version = self.lab.patiently(lambda: s3.put_object(Bucket=bucket, Key="train/iris.csv", Body=data)["VersionId"])
        self._follow(version, before)
        self.check("last words", self.lab.settled(lambda: checks.end_faults(self.lab, mark)))

    def _follow(self, revision: str, before: checks.Done) -> None:
        execution = self.lab.execution_of(revision)
        status = self.lab.follow(execution)
        self.say(f"the execution {execution[:8]} is {status}")
        if status != "Succeeded":
            self.check("execution", [f"{status}: {self.lab.story(execution)}"])
            return
        self.quiet()
        for stage in STAGES:
            self.check("predictions", self.lab.settled(lambda stage=stage: self._unanswered(stage)))  # type: ignore[misc]
        after = self.lab.patiently(lambda: checks.done(self.lab))
        self.check("once", checks.work_faults(self.lab, before, after))

    def _unanswered(self, stage: str) -> list[str]:
        """Why an endpoint does not answer: after a death it takes a moment to."""
        try:
            self.lab.ask(stage)
        except (BotoCoreError, ClientError) as error:
            return [f"{stage}: {error}"]
        return []

    def not_died(self) -> list[str]:
        """The boundaries that were not reached, some of which lie shortly behind what a client sees."""
        return self.lab.settled(lambda: [*self.server.still_to_die(), *self.server.unnoticed_deaths()])

    def quiet(self) -> None:
        """Wait until every execution has ended, and there are as many as were caused."""
        self.check("executions", self.lab.settled(lambda: self.lab.patiently(self._execution_faults)))

    def _execution_faults(self) -> list[str]:
        """One for the pipeline's creation, one for each commit and each version of the data, and those by hand."""
        lab = self.lab.lab
        client, s3 = lab.client("codepipeline"), lab.client("s3")
        versions = s3.list_object_versions(Bucket=lab.data_bucket, Prefix="train/iris.csv").get("Versions", [])
        expected = 1 + self.commits + len(versions) + self.by_hand
        found = client.list_pipeline_executions(pipelineName=lab.pipeline)["pipelineExecutionSummaries"]
        wrong = [str(each) for each in found if each["status"] not in delivery.ENDED]
        return wrong if len(found) == expected else [*wrong, f"{len(found)} executions, not {expected}"]

    def tear_down(self) -> None:
        """Everything deleted that the lab has made, as the blueprint's clean-up does it."""
        sagemaker = self.lab.lab.client("sagemaker")
        for stage in STAGES:
            self._delete(sagemaker.delete_endpoint, EndpointName=self.lab.lab.endpoint(stage))
        for each in self.lab.patiently(sagemaker.list_endpoint_configs)["EndpointConfigs"]:
            self._delete(sagemaker.delete_endpoint_config, EndpointConfigName=each["EndpointConfigName"])
        for each in self.lab.patiently(sagemaker.list_models)["Models"]:
            self._delete(sagemaker.delete_model, ModelName=each["ModelName"])
        for stack in ("pipeline", "prepare"):
            self._delete_stack(f"{self.lab.lab.prefix}-{stack}")
        self.check("endpoints", self.lab.settled(lambda: self.lab.patiently(sagemaker.list_endpoints)["Endpoints"]))
        self.say("everything is deleted")

    def _delete(self, function: Any, **params: str) -> None:
        """Delete something, which the try before may have done."""

        def once() -> None:
            try:
                function(**params)
            except ClientError as error:
                if not any(word in str(error) for word in ("Could not find", "does not exist", "Cannot delete")):
                    raise

        self.lab.patiently(once)

    def _delete_stack(self, name: str) -> None:
        client = self.lab.lab.client("cloudformation")
        stack = self.lab.patiently(lambda: client.describe_stacks(StackName=name))["Stacks"][0]["StackId"]
        resources = self.lab.patiently(lambda: client.list_stack_resources(StackName=name))["StackResourceSummaries"]
        for each in resources:
            if each["ResourceType"] == "AWS::S3::Bucket":
                self.lab.patiently(lambda bucket=each["PhysicalResourceId"]: self._empty(bucket))  # type: ignore[misc]
        self.lab.patiently(lambda: client.delete_stack(StackName=name))

        def status() -> list[str]:
            found = self.lab.patiently(lambda: client.describe_stacks(StackName=stack))["Stacks"][0]
            return [] if found["StackStatus"] == "DELETE_COMPLETE" else [f"{found['StackStatus']}: {found}"]

        self.check(f"stack {name}", self.lab.settled(status))

    def _empty(self, bucket: str) -> None:
        s3 = self.lab.lab.client("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            if keys:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})

    def at_rest(self) -> leftovers.Present:
        """What the server leaves when it is told to stop; it is stopped afterwards.

        Files that nothing names any more go at a start.
        """
        directory = self.server.data_directory
        self.server.restart()
        self.check("files", self.lab.settled(lambda: leftovers.orphaned_blobs(directory)))
        engine = self.lab.engine()
        functions = {"boatyard.service": "lambda"}
        self.check("functions", self.lab.settled(lambda: [each.name for each in engine.containers(functions)]))
        self.check("bridges", self.lab.settled(lambda: leftovers.forgotten_bridges(engine)))
        self.server.stop()
        # The monitors of the last containers clean up behind themselves; who stays is counted.
        self.lab.settled(lambda: leftovers.processes(directory))
        found = leftovers.present(directory, engine)
        engine.close()
        self.check("database", leftovers.database_faults(directory))
        return found


@contextmanager
def lifetime(directory: Path, seed: int = 0) -> Iterator[Lifetime]:
    """A lifetime on a server of its own, which is removed with everything afterwards."""
    directory.mkdir(parents=True, exist_ok=True)
    server = TrappedServer(directory / "data", authorization="enforce")
    try:
        server.start()
        made = Lifetime(server, directory, seed)
        with made.running:
            yield made
    finally:
        server.fault.unlink(missing_ok=True)
        server.discard()
