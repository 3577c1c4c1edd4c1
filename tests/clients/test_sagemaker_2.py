"""The SageMaker Python SDK 2, as notebooks use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clients.cases import SAGEMAKER_2, case
from tests.clients.early import Early, begun_early
from tests.clients.shell import Shell, result
from tests.server import RunningServer, unique
from tests.services.sagemaker.conftest import make_role
from tests.services.sagemaker.image import push_algorithm

# The SDK would tell AWS of each use.
SILENT = "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n"


@begun_early("test_an_estimator_is_trained_deployed_and_deleted")
def estimator(shell: Shell, server: RunningServer) -> tuple[str, str]:
    """What the script has printed, and the name of all that it made."""
    name = unique("estimator")
    silence(shell)
    image = push_algorithm(server, unique("algorithm"), shell.directory)
    return shell.script("sagemaker_2.py", "sagemaker-2", image, make_role(server.client("iam")), name), name


@case(SAGEMAKER_2, "`Estimator.fit` with logs, `attach`, metrics as a data frame, `deploy`, `predict`, `Model`, "
                   "`update_endpoint`, `delete_model`, `delete_endpoint` (name the bucket in "
                   "`Session(default_bucket=...)`)")  # fmt: skip
def test_an_estimator_is_trained_deployed_and_deleted(early: Early, client: Callable[..., Any]) -> None:
    said, name = early.result(estimator)
    assert "accuracy=0.75;" in said
    assert "Completed - Training job completed" in said
    assert result(said)["sagemaker"] == SAGEMAKER_2.version()
    assert client("sagemaker").list_endpoints(NameContains=name)["Endpoints"] == []


def silence(shell: Shell) -> None:
    """Have the SDK send nothing to AWS."""
    settings = Path(shell.environment["HOME"]) / "sagemaker.yaml"
    settings.write_text(SILENT)
    shell.environment["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(settings)
