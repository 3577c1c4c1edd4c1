"""Everything at work on one server: a training job, a build, an endpoint, a notebook instance and a function."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from boatyard.containers.container import Container
from boatyard.containers.engine import Engine
from boatyard.settings import Settings
from tests.journeys.conftest import until
from tests.server import RunningServer, unique
from tests.services.codebuild.conftest import Builds
from tests.services.lambda_.test_functions import Functions
from tests.services.sagemaker.conftest import job_request, make_bucket, make_role, model_of
from tests.services.sagemaker.image import push_algorithm

JOBS = "/aws/sagemaker/TrainingJobs"
WHOLE_JOB = ["mode wait", "files iris.csv", "accuracy=0.5;", "accuracy=0.75;"]
WHOLE_BUILD = ["begun", "ended"]
SPEC = (
    "version: 0.2\nphases:\n  build:\n    commands:\n      - echo begun\n"
    "      - until test -f go; do sleep 0.1; done\n      - echo ended\nartifacts:\n  files: [go]\n"
)
CODE = """
import os, time
def handler(event, context):
    if event.get('wait'):
        print('waiting', flush=True)
        while not os.path.exists('/var/task/' + event['wait']):
            time.sleep(0.05)
    return event
"""


class Busy:
    """What runs, and how to let it end."""

    def __init__(self, server: RunningServer, directory: Path) -> None:
        self.server = server
        self.sagemaker, self.logs = server.client("sagemaker"), server.client("logs")
        # Clients are made here: making them in several threads at once is not safe, using them is.
        self.runtime = server.client("sagemaker-runtime")
        self.builds, self.functions = Builds(server), Functions(server)
        self.role, self.bucket = make_role(server.client("iam")), make_bucket(server.client("s3"))
        self.image = push_algorithm(server, unique("algorithm"), directory)
        place = {"type": "S3", "location": self.builds.bucket, "packaging": "ZIP", "name": "made.zip"}
        self.project = self.builds.project(SPEC, artifacts=place)
        self.function = self.functions.create(CODE, Timeout=900)
        self.notebook, self.endpoint = unique("notebook"), unique("endpoint")

    @property
    def engine(self) -> Engine:
        """The server's engine, as a process of its own sees it."""
        return Engine.from_settings(Settings(data_directory=self.server.data_directory, port=self.server.port))

    def containers(self, arn: str) -> list[Container]:
        """The containers that run for something."""
        return [each for each in self.engine.containers({"boatyard.arn": arn}) if each.running]

    def container(self, arn: str) -> Container:
        """The one container that runs for something, once it does."""
        until(lambda: len(self.containers(arn)) == 1, f"one container of {arn}")
        return self.containers(arn)[0]

    def messages(self, group: str, prefix: str) -> list[str]:
        """What streams of a log group have."""
        try:
            found = self.logs.filter_log_events(logGroupName=group, logStreamNamePrefix=prefix)["events"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return []
        return [each["message"] for each in found if not each["message"].startswith("boatyard:")]

    # The training job

    def start_job(self) -> str:
        """A job that trains until it is released."""
        name = unique("job")
        request = job_request(name, self.image, self.role, self.bucket, mode="wait", words="kept")
        self.sagemaker.create_training_job(**request)
        until(lambda: "mode wait" in self.messages(JOBS, name), f"{name} trains")
        return name

    def job_arn(self, name: str) -> str:
        """Its ARN."""
        return str(self.sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobArn"])

    def release_file(self, container: Container) -> Path:
        """The file that lets a job end."""
        mounts = {mount["Destination"]: mount["Source"] for mount in container.inspect()["Mounts"]}
        return Path(mounts["/opt/ml"]) / "checkpoints" / "release"

    def job_end(self, name: str) -> dict[str, Any]:
        """The job once it has ended."""

        def look() -> dict[str, Any] | None:
            job: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
            return None if job["TrainingJobStatus"] == "InProgress" else job

        found: dict[str, Any] = until(look, f"{name} ends")
        return found

    # The build

    def start_build(self) -> str:
        """A build that goes on until it is released."""
        identity = self.builds.start(self.project)
        until(lambda: "begun" in self.builds.log(identity), f"{identity} builds")
        return identity

    def release_build(self, identity: str) -> None:
        """Let it end."""
        uuid = identity.partition(":")[2]
        (self.server.data_directory / "codebuild" / "builds" / uuid / "src" / "go").touch()

    def build_lines(self, identity: str) -> list[str]:
        """What its commands have printed."""
        return [line for line in self.builds.log(identity) if line in WHOLE_BUILD]

    # The endpoint

    def start_endpoint(self) -> None:
        """An endpoint in service."""
        container = {"Image": self.image, "ModelDataUrl": model_of(self.server, self.bucket, "lasting")}
        name = self.endpoint
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self.role)
        variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        until(lambda: self.endpoint_status() != "Creating", "the endpoint serves")

    def endpoint_status(self) -> str:
        """Its status."""
        return str(self.sagemaker.describe_endpoint(EndpointName=self.endpoint)["EndpointStatus"])

    def endpoint_arn(self) -> str:
        """Its ARN."""
        return str(self.sagemaker.describe_endpoint(EndpointName=self.endpoint)["EndpointArn"])

    def ask(self) -> bytes:
        """One invocation; nothing where no container can answer just now."""
        try:
            body: bytes = self.runtime.invoke_endpoint(EndpointName=self.endpoint, Body=b"row")["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ServiceUnavailable", "ModelError"):
                raise
            return b""
        return body

    def serves(self) -> None:
        """Wait until it answers, and is in service."""
        until(lambda: self.ask() == b"lasting:row", "the endpoint answers")
        assert self.endpoint_status() == "InService"

    # The notebook instance

    def start_notebook(self) -> None:
        """An instance in service."""
        self.sagemaker.create_notebook_instance(
            NotebookInstanceName=self.notebook, InstanceType="ml.t2.medium", RoleArn=self.role
        )
        until(lambda: self.notebook_status() != "Pending", "the notebook instance starts")
        assert self.notebook_status() == "InService"

    def notebook_status(self) -> str:
        """Its status."""
        found = self.sagemaker.describe_notebook_instance(NotebookInstanceName=self.notebook)
        return str(found["NotebookInstanceStatus"])

    def notebook_arn(self) -> str:
        """Its ARN."""
        found = self.sagemaker.describe_notebook_instance(NotebookInstanceName=self.notebook)
        return str(found["NotebookInstanceArn"])

    # The function

    def function_arn(self) -> str:
        """Its ARN."""
        return str(self.functions.api.get_function(FunctionName=self.function)["Configuration"]["FunctionArn"])

    def invoke_waiting(self, file: str) -> Callable[[], Any]:
        """An invocation that ends when the file is released; a function that waits for what came of it."""
        before = self.waiting_lines()
        answers: list[Any] = []

        def run() -> None:
            try:
                answers.append(self.functions.invoke(self.function, wait=file)[:2])
            except (ClientError, BotoCoreError) as error:
                answers.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        until(lambda: self.waiting_lines() > before, "the function waits")

        def answer() -> Any:
            thread.join(480)
            return answers[0]

        return answer

    def waiting_lines(self) -> int:
        """How often the function has begun to wait."""
        return self.functions.log(self.function).count("waiting")

    def release_function(self, file: str) -> None:
        """Let invocations end that wait for the file."""
        for code in (self.server.data_directory / "lambda" / "code").glob("*/m.py"):
            if code.read_text() == CODE:
                (code.parent / file).touch()

    def event_of(self, **event: Any) -> Any:
        """What the function answers."""
        answer = self.functions.api.invoke(FunctionName=self.function, Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())
