"""The API of lifecycle configurations: scripts that run when a notebook instance is created or started."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.api.timestamps import now
from boatyard.services.sagemaker import constraints, tags
from boatyard.services.sagemaker.listing import listed
from boatyard.services.sagemaker.naming import resource_arn
from boatyard.services.sagemaker.notebook_instances.records import LIFECYCLE_CONFIGS, NOTEBOOKS, LifecycleConfig
from boatyard.state.database import Reader
from boatyard.state.table import AlreadyExists

_KIND = "notebook-instance-lifecycle-config"


def create_notebook_instance_lifecycle_config(call: Call, params: Params) -> dict[str, Any]:
    """Keeps scripts (base64) for notebook instances to run as root. AWS: CreateNotebookInstanceLifecycleConfig."""
    constraints.check("CreateNotebookInstanceLifecycleConfig", params)
    given = tags.checked(params)
    name, moment = params["NotebookInstanceLifecycleConfigName"], now()
    arn = resource_arn(call, _KIND, name)
    config = LifecycleConfig(
        account=call.account,
        region=call.region,
        name=name,
        arn=arn,
        created=moment,
        modified=moment,
        on_create=_script(params, "OnCreate"),
        on_start=_script(params, "OnStart"),
    )
    with call.installation.database.transaction() as tx:
        try:
            LIFECYCLE_CONFIGS.insert(tx, config)
        except AlreadyExists:
            raise ApiError(
                "ValidationException",
                f"Unable to create Notebook Instance Lifecycle Config {arn}. (Details: Notebook Instance Lifecycle "
                "Config already exists.)",
            ) from None
        tags.put(tx, arn, given)
    return {"NotebookInstanceLifecycleConfigArn": arn}


def describe_notebook_instance_lifecycle_config(call: Call, params: Params) -> dict[str, Any]:
    """Gives a lifecycle configuration's scripts. AWS: DescribeNotebookInstanceLifecycleConfig."""
    constraints.check("DescribeNotebookInstanceLifecycleConfig", params)
    with call.installation.database.reading() as rx:
        config = _require(rx, call, params, "describe")
    return _summary(config) | {
        "OnCreate": [{"Content": config.on_create}] if config.on_create else [],
        "OnStart": [{"Content": config.on_start}] if config.on_start else [],
    }


def list_notebook_instance_lifecycle_configs(call: Call, params: Params) -> dict[str, Any]:
    """Lists lifecycle configurations, filtered and sorted. AWS: ListNotebookInstanceLifecycleConfigs."""
    constraints.check("ListNotebookInstanceLifecycleConfigs", params)
    return listed(call, params, LIFECYCLE_CONFIGS, _summary, "NotebookInstanceLifecycleConfigs")


def update_notebook_instance_lifecycle_config(call: Call, params: Params) -> dict[str, Any]:
    """Replaces scripts; instances run them from their next start. AWS: UpdateNotebookInstanceLifecycleConfig."""
    constraints.check("UpdateNotebookInstanceLifecycleConfig", params)
    changed: dict[str, Any] = {"modified": now()}
    for member, attribute in (("OnCreate", "on_create"), ("OnStart", "on_start")):
        if member in params:
            changed[attribute] = _script(params, member)
    with call.installation.database.transaction() as tx:
        config = _require(tx, call, params, "update")
        LIFECYCLE_CONFIGS.put(tx, msgspec.structs.replace(config, **changed))
    return {}


def delete_notebook_instance_lifecycle_config(call: Call, params: Params) -> None:
    """Deletes a lifecycle configuration that no instance uses. AWS: DeleteNotebookInstanceLifecycleConfig."""
    constraints.check("DeleteNotebookInstanceLifecycleConfig", params)
    with call.installation.database.transaction() as tx:
        config = _require(tx, call, params, "delete")
        notebooks = NOTEBOOKS.select(tx, {"account": call.account, "region": call.region})
        users = [each.name for each in notebooks if each.request.get("LifecycleConfigName") == config.name]
        if users:
            raise ApiError(
                "ValidationException",
                f"Unable to delete Notebook Instance Lifecycle Config {config.arn}. (Details: it is used by the "
                f"notebook instance {users[0]}.)",
            )
        LIFECYCLE_CONFIGS.delete(tx, config.account, config.region, config.name)
        tags.put(tx, config.arn, {})


def _script(params: Params, member: str) -> str | None:
    hooks = params.get(member) or []
    content: str | None = hooks[0].get("Content") if hooks else None
    if content is None:
        return None
    try:
        base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ApiError("ValidationException", f"The content of {member} must be encoded in base64.") from None
    return content


def _require(rx: Reader, call: Call, params: Params, verb: str) -> LifecycleConfig:
    name = params["NotebookInstanceLifecycleConfigName"]
    config = LIFECYCLE_CONFIGS.get(rx, call.account, call.region, name)
    if config is None:
        arn = resource_arn(call, _KIND, name)
        raise ApiError(
            "ValidationException",
            f"Unable to {verb} Notebook Instance Lifecycle Config '{arn}'. "
            "(Details: Notebook Instance Lifecycle Config does not exist.)",
        )
    return config


def _summary(config: LifecycleConfig) -> dict[str, Any]:
    return {
        "NotebookInstanceLifecycleConfigName": config.name,
        "NotebookInstanceLifecycleConfigArn": config.arn,
        "CreationTime": config.created,
        "LastModifiedTime": config.modified,
    }
