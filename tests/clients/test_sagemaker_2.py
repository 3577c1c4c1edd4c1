"""The SageMaker Python SDK 2, as notebooks use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.cases import SAGEMAKER_2, case
from tests.clients.conftest import Shell, result
from tests.server import RunningServer, unique
from tests.services.sagemaker.conftest import make_role
from tests.services.sagemaker.image import push_algorithm

# The SDK would tell AWS of each use.
SILENT = "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n"


@pytest.fixture(scope="session")
def image(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of the algorithm's image."""
    return push_algorithm(server, unique("algorithm"), tmp_path_factory.mktemp("image"))


@case(SAGEMAKER_2, "`Estimator.fit` with logs, `attach`, metrics as a data frame, `deploy`, `predict`, `Model`, "
                   "`update_endpoint`, `delete_model`, `delete_endpoint` (name the bucket in "
                   "`Session(default_bucket=...)`)")  # fmt: skip
def test_an_estimator_is_trained_deployed_and_deleted(shell: Shell, client: Callable[..., Any], image: str) -> None:
    name = unique("estimator")
    silence(shell)
    said = shell.script("sagemaker_2.py", "sagemaker-2", image, make_role(client("iam")), name)
    assert "accuracy=0.75;" in said
    assert "Completed - Training job completed" in said
    assert result(said)["sagemaker"] == SAGEMAKER_2.version()
    assert client("sagemaker").list_endpoints(NameContains=name)["Endpoints"] == []


def silence(shell: Shell) -> None:
    """Have the SDK send nothing to AWS."""
    settings = Path(shell.environment["HOME"]) / "sagemaker.yaml"
    settings.write_text(SILENT)
    shell.environment["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(settings)
