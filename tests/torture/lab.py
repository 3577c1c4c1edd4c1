"""The blueprint, brought up once, and executions of its pipeline whose every line of output is numbered."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from boatyard.cli.servers import Running
from boatyard.containers.engine import Engine
from boatyard.demo import delivery, production, stacks
from boatyard.demo.lab import DemoFailed, Lab, blueprint_directory
from boatyard.demo.show import Show
from boatyard.settings import Settings
from tests.server import ROOT_KEY, ROOT_SECRET, RunningServer
from tests.torture.faults import fault_file, replace

T = TypeVar("T")
LINES = 40
PATIENCE = 600.0
STAGES = ("dev", "test", "prod")
ALGORITHM = Path(__file__).parent / "algorithm"


class TrappedServer(RunningServer):
    """A server that dies where it is told to, and is started again as soon as it is dead."""

    module = "tests.torture.faults"

    def __init__(self, data_directory: Path, **settings: str) -> None:
        super().__init__(data_directory, **settings)
        self.deaths = 0
        self._watched = threading.RLock()
        self._over = threading.Event()

    @property
    def fault(self) -> Path:
        """The file that tells it."""
        return fault_file(self.data_directory)

    def dies(self, boundaries: list[str], *, record: bool = False) -> None:
        """Have it die once at each of these boundaries; see tests.torture.faults."""
        replace(self.fault, {"kill": boundaries, "record": record})

    def still_to_die(self) -> list[str]:
        """The boundaries that were not reached so far."""
        return list(json.loads(self.fault.read_text())["kill"]) if self.fault.exists() else []

    def unnoticed_deaths(self) -> list[str]:
        """The boundaries of deaths after which it was not started yet."""
        told = self.fault.with_suffix(".deaths")
        return told.read_text().splitlines()[self.settled_deaths() :] if told.exists() else []

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Start it again whenever it has died, as long as the block lasts."""
        self._over.clear()
        thread = threading.Thread(target=self._watch, name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            with self._watched:
                while self._process is not None and self._process.poll() is not None:
                    self.deaths += 1
                    self._launch()
                    # It may die again before it answers.
                    self._wait_until_ready()

    def settled_deaths(self) -> int:
        """How often it has died; waits until it runs again."""
        with self._watched:
            return self.deaths

    def died_since(self, deaths: int) -> bool:
        """Whether it has died and is back, which a client may know before this process does."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if self.settled_deaths() > deaths:
                return True
            time.sleep(0.02)
        return False

    def strike(self) -> None:
        """Kill it at this moment; it is started again by who watches."""
        with self._watched:
            os.kill(self.pid, signal.SIGKILL)


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

    def _drop_notebook(self) -> None:
        """The notebook's container has no part in this, and costs time and memory."""
        template = self.blueprint / "templates" / "01-prepare.yml"
        text = template.read_text()
        head, _, rest = text.partition("  Notebook:\n    Type: AWS::SageMaker::NotebookInstance\n")
        outputs = rest[rest.index("Outputs:") :].partition("  Notebook:\n    Value:")[0]
        template.write_text(head + outputs)

    def bring_up(self) -> None:
        """Both stacks and the data."""
        self.patiently(lambda: stacks.create_stacks(self.lab, self.show))
        self.patiently(lambda: delivery.upload_data(self.lab, self.show))

    def mark(self, mark: str, pause: float = 0.02) -> None:
        """Have build, training and serving of the next push print numbered lines that bear this mark."""
        target = self.blueprint / "algorithm" / "mark.json"
        target.write_text(json.dumps({"mark": mark, "lines": LINES, "pause": pause}))

    def push(self) -> str:
        """Push, as often as it takes while the server dies; the commit's id. There is one commit for each mark."""
        for _ in range(20):
            deaths = self.server.settled_deaths()
            try:
                if self._git("show", "HEAD:mark.json") != (self.blueprint / "algorithm" / "mark.json").read_text():
                    return delivery.push(self.lab, self.show)
                self._git("push", "--quiet", "--force", "origin", "main", check=True)
                return self._git("rev-parse", "HEAD", check=True).strip()
            except (DemoFailed, subprocess.CalledProcessError):
                if not self.server.died_since(deaths):
                    raise
        raise AssertionError("the push did not go through")

    def _git(self, *arguments: str, check: bool = False) -> str:
        """What git says in the lab's clone; nothing before there is one."""
        tree = self.lab.work_tree
        if not (tree / ".git").is_dir():
            return ""
        return subprocess.run(
            ["git", *arguments], cwd=tree, env=self.lab.environment(), capture_output=True, text=True, check=check
        ).stdout

    def patiently(self, function: Callable[[], T]) -> T:
        """Ask, again where the server died meanwhile; a failure of a server that lives is raised."""
        while True:
            deaths = self.server.settled_deaths()
            try:
                return function()
            except (BotoCoreError, ClientError, OSError):
                if not self.server.died_since(deaths):
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
