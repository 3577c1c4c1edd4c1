"""The blueprint, brought up once, and executions of its pipeline whose every line of output is numbered."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from boatyard.cli.servers import Running
from boatyard.containers.engine import Engine
from boatyard.demo import delivery, production, stacks
from boatyard.demo.lab import DemoFailed, Lab, blueprint_directory
from boatyard.demo.show import Show
from boatyard.settings import Settings
from tests.server import ROOT_KEY, ROOT_SECRET, RunningServer
from tests.torture.faults import fault_file

T = TypeVar("T")
LINES = 40
PATIENCE = 600.0
STAGES = ("dev", "test", "prod")
ALGORITHM = Path(__file__).parent / "algorithm"


class TrappedServer(RunningServer):
    """A server that dies where it is told to."""

    module = "tests.torture.faults"

    @property
    def fault(self) -> Path:
        """The file that tells it."""
        return fault_file(self.data_directory)

    def dies(self, **plan: Any) -> None:
        """Have it die; see faults.Trap."""
        temporary = self.fault.with_suffix(".new")
        temporary.write_text(json.dumps(plan))
        temporary.replace(self.fault)

    def revived(self) -> bool:
        """Whether it was dead, and was started again."""
        if self.alive:
            return False
        self.kill()
        self.start()
        return True


class TortureLab:
    """The lab of the demonstration on a server that may die at any time."""

    def __init__(self, server: TrappedServer, directory: Path) -> None:
        self.server = server
        self.show = Show()
        self.show.console.quiet = True
        self.blueprint = directory / "blueprint"
        shutil.copytree(blueprint_directory(), self.blueprint)
        shutil.rmtree(self.blueprint / "algorithm")
        shutil.copytree(ALGORITHM, self.blueprint / "algorithm")
        self._drop_notebook()
        settings = Settings(
            data_directory=server.data_directory,
            port=server.port,
            root_access_key_id=ROOT_KEY,
            root_secret_access_key=ROOT_SECRET,
        )
        self.lab = Lab(Running(server.pid, server.port, time.time(), settings), blueprint=self.blueprint)
        self.deaths = 0

    def _drop_notebook(self) -> None:
        """The notebook's container has no part in this, and costs time and memory."""
        template = self.blueprint / "templates" / "01-prepare.yml"
        text = template.read_text()
        head, _, rest = text.partition("  Notebook:\n    Type: AWS::SageMaker::NotebookInstance\n")
        outputs = rest[rest.index("Outputs:") :].partition("  Notebook:\n    Value:")[0]
        template.write_text(head + outputs)

    def bring_up(self) -> None:
        """Both stacks and the data."""
        stacks.create_stacks(self.lab, self.show)
        delivery.upload_data(self.lab, self.show)

    def mark(self, mark: str, pause: float = 0.02) -> None:
        """Have build, training and serving of the next push print numbered lines that bear this mark."""
        target = self.blueprint / "algorithm" / "mark.json"
        target.write_text(json.dumps({"mark": mark, "lines": LINES, "pause": pause}))

    def push(self) -> str:
        """Push, as often as it takes while the server dies; the commit's id."""
        commit = ""
        for _ in range(5):
            try:
                if not commit:
                    commit = delivery.push(self.lab, self.show)
                else:
                    done = subprocess.run(
                        ["git", "push", "--quiet", "origin", "main"],
                        cwd=self.lab.work_tree, env=self.lab.environment(), capture_output=True, text=True, check=False,
                    )  # fmt: skip
                    if done.returncode != 0:
                        raise DemoFailed(done.stderr)
                return commit
            except DemoFailed:
                if not self._revive_soon():
                    raise
                head = ["git", "rev-parse", "HEAD"]
                commit = subprocess.run(
                    head, cwd=self.lab.work_tree, capture_output=True, text=True, check=True
                ).stdout.strip()
        raise AssertionError("the push did not go through")

    def _revive_soon(self) -> bool:
        """Whether the server has died, which a client may know before this process does."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if self.server.revived():
                self.deaths += 1
                return True
            time.sleep(0.02)
        return False

    def patiently(self, function: Callable[[], T]) -> T:
        """Ask, again where the server died meanwhile; a failure of a server that lives is raised."""
        while True:
            try:
                return function()
            except (BotoCoreError, ClientError, OSError):
                if not self._revive_soon():
                    raise

    def execution_of(self, commit: str) -> str:
        """The one execution that the push has started."""
        return self.patiently(lambda: delivery.find_execution(self.lab, commit))

    def status(self, execution: str) -> str:
        """How far it is."""
        found = self.lab.client("codepipeline").get_pipeline_execution(
            pipelineName=self.lab.pipeline, pipelineExecutionId=execution
        )
        return str(found["pipelineExecution"]["status"])

    def follow(self, execution: str, each: Callable[[], None] = lambda: None) -> str:
        """Wait for its end; `each` is called while it lasts."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.deaths += self.server.revived()
            status = self.patiently(lambda: self.status(execution))
            if status in delivery.ENDED:
                return status
            each()
            time.sleep(0.05)
        raise AssertionError(f"the execution {execution} has not ended after {PATIENCE} s: {self.story(execution)}")

    def story(self, execution: str) -> str:
        """Every action's outcome, for a failure's message."""
        found = self.lab.client("codepipeline").list_action_executions(
            pipelineName=self.lab.pipeline, filter={"pipelineExecutionId": execution}, maxResults=100
        )["actionExecutionDetails"]
        return json.dumps(
            [
                (item["stageName"], item["actionName"], item["status"], item.get("output", {}).get("executionResult"))
                for item in found
            ],
            indent=1,
        )

    def settled(self, faults: Callable[[], list[str]]) -> list[str]:
        """What is still wrong after a while: containers' last lines take a moment to arrive."""
        deadline = time.monotonic() + 120
        while (found := faults()) and time.monotonic() < deadline:
            time.sleep(0.5)
        return found

    def engine(self) -> Engine:
        """The server's container engine."""
        return Engine.from_settings(Settings(data_directory=self.server.data_directory, port=self.server.port))

    def ask(self, stage: str) -> None:
        """A prediction for each validation row."""
        rows = production.labelled_rows(self.lab)
        body = "\n".join(",".join(row[1:]) for row in rows).encode()
        answer = self.lab.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.lab.endpoint(stage), ContentType="text/csv", Body=body
        )
        assert len(answer["Body"].read().split()) == len(rows)
