"""The API of notebook instances: create, describe, list, update, start, stop, delete and open."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.timestamps import now
from boatyard.services.sagemaker import constraints, quotas, roles, tags
from boatyard.services.sagemaker.instances import instance_type
from boatyard.services.sagemaker.listing import listed
from boatyard.services.sagemaker.naming import resource_arn
from boatyard.services.sagemaker.notebook_instances.code_repositories import with_aws_addresses
from boatyard.services.sagemaker.notebook_instances.records import (
    CODE_REPOSITORIES,
    LIFECYCLE_CONFIGS,
    NOTEBOOKS,
    Notebook,
)
from boatyard.services.sagemaker.notebook_instances.workflow import begin
from boatyard.state.database import Reader, Transaction

_REFUSED = ("SubnetId", "SecurityGroupIds", "AcceleratorTypes")
_DROPPED = {
    "DisassociateLifecycleConfig": "LifecycleConfigName",
    "DisassociateDefaultCodeRepository": "DefaultCodeRepository",
    "DisassociateAdditionalCodeRepositories": "AdditionalCodeRepositories",
    "DisassociateAcceleratorTypes": "AcceleratorTypes",
}
_DESCRIBED = (
    "InstanceType",
    "RoleArn",
    "KmsKeyId",
    "DefaultCodeRepository",
    "AdditionalCodeRepositories",
    "PlatformIdentifier",
)


def create_notebook_instance(call: Call, params: Params) -> dict[str, Any]:
    """Creates a notebook instance: JupyterLab with the role's credentials. AWS: CreateNotebookInstance."""
    params = with_aws_addresses(call, params)
    constraints.check("CreateNotebookInstance", params)
    _check(call, params, "CreateNotebookInstance")
    given = tags.checked(params)
    arn, moment = resource_arn(call, "notebook-instance", params["NotebookInstanceName"]), now()
    request = {name: value for name, value in params.items() if name not in ("Tags", "NotebookInstanceName")}
    request.setdefault("VolumeSizeInGB", 5)
    notebook = Notebook(
        account=call.account,
        region=call.region,
        name=params["NotebookInstanceName"],
        arn=arn,
        uid=uuid.uuid4().hex,
        request=request,
        status="Pending",
        created=moment,
        modified=moment,
        token=secrets.token_urlsafe(32),
    )
    with call.installation.database.transaction() as tx:
        if NOTEBOOKS.select(tx, {"account": call.account, "region": call.region, "arn": arn}, limit=1):
            raise ApiError("ValidationException", f"Cannot create a duplicate Notebook Instance ({arn})")
        quotas.NOTEBOOKS.check_count(call.installation, tx, NOTEBOOKS, {"account": call.account, "region": call.region})
        NOTEBOOKS.insert(tx, notebook)
        tags.put(tx, arn, given)
        begin(call.installation, tx, notebook, "start")
    return {"NotebookInstanceArn": arn}


def describe_notebook_instance(call: Call, params: Params) -> dict[str, Any]:
    """Tells everything about a notebook instance. AWS: DescribeNotebookInstance."""
    constraints.check("DescribeNotebookInstance", params)
    with call.installation.database.reading() as rx:
        notebook = _require(rx, call, params["NotebookInstanceName"])
    request = notebook.request
    described = _summary(notebook) | {name: request[name] for name in _DESCRIBED if name in request}
    described |= {
        "DirectInternetAccess": "Enabled",
        "VolumeSizeInGB": request["VolumeSizeInGB"],
        "RootAccess": request.get("RootAccess", "Enabled"),
    }
    if notebook.failure_reason:
        described["FailureReason"] = notebook.failure_reason
    return described


def list_notebook_instances(call: Call, params: Params) -> dict[str, Any]:
    """Lists notebook instances, filtered and sorted. AWS: ListNotebookInstances."""
    constraints.check("ListNotebookInstances", params)
    return listed(
        call,
        params,
        NOTEBOOKS,
        _summary,
        "NotebookInstances",
        keep=lambda notebook: _passes(params, notebook.request),
        default_sort="Name",
        default_order="Ascending",
    )


def update_notebook_instance(call: Call, params: Params) -> dict[str, Any]:
    """Changes a stopped notebook instance; the change holds from its next start. AWS: UpdateNotebookInstance."""
    params = with_aws_addresses(call, params)
    constraints.check("UpdateNotebookInstance", params)
    with call.installation.database.transaction() as tx:
        notebook = _in_status(tx, call, params, ("Stopped", "Failed"), "Updating")
        request = dict(notebook.request)
        for switch, member in _DROPPED.items():
            if params.get(switch):
                request.pop(member, None)
        kept = ("NotebookInstanceName", *_DROPPED)
        request |= {name: value for name, value in params.items() if name not in kept}
        _check(call, request, "UpdateNotebookInstance", tx)
        if request["VolumeSizeInGB"] < notebook.request["VolumeSizeInGB"]:
            raise ApiError("ValidationException", "The volume of a notebook instance cannot become smaller.")
        NOTEBOOKS.put(tx, msgspec.structs.replace(notebook, request=request, modified=now()))
    return {}


def start_notebook_instance(call: Call, params: Params) -> None:
    """Starts a stopped notebook instance with the volume it had. AWS: StartNotebookInstance."""
    constraints.check("StartNotebookInstance", params)
    with call.installation.database.transaction() as tx:
        notebook = _in_status(tx, call, params, ("Stopped", "Failed"), "Pending")
        notebook = msgspec.structs.replace(
            notebook, status="Pending", start=notebook.start + 1, failure_reason=None, modified=now()
        )
        NOTEBOOKS.put(tx, notebook)
        begin(call.installation, tx, notebook, "start")


