"""Functions that really run: their answers, errors, limits, logs and credentials."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer, unique

CODE = """
import os, time
print('loading')

def handler(event, context):
    print('got', event)
    what = event.get('do')
    if what == 'who':
        import boto3
        return boto3.client('sts').get_caller_identity()['Arn']
    if what == 'files':
        with open('/tmp/x', 'w') as file:
            file.write('x')
        try:
            open('/var/task/y', 'w')
        except OSError as error:
            return [os.listdir('/tmp'), error.strerror]
    if what == 'layer':
        import layered
        return layered.WORD
    if what == 'raise':
        raise ValueError('no such luck')
    if what == 'exit':
        os._exit(3)
    if what == 'memory':
        return len(bytearray(os.urandom(1024)) * 1024 * 1024)
    if what == 'sleep':
        time.sleep(60)
    if what == 'print':
        for number in range(300):
            os.write(1, b'line %d\\n' % number)
    return {'event': event, 'arn': context.invoked_function_arn, 'stage': os.environ.get('STAGE')}
"""


class Functions:
    """Functions on a server."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.api = server.client("lambda")
        iam, name = server.client("iam"), unique("lambda-role")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        self.role = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"])
        policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)

    def create(self, code: str = CODE, **settings: Any) -> str:
        """A new function's name."""
        name = unique("function")
        request = {"Runtime": "python3.11", "Handler": "m.handler", "MemorySize": 256, "Timeout": 60}
        self.api.create_function(
            FunctionName=name, Role=self.role, Code={"ZipFile": zipped("m.py", code)}, **request | settings
        )
        return name

    def invoke(self, name: str, **event: Any) -> tuple[Any, str | None, list[str]]:
        """What a function answers, its kind of error, and the lines of its log's tail."""
        answer = self.api.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
        lines = base64.b64decode(answer["LogResult"]).decode().split("\n")
        return json.loads(answer["Payload"].read()), answer.get("FunctionError"), lines

    def log(self, name: str) -> list[str]:
        """What a function has logged."""
        try:
            found = self.server.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return []
        return [event["message"] for event in found]


