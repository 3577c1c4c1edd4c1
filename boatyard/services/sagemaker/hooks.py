"""What SageMaker does at the server's start, stop and reset: endpoints are kept in service."""

from __future__ import annotations

import logging
import threading

from boatyard.api.installation import Installation
from boatyard.containers.errors import EngineError
from boatyard.services.sagemaker.endpoints import invocation_metrics
from boatyard.services.sagemaker.endpoints.keeper import LOOK_SECONDS, keeper_of
from boatyard.services.sagemaker.notebook_instances import workflow as notebooks
from boatyard.services.sagemaker.notebook_instances.log import logs_of

log = logging.getLogger(__name__)


def resume(installation: Installation) -> None:
    """Takes up the endpoints that were in service, and watches them from now on."""
    keeper = keeper_of(installation)
    keeper.resume()
    installation.workflows.every(LOOK_SECONDS, "SageMaker endpoints", keeper.look)
    threading.Thread(target=notebooks.resume, args=(installation,), name="notebook instances", daemon=True).start()
    installation.workflows.every(LOOK_SECONDS, "notebook instances", lambda: notebooks.resume(installation))
    metrics = invocation_metrics.of(installation)
    installation.workflows.every(invocation_metrics.FLUSH_SECONDS, "SageMaker invocation metrics", metrics.flush)


def close(installation: Installation) -> None:
    """Writes the metrics that are in memory and lets go of the containers, which go on."""
    invocation_metrics.of(installation).flush()
    keeper_of(installation).close()
    logs_of(installation).close()


def reset(installation: Installation) -> None:
    """Routes to nothing any more, and removes all of SageMaker's containers in the background."""
    keeper_of(installation).forget_everything()
    invocation_metrics.of(installation).forget()
    logs_of(installation).close()
    if installation.has_engine:
        threading.Thread(target=_remove_containers, args=(installation,), name="SageMaker reset", daemon=True).start()


def _remove_containers(installation: Installation) -> None:
    try:
        for container in installation.engine.containers(labels={"boatyard.service": "sagemaker"}):
            container.remove()
    except EngineError as error:
        log.warning("SageMaker's containers were not all removed at the reset: %s", error)