def stop_notebook_instance(call: Call, params: Params) -> None:
    """Stops a notebook instance; its volume is kept. AWS: StopNotebookInstance."""
    constraints.check("StopNotebookInstance", params)
    with call.installation.database.transaction() as tx:
        notebook = _in_status(tx, call, params, ("InService",), "Stopping")
        notebook = msgspec.structs.replace(notebook, status="Stopping", modified=now())
        NOTEBOOKS.put(tx, notebook)
        begin(call.installation, tx, notebook, "stop")


def delete_notebook_instance(call: Call, params: Params) -> None:
    """Deletes a stopped notebook instance and its volume. AWS: DeleteNotebookInstance."""
    constraints.check("DeleteNotebookInstance", params)
    with call.installation.database.transaction() as tx:
        notebook = _in_status(tx, call, params, ("Stopped", "Failed"), "Deleting")
        notebook = msgspec.structs.replace(notebook, status="Deleting", modified=now())
        NOTEBOOKS.put(tx, notebook)
        begin(call.installation, tx, notebook, "deletion")


def create_presigned_notebook_instance_url(call: Call, params: Params) -> dict[str, Any]:
    """Answers the address of JupyterLab on this machine, with the token that opens it.

    AWS: CreatePresignedNotebookInstanceUrl.
    """
    constraints.check("CreatePresignedNotebookInstanceUrl", params)
    with call.installation.database.reading() as rx:
        notebook = _require(rx, call, params["NotebookInstanceName"])
    if notebook.status != "InService":
        raise ApiError(
            "ValidationException",
            f"Status ({notebook.status}) not in ([InService]). Unable to create a URL for Notebook Instance "
            f"({notebook.arn}).",
        )
    return {"AuthorizedUrl": f"http://{notebook.address}/lab?token={notebook.token}"}


def _check(call: Call, request: Params, operation: str, tx: Transaction | None = None) -> None:
    for name in _REFUSED:
        if request.get(name):
            raise not_supported("sagemaker", operation, name)
    if request.get("DirectInternetAccess", "Enabled") != "Enabled":
        raise not_supported("sagemaker", operation, "DirectInternetAccess Disabled")
    instance_type(request["InstanceType"], operation)
    if tx is not None:
        _check_references(tx, call, request)
        return
    roles.assume(call.installation, call.account, call.region, request["RoleArn"])
    with call.installation.database.reading() as rx:
        _check_references(rx, call, request)


def _check_references(rx: Reader, call: Call, request: Params) -> None:
    config = request.get("LifecycleConfigName")
    if config and LIFECYCLE_CONFIGS.get(rx, call.account, call.region, config) is None:
        arn = resource_arn(call, "notebook-instance-lifecycle-config", config)
        raise ApiError("ValidationException", f"Notebook Instance Lifecycle Config ({arn}) does not exist.")
    default = request.get("DefaultCodeRepository")
    for name in [*([default] if default else []), *request.get("AdditionalCodeRepositories", [])]:
        if not name.startswith("https://") and CODE_REPOSITORIES.get(rx, call.account, call.region, name) is None:
            arn = resource_arn(call, "code-repository", name)
            raise ApiError("ValidationException", f'Cannot find CodeRepository: "{arn}"')


def _require(rx: Reader, call: Call, name: str) -> Notebook:
    notebook = NOTEBOOKS.get(rx, call.account, call.region, name)
    if notebook is None:
        raise ApiError("ValidationException", "RecordNotFound")
    return notebook


def _in_status(tx: Transaction, call: Call, params: Params, allowed: tuple[str, ...], wanted: str) -> Notebook:
    notebook = _require(tx, call, params["NotebookInstanceName"])
    if notebook.status not in allowed:
        raise ApiError(
            "ValidationException",
            f"Status ({notebook.status}) not in ([{', '.join(allowed)}]). Unable to transition to ({wanted}) for "
            f"Notebook Instance ({notebook.arn})",
        )
    return notebook


def _passes(params: Params, request: Params) -> bool:
    config = params.get("NotebookInstanceLifecycleConfigNameContains")
    if config and config not in request.get("LifecycleConfigName", ""):
        return False
    default = params.get("DefaultCodeRepositoryContains")
    if default and default not in request.get("DefaultCodeRepository", ""):
        return False
    additional = params.get("AdditionalCodeRepositoryEquals")
    return not additional or additional in request.get("AdditionalCodeRepositories", [])


def _summary(notebook: Notebook) -> dict[str, Any]:
    summary = {
        "NotebookInstanceName": notebook.name,
        "NotebookInstanceArn": notebook.arn,
        "NotebookInstanceStatus": notebook.status,
        "InstanceType": notebook.request["InstanceType"],
        "CreationTime": notebook.created,
        "LastModifiedTime": notebook.modified,
    }
    if notebook.address:
        summary["Url"] = notebook.address
    if notebook.request.get("LifecycleConfigName"):
        summary["NotebookInstanceLifecycleConfigName"] = notebook.request["LifecycleConfigName"]
    for name in ("DefaultCodeRepository", "AdditionalCodeRepositories"):
        if notebook.request.get(name):
            summary[name] = notebook.request[name]
    return summary