def zipped(name: str, text: str) -> bytes:
    """A zip with one file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, text)
    return content.getvalue()


def eventually(ready: Callable[[], Any], timeout: float = 300.0) -> Any:
    """What `ready` answers once it is true."""
    deadline = time.monotonic() + timeout
    while not (answer := ready()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
    return answer


@pytest.fixture(scope="module")
def functions(server: RunningServer) -> Functions:
    """Functions on the shared server."""
    return Functions(server)


@pytest.fixture(scope="module")
def function(functions: Functions) -> str:
    """A function that does what its event says."""
    layer = functions.api.publish_layer_version(
        LayerName=unique("layer"), Content={"ZipFile": zipped("python/layered.py", "WORD = 'from a layer'\n")}
    )
    return functions.create(
        Runtime="python3.8", Environment={"Variables": {"STAGE": "dev"}}, Layers=[layer["LayerVersionArn"]]
    )


def test_a_function_answers_and_its_log_is_whole_and_in_order(functions: Functions, function: str) -> None:
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
    answer, error, _ = functions.invoke(function, do="nothing")
    assert (answer, error) == ({"event": {"do": "nothing"}, "arn": arn, "stage": "dev"}, None)
    _, _, lines = functions.invoke(function, do="print")
    assert lines[-3] == "line 299"
    assert lines[-2].startswith("END RequestId: ")
    assert lines[-1].startswith("REPORT RequestId: ")
    assert [line for line in lines if line.startswith("line ")] == [f"line {n}" for n in range(300)][-len(lines) + 2 :]
    log = eventually(lambda: "line 299" in (found := functions.log(function)) and found)
    assert any("python3.8 is not available here" in line for line in log)
    assert [line for line in log if line.startswith("line ")] == [f"line {n}" for n in range(300)]


def test_a_function_has_its_role_its_layers_and_a_place_to_write(functions: Functions, function: str) -> None:
    role = functions.role.rpartition("/")[2]
    assert functions.invoke(function, do="who")[0] == f"arn:aws:sts::000000000000:assumed-role/{role}/{function}"
    assert functions.invoke(function, do="layer")[0] == "from a layer"
    assert functions.invoke(function, do="files")[0] == [["x"], "Read-only file system"]


def test_errors_of_a_function_are_told_as_lambda_tells_them(functions: Functions, function: str) -> None:
    answer, error, lines = functions.invoke(function, do="raise")
    assert (answer["errorType"], answer["errorMessage"], error) == ("ValueError", "no such luck", "Unhandled")
    assert any("ValueError: no such luck" in line for line in lines)
    answer, error, _ = functions.invoke(function, do="exit")
    assert (answer["errorType"], error) == ("Runtime.ExitError", "Unhandled")
    assert answer["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert functions.invoke(function, do="nothing")[1] is None


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("import absent\n", "Runtime.ImportModuleError", "Unable to import module 'm': No module named 'absent'"),
        ("x = 1\n", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'm'"),
    ],
)
def test_a_function_that_cannot_be_loaded(functions: Functions, code: str, kind: str, said: str) -> None:
    answer, error, _ = functions.invoke(functions.create(code))
    assert (answer["errorType"], error) == (kind, "Unhandled")
    assert said in answer["errorMessage"]


def test_limits_of_time_and_memory_end_an_invocation(functions: Functions) -> None:
    name = functions.create(Timeout=1, MemorySize=128)
    answer, error, lines = functions.invoke(name, do="sleep")
    assert (answer["errorType"], error) == ("Sandbox.Timedout", "Unhandled")
    assert answer["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert any(line.endswith("Task timed out after 1.00 seconds") for line in lines)
    functions.api.update_function_configuration(FunctionName=name, Timeout=60)
    answer, error, _ = functions.invoke(name, do="memory")
    assert (answer["errorType"], error) == ("Runtime.OutOfMemory", "Unhandled")


def test_two_invocations_run_at_once(functions: Functions, server: RunningServer, tmp_path: Path) -> None:
    code = (
        "import boto3, os, time\n"
        "def handler(event, context):\n"
        "    s3 = boto3.client('s3')\n"
        "    s3.put_object(Bucket=os.environ['BUCKET'], Key=event['me'])\n"
        "    while True:\n"
        "        found = s3.list_objects_v2(Bucket=os.environ['BUCKET'])['KeyCount']\n"
        "        if found == 2:\n            return event['me']\n"
        "        time.sleep(0.1)\n"
    )
    bucket = unique("together")
    server.client("s3").create_bucket(Bucket=bucket)
    role = functions.role.rpartition("/")[2]
    policy = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
    server.client("iam").attach_role_policy(RoleName=role, PolicyArn=policy)
    name = functions.create(code, Environment={"Variables": {"BUCKET": bucket}}, Timeout=120)
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda me=me: answers.append(functions.invoke(name, me=me)[0])) for me in ("a", "b")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert sorted(answers) == ["a", "b"]


def test_the_code_can_be_had_by_its_link(functions: Functions, function: str) -> None:
    link = functions.api.get_function(FunctionName=function)["Code"]["Location"]
    with urllib.request.urlopen(link, timeout=60) as answer:
        assert zipfile.ZipFile(io.BytesIO(answer.read())).read("m.py").decode() == CODE


def test_an_event_that_a_killed_server_had_in_hand_is_handed_on_again(tmp_path: Path) -> None:
    own = RunningServer(tmp_path / "data").start()
    try:
        functions = Functions(own)
        name = functions.create()
        functions.api.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"do": "sleep"}')
        eventually(lambda: any("got {'do': 'sleep'}" in line for line in functions.log(name)))
        own.kill()
        own.start()
        eventually(lambda: len([line for line in functions.log(name) if line.startswith("got ")]) >= 2)
    finally:
        own.discard()
