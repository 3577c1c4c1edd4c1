"""The lab from nothing: the demo, what it leaves, the notebook, down and up, again, and clean-up. In this order."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from boatyard.containers.engine import Engine
from boatyard.settings import Settings
from tests.server import RunningServer

ROOT = Path(__file__).parents[2]
BLUEPRINT = ROOT / "blueprints" / "byo-algorithm"
PREFIX = "mlops-byo-lab"
ENDPOINTS = [f"{PREFIX}-dev", f"{PREFIX}-prod", f"{PREFIX}-test"]
ROW = b"5.1,3.5,1.4,0.2"
WITHIN = 300.0


class Installed:
    """A person's machine: the boatyard command with a data directory of its own, and AWS's clients."""

    def __init__(self, directory: Path) -> None:
        self.server = RunningServer(directory / "data")
        self.home = directory / "home"
        self.home.mkdir()

    def environment(self) -> dict[str, str]:
        """The shell's variables."""
        server = self.server.server_environment()
        return self.server.environment(HOME=str(self.home), PYTHONPATH=str(ROOT)) | {
            name: value for name, value in server.items() if name.startswith("BOATYARD_")
        }

    def boatyard(self, *arguments: str) -> str:
        """What the command said; it must end well."""
        done = subprocess.run(
            [sys.executable, "-m", "boatyard.cli.main", *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"boatyard {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self.server.client(service)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """One machine for the whole story."""
    machine = Installed(tmp_path_factory.mktemp("lab"))
    yield machine
    if (machine.server.data_directory / "state.db").exists():
        machine.boatyard("reset", "--yes")


def wait(ready: Callable[[], Any], what: str) -> Any:
    """What `ready` answers as soon as it is true."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        if found := ready():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {WITHIN:.0f} s")


def succeeded(installed: Installed) -> list[dict[str, Any]]:
    """The executions that came to production."""
    found = installed.client("codepipeline").list_pipeline_executions(pipelineName=PREFIX)
    return [each for each in found["pipelineExecutionSummaries"] if each["status"] == "Succeeded"]


def serves(installed: Installed, endpoint: str) -> bool:
    """Whether the endpoint is in service and predicts."""
    if installed.client("sagemaker").describe_endpoint(EndpointName=endpoint)["EndpointStatus"] != "InService":
        return False
    runtime = installed.client("sagemaker-runtime")
    try:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=ROW)
    except runtime.exceptions.ServiceUnavailable:
        return False
    return bool(answer["Body"].read() == b"setosa\n")


def test_the_demo_brings_the_algorithm_to_production(installed: Installed) -> None:
    # A first try is killed while it makes the second stack; the server goes on, and the next try takes it up.
    command = [sys.executable, "-u", "-m", "boatyard.cli.main", "demo"]
    with subprocess.Popen(command, env=installed.environment(), stdout=subprocess.PIPE, text=True) as cut_off:
        assert cut_off.stdout is not None
        assert any(line.lstrip().startswith("Stack 2") for line in cut_off.stdout)
        cut_off.kill()
    said = installed.boatyard("demo")
    assert "The full test measured an accuracy of 0.9" in said
    assert "during the retraining; 0 failed." in said
    runs = succeeded(installed)
    assert len(runs) == 2
    pipeline = installed.client("codepipeline")
    details = pipeline.list_action_executions(
        pipelineName=PREFIX, filter={"pipelineExecutionId": runs[0]["pipelineExecutionId"]}
    )["actionExecutionDetails"]
    stages = list(dict.fromkeys(each["stageName"] for each in reversed(details)))
    assert stages == ["Source", "Build", "TrainModel", "DeployModel-Dev", "DeployModel-Test", "DeployModel-Prod"]
    assert all(each["status"] == "Succeeded" for each in details)


def test_a_run_leaves_what_it_lists(installed: Installed) -> None:
    sagemaker = installed.client("sagemaker")
    endpoints = sorted(each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"])
    assert endpoints == ENDPOINTS
    assert len(sagemaker.list_endpoint_configs()["EndpointConfigs"]) == 3
    assert len(sagemaker.list_models()["Models"]) == 3
    jobs = sagemaker.list_training_jobs()["TrainingJobSummaries"]
    assert [each["TrainingJobStatus"] for each in jobs] == ["Completed", "Completed"]
    metrics = sagemaker.describe_training_job(TrainingJobName=jobs[0]["TrainingJobName"])["FinalMetricDataList"]
    assert [each["MetricName"] for each in metrics] == ["train:accuracy"]
    assert len(installed.client("codebuild").list_builds()["ids"]) == 2


def test_every_part_has_its_log(installed: Installed) -> None:
    groups = {each["logGroupName"] for each in installed.client("logs").describe_log_groups()["logGroups"]}
    wanted = {
        f"/aws/codebuild/{PREFIX}",
        *(f"/aws/lambda/{PREFIX}-{name}" for name in ("train", "status", "deploy", "evaluate")),
        "/aws/sagemaker/TrainingJobs",
        *(f"/aws/sagemaker/Endpoints/{name}" for name in ENDPOINTS),
    }
    assert wanted <= groups
    events = installed.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", filterPattern="train_accuracy"
    )["events"]
    assert len(events) == 2


