"""The SageMaker Python SDK 3, and JupyterLab in a notebook instance: the long form, for their size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clients.cases import JUPYTER, SAGEMAKER_3, case
from tests.clients.shell import Shell, result
from tests.clients.test_sagemaker_2 import silence
from tests.server import RunningServer, unique
from tests.services.sagemaker.conftest import eventually, make_role
from tests.services.sagemaker.image import push_algorithm


@case(SAGEMAKER_3, "`ModelTrainer.train` with logs; `Model`, `EndpointConfig`, `Endpoint` of sagemaker-core: create, "
                   "wait, invoke, delete; `ModelBuilder.build`, `deploy` of the trained model")  # fmt: skip
def test_a_model_is_trained_served_and_deleted(
    shell: Shell, server: RunningServer, client: Callable[..., Any], tmp_path: Path
) -> None:
    name = unique("trainer")
    silence(shell)
    image = push_algorithm(server, unique("algorithm"), tmp_path)
    said = shell.script("sagemaker_3.py", "sagemaker-3", image, make_role(client("iam")), name)
    assert result(said)["sagemaker"] == SAGEMAKER_3.version()
    assert client("sagemaker").list_endpoints(NameContains=name)["Endpoints"] == []


@case(JUPYTER, "JupyterLab in a notebook instance by its presigned address: contents, kernels, code over a websocket, "
               "with the instance's role; nothing without the token")  # fmt: skip
def test_code_runs_in_a_notebook_instance(shell: Shell, client: Callable[..., Any]) -> None:
    name, sagemaker = unique("notebook"), client("sagemaker")
    role = make_role(client("iam"))
    sagemaker.create_notebook_instance(NotebookInstanceName=name, InstanceType="ml.t2.medium", RoleArn=role)

    def status() -> str:
        return str(sagemaker.describe_notebook_instance(NotebookInstanceName=name)["NotebookInstanceStatus"])

    eventually(lambda: status() != "Pending")
    assert status() == "InService"
    url = sagemaker.create_presigned_notebook_instance_url(NotebookInstanceName=name)["AuthorizedUrl"]
    printed = json.loads(shell.script("jupyter_api.py", "jupyter", url))["printed"]
    assert printed[0] == "kept in the volume"
    assert f":assumed-role/{role.rpartition('/')[2]}/" in printed[1]
    sagemaker.stop_notebook_instance(NotebookInstanceName=name)
    eventually(lambda: status() == "Stopped")
    sagemaker.delete_notebook_instance(NotebookInstanceName=name)
