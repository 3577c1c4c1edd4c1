"""What happens after a notebook instance is created, started, stopped or deleted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.containers.asking import status_of
from boatyard.containers.container import Container
from boatyard.containers.errors import EngineError
from boatyard.containers.foreign_files import remove_tree
from boatyard.containers.reach import Reach
from boatyard.services.sagemaker import tags
from boatyard.services.sagemaker.notebook_instances import instance
from boatyard.services.sagemaker.notebook_instances.log import GROUP, NotebookLog, logs_of
from boatyard.services.sagemaker.notebook_instances.records import NOTEBOOKS, Notebook
from boatyard.workflows.registry import workflow
from boatyard.workflows.work import Work

log = logging.getLogger(__name__)
START_SECONDS = 2 * instance.LIFECYCLE_SECONDS + 600
REASON_LIMIT = 1024
_TIMED_OUT = "124"


class _NotStarted(Exception):
    """The instance does not start; the text is its FailureReason."""


def workflow_id(notebook: Notebook, what: str) -> str:
    """The id of the workflow that starts, stops or deletes an instance this time."""
    return f"{notebook.arn}#{notebook.uid}#{notebook.start}#{what}"


def _load(installation: Installation, account: str, region: str, name: str, uid: str) -> Notebook | None:
    with installation.database.reading() as rx:
        notebook = NOTEBOOKS.get(rx, account, region, name)
    return notebook if notebook is not None and notebook.uid == uid else None


def _set(installation: Installation, notebook: Notebook, expected: str, **changed: Any) -> None:
    with installation.database.transaction() as tx:
        found = NOTEBOOKS.get(tx, notebook.account, notebook.region, notebook.name)
        if found is not None and found.uid == notebook.uid and found.status == expected:
            NOTEBOOKS.put(tx, msgspec.structs.replace(found, modified=now(), **changed))


def _broken(installation: Installation, args: list[Any], error: BaseException) -> None:
    """Tells the instance that boatyard itself failed."""
    account, region, name, uid = args
    notebook = _load(installation, account, region, name, uid)
    if notebook is not None:
        reason = f"InternalServerError: {type(error).__name__}: {error}. The server's log has the details."
        _set(installation, notebook, notebook.status, status="Failed", failure_reason=reason[:REASON_LIMIT])


@workflow("sagemaker.notebook_start", on_failure=_broken)
def start(work: Work, account: str, region: str, name: str, uid: str) -> None:
    """Starts the container and waits until JupyterLab answers."""
    installation = work.installation
    notebook = _load(installation, account, region, name, uid)
    if notebook is None or notebook.status != "Pending":
        return
    try:
        address = work.step("start", _start, work, notebook)
    except (_NotStarted, ApiError, EngineError) as error:
        reason = error.message if isinstance(error, ApiError) else str(error)
        work.step("take back", _end, work, notebook)
        _set(installation, notebook, "Pending", status="Failed", failure_reason=reason[:REASON_LIMIT])
        return
    _set(installation, notebook, "Pending", status="InService", address=address, created_once=True, failure_reason=None)


def _start(work: Work, notebook: Notebook) -> str:
    installation = work.installation
    container = installation.engine.find(instance.container_name(notebook))
    if container is None:
        instance.prepare(installation, notebook)
        container = installation.engine.start(instance.specification(installation, notebook))
    installation.bind_workload(instance.container_name(notebook), container.address)
    followed = logs_of(installation).follow(notebook, container)
    deadline = time.monotonic() + START_SECONDS
    while True:
        if not container.running:
            raise _NotStarted(_why(notebook, container, followed))
        address = container.address
        if address and answers(address, notebook.token):
            return f"{address}:{instance.PORT}"
        if time.monotonic() > deadline:
            raise _NotStarted(f"JupyterLab did not answer within {START_SECONDS} seconds. Its log is in {GROUP}.")
        work.wait(("sagemaker", "notebook", notebook.arn), ready=lambda: False, timeout=0.2)


def answers(address: str, token: str) -> bool:
    """Whether JupyterLab answers at an address."""
    try:
        authorization = {"Authorization": f"token {token}"}
        return status_of(Reach(address), instance.PORT, "/api/status", 5, authorization) == 200
    except OSError:
        return False


def _why(notebook: Notebook, container: Container, followed: NotebookLog) -> str:
    """The reason of a start that failed, as the start script told it."""
    end = container.wait(5)
    followed.finish()
    what, _, detail = (followed.failure or "").partition(" ")
    ending = " It ends: " + "\n".join(followed.tail)[-500:] if followed.tail else ""
    if what == "repository":
        return f"The repository {detail} could not be cloned.{ending}"
    if what in ("on-create", "on-start"):
        config = notebook.request.get("LifecycleConfigName")
        hook = "OnCreate" if what == "on-create" else "OnStart"
        stream = f"{notebook.name}/LifecycleConfig{hook}"
        took = f"took longer than {instance.LIFECYCLE_SECONDS // 60} minutes"
        how = took if detail == _TIMED_OUT else f"failed with exit code {detail}"
        return f"Lifecycle configuration {config}: {hook} {how}. Its log is in {GROUP}, stream {stream}.{ending}"
    code = end.code if end else "unknown"
    return f"The notebook's container ended with exit code {code}. Its log is in {GROUP}.{ending}"


@workflow("sagemaker.notebook_stop", on_failure=_broken)
def stop(work: Work, account: str, region: str, name: str, uid: str) -> None:
    """Ends the container; the volume stays."""
    notebook = _load(work.installation, account, region, name, uid)
    if notebook is None or notebook.status != "Stopping":
        return
    work.step("end", _end, work, notebook)
    _set(work.installation, notebook, "Stopping", status="Stopped", address="", start=notebook.start + 1)


@workflow("sagemaker.notebook_deletion", on_failure=_broken)
def delete(work: Work, account: str, region: str, name: str, uid: str) -> None:
    """Removes container and volume, then forgets the instance."""
    installation = work.installation
    notebook = _load(installation, account, region, name, uid)
    if notebook is None:
        return
    work.step("end", _end, work, notebook)
    remove_tree(instance.directory(installation, notebook))
    with installation.database.transaction() as tx:
        NOTEBOOKS.delete(tx, account, region, name)
        tags.put(tx, notebook.arn, {})


def _end(work: Work, notebook: Notebook) -> None:
    def end() -> None:
        instance.remove(work.installation, notebook)

    _patiently(work, end)
    logs_of(work.installation).finish(notebook)


def _patiently(work: Work, function: Callable[[], None]) -> None:
    """Does what the engine must do, again until it answers or the server stops."""
    while True:
        try:
            return function()
        except EngineError as error:
            log.warning("The container engine fails, which is tried again: %s", error)
            work.wait(("sagemaker", "engine"), ready=lambda: False, timeout=1.0)


def resume(installation: Installation) -> None:
    """After a start of the server, and now and then: follows the instances that run, and starts those that do not.

    A reboot may have ended their containers, or somebody has removed or killed one.
    """
    with installation.database.reading() as rx:
        notebooks = NOTEBOOKS.select(rx, {"status": "InService"})
    for notebook in notebooks:
        try:
            container = installation.engine.find(instance.container_name(notebook))
            if container is not None and container.running and container.watched:
                logs_of(installation).follow(notebook, container)
                continue
            _start_again(installation, notebook)
        except (EngineError, ApiError) as error:
            log.warning("The notebook instance %s was not taken up: %s", notebook.name, error)


def _start_again(installation: Installation, notebook: Notebook) -> None:
    """Removes what is left of the container and starts another, unless somebody stops the instance meanwhile."""
    instance.remove(installation, notebook)
    logs_of(installation).finish(notebook)
    with installation.database.transaction() as tx:
        if NOTEBOOKS.get(tx, notebook.account, notebook.region, notebook.name) != notebook:
            return
        log.warning("The container of the notebook instance %s is gone: it is started again", notebook.name)
        again = msgspec.structs.replace(notebook, status="Pending", start=notebook.start + 1, modified=now())
        NOTEBOOKS.put(tx, again)
        begin(installation, tx, again, "start")


def begin(installation: Installation, tx: Any, notebook: Notebook, what: str) -> None:
    """Starts one of the workflows above: start, stop or deletion."""
    installation.workflows.start(
        tx,
        f"sagemaker.notebook_{what}",
        id=workflow_id(notebook, what),
        args=[notebook.account, notebook.region, notebook.name, notebook.uid],
    )