def test_the_notebook_runs_in_its_instance(installed: Installed) -> None:
    name = "mlops-byo-notebook-lab"
    url = installed.client("sagemaker").create_presigned_notebook_instance_url(NotebookInstanceName=name)
    address = urlsplit(url["AuthorizedUrl"])
    session = requests.Session()
    assert session.get(url["AuthorizedUrl"], timeout=200).status_code == 200
    content = json.loads((BLUEPRINT / "notebook" / "lab.ipynb").read_text())
    token = parse_qs(address.query).get("token")
    put = session.put(
        f"{address.scheme}://{address.netloc}/api/contents/lab.ipynb",
        json={"type": "notebook", "format": "json", "content": content},
        headers={"Authorization": f"token {token[0]}"} if token else {},
        timeout=200,
    )
    assert put.status_code == 201, put.text
    engine = Engine.from_settings(Settings(data_directory=installed.server.data_directory, port=installed.server.port))
    container = next(each for each in engine.containers() if each.labels.get("boatyard.kind") == "notebook")
    code, output = container.execute(
        ["bash", "-lc", "cd ~/SageMaker && jupyter nbconvert --to notebook --execute --inplace lab.ipynb"],
        user="ec2-user",
        environment={"HOME": "/home/ec2-user"},
    )
    engine.close()
    assert code == 0, output[-3000:]
    assert len(succeeded(installed)) == 3


@pytest.mark.parametrize("template", ["01-prepare.yml", "02-pipeline.yml"])
def test_the_roles_are_granted_what_was_used(installed: Installed, template: str) -> None:
    """One demo and one run of the notebook need every grant, but for those that the templates keep for a reason."""
    said = installed.boatyard("permissions", "--check", str(BLUEPRINT / "templates" / template))
    assert "are granted what they used" in said
    assert "TOO MUCH" not in said


def test_everything_comes_back_after_down_and_up(installed: Installed) -> None:
    assert "is down" in installed.boatyard("down")
    installed.boatyard("up")
    for endpoint in ENDPOINTS:
        wait(lambda endpoint=endpoint: serves(installed, endpoint), f"{endpoint} serves")  # type: ignore[misc]
    notebooks = installed.client("sagemaker")

    def in_service() -> bool:
        found = notebooks.describe_notebook_instance(NotebookInstanceName="mlops-byo-notebook-lab")
        return bool(found["NotebookInstanceStatus"] == "InService")

    wait(in_service, "the notebook instance is in service")
    assert len(succeeded(installed)) == 3


def test_a_second_demo_uses_what_is_there(installed: Installed) -> None:
    said = installed.boatyard("demo")
    assert said.count("is there and up to date") == 2
    assert len(succeeded(installed)) == 5
    assert len(installed.client("sagemaker").list_models()["Models"]) == 3


def test_commands_tell_of_the_lab(installed: Installed) -> None:
    status = installed.boatyard("status")
    assert PREFIX in status
    assert f"{PREFIX}-prod (InService)" in status
    assert "DeployModel-Prod/Status Succeeded" in installed.boatyard("watch", PREFIX)
    assert "train_accuracy" in installed.boatyard("logs", "/aws/sagemaker/TrainingJobs")


def test_clean_up_is_one_command(installed: Installed) -> None:
    done = subprocess.run(
        [str(BLUEPRINT / "clean-up"), "lab", "--yes"],
        env=installed.environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed.client("s3").list_buckets()["Buckets"] == []
    assert installed.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert installed.client("sagemaker").list_notebook_instances()["NotebookInstances"] == []
    assert installed.client("cloudformation").describe_stacks()["Stacks"] == []


def test_reset_leaves_nothing(installed: Installed) -> None:
    installed.boatyard("reset", "--yes")
    assert not installed.server.data_directory.exists()
