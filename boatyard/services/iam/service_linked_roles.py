"""Roles that belong to an AWS service: made and deleted for it, and not to be changed."""

from __future__ import annotations

import json
import uuid
from typing import Any

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.identity import unique_ids
from boatyard.identity.records import ROLES, Role
from boatyard.services.iam.entities import check_description, moment, no_such, require_role
from boatyard.services.iam.roles import SERVICE_LINKED_PATH
from boatyard.services.iam.views import role_details
from boatyard.state.table import AlreadyExists

_NAMES = {
    "sagemaker.amazonaws.com": "AWSServiceRoleForAmazonSageMakerNotebooks",
    "ecr.amazonaws.com": "AWSServiceRoleForECRTemplate",
    "replication.ecr.amazonaws.com": "AWSServiceRoleForECRReplication",
    "events.amazonaws.com": "AWSServiceRoleForCloudWatchEvents",
    "codestar-notifications.amazonaws.com": "AWSServiceRoleForCodeStarNotifications",
    "ssm.amazonaws.com": "AWSServiceRoleForAmazonSSM",
}


def create_service_linked_role(call: Call, params: Params) -> dict[str, Any]:
    """Make the role that an AWS service works with. (IAM API: CreateServiceLinkedRole)"""
    service = params["AWSServiceName"]
    name = _NAMES.get(service)
    if name is None:
        raise ApiError("InvalidInput", f"Service role name for {service} is not known.", status=400)
    if params.get("CustomSuffix"):
        name += f"_{params['CustomSuffix']}"
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    role = Role(
        account=call.account,
        folded=name.lower(),
        name=name,
        path=f"{SERVICE_LINKED_PATH}{service}/",
        id=unique_ids.unique_id(unique_ids.ROLE),
        created=moment(),
        trust_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        description=check_description(params.get("Description")),
    )
    with call.installation.database.transaction() as tx:
        try:
            ROLES.insert(tx, role)
        except AlreadyExists:
            raise ApiError(
                "InvalidInput",
                f"Service role name {name} has been taken in this account, please try a different suffix.",
                status=400,
            ) from None
    return {"Role": role_details(role)}


def delete_service_linked_role(call: Call, params: Params) -> dict[str, Any]:
    """Delete a service's role; it is gone at once. (IAM API: DeleteServiceLinkedRole)"""
    with call.installation.database.transaction() as tx:
        role = require_role(tx, call.account, params["RoleName"])
        if not role.path.startswith(SERVICE_LINKED_PATH):
            raise no_such(f"The role with name {role.name} cannot be found.")
        ROLES.delete(tx, call.account, role.folded)
    task = f"task{role.path}{role.name}/{uuid.uuid4()}"
    return {"DeletionTaskId": task}


def get_service_linked_role_deletion_status(call: Call, params: Params) -> dict[str, Any]:
    """Tell whether a service's role has been deleted. (IAM API: GetServiceLinkedRoleDeletionStatus)"""
    parts = params["DeletionTaskId"].split("/")
    if len(parts) != 5 or parts[0] != "task":
        raise no_such(f"Deletion Task Id {params['DeletionTaskId']} was not found.")
    with call.installation.database.reading() as rx:
        there = ROLES.get(rx, call.account, parts[3].lower()) is not None
    return {"Status": "NOT_STARTED" if there else "SUCCEEDED"}
