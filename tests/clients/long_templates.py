"""What needs the network while it is tried: the CDK's own CLI, which is in npm's registry, and `sam build`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.cases import CDK_CLI, SAM, case
from tests.clients.environments import environment
from tests.clients.programs import node_variables
from tests.clients.shell import Shell
from tests.clients.test_templates import deploy
from tests.server import ACCOUNT, REGION, unique

BUILT = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Encode:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, CodeUri: source, Runtime: %s, Timeout: 60}
"""
PROGRAM = "import idna\ndef handler(event, context):\n    return idna.encode(event['name']).decode()\n"


@pytest.fixture
def developer(shell: Shell, client: Callable[..., Any]) -> Shell:
    """The shell of a user who may do everything; the root itself may assume no roles, as the CDK would."""
    iam, name = client("iam"), unique("developer")
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    shell.environment |= {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    return shell


@case(CDK_CLI, "`bootstrap`; `deploy` of an app with a function's directory as an asset, with the bootstrapped roles; "
               "`diff` with values; a second `deploy`; `destroy`")  # fmt: skip
def test_an_app_is_bootstrapped_deployed_changed_and_destroyed(developer: Shell, client: Callable[..., Any]) -> None:
    stack, program = unique("app"), CDK_CLI.program("cdk")
    developer.environment |= node_variables() | {"CDK_DISABLE_CLI_TELEMETRY": "true"}
    script = Path(__file__).parent / "scripts" / "cdk_default_app.py"

    def cdk(command: str, *arguments: str, app: str | None = "cdk.out") -> str:
        of_app = ("--app", app) if app is not None else ()
        return developer(program, command, "--no-notices", "--no-color", *of_app, *arguments)

    def saying(word: str) -> str:
        return f"{environment('cdk') / 'bin' / 'python'} {script} {stack} {word}"

    def said() -> Any:
        outputs = json.loads((developer.directory / "outputs.json").read_text())
        return json.loads(client("lambda").invoke(FunctionName=outputs[stack]["Function"])["Payload"].read())

    to_outputs = ("--require-approval", "never", "--outputs-file", "outputs.json")
    assert "bootstrapped" in cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", app=None)
    assert "could not be used to assume" not in cdk("deploy", *to_outputs, app=saying("one"))
    assert said() == "one"
    assert "(no changes)" in cdk("deploy", *to_outputs)
    different = cdk("diff", app=saying("two"))
    assert "[-] one" in different
    assert "[+] two" in different
    cdk("deploy", *to_outputs)
    assert said() == "two"
    assert "destroyed" in cdk("destroy", "--force")
    assert stack not in {each["StackName"] for each in client("cloudformation").describe_stacks()["Stacks"]}


@case(SAM, "`build` of a function with a requirement from the package index, `deploy` of what was built, "
           "`remote invoke`")  # fmt: skip
def test_a_function_is_built_with_its_requirements(shell: Shell, tmp_path: Path) -> None:
    stack, runtime = unique("built"), f"python{sys.version_info.major}.{sys.version_info.minor}"
    shell.environment["PATH"] = f"{SAM.directory / 'bin'}:{shell.environment['PATH']}"
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "app.py").write_text(PROGRAM)
    (tmp_path / "source" / "requirements.txt").write_text("idna==3.10\n")
    (tmp_path / "template.yaml").write_text(BUILT % runtime)
    assert "Build Succeeded" in shell(SAM.program("sam"), "build")
    assert f"Successfully created/updated stack - {stack}" in deploy(shell, stack)
    event = ("--event", '{"name": "bücher.example"}')
    assert '"xn--bcher-kva.example"' in shell(SAM.program("sam"), "remote", "invoke", "--stack-name", stack, *event)
