"""The API for tags, which all SageMaker resources have alike."""

from __future__ import annotations

from typing import Any

from boatyard.api import tags as tag_lists
from boatyard.api.arns import Arn
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.sagemaker import constraints, tags
from boatyard.services.sagemaker.endpoint_configs.records import CONFIGS
from boatyard.services.sagemaker.endpoints.records import ENDPOINTS
from boatyard.services.sagemaker.models.records import MODELS
from boatyard.services.sagemaker.notebook_instances.records import CODE_REPOSITORIES, LIFECYCLE_CONFIGS, NOTEBOOKS
from boatyard.services.sagemaker.training_jobs.records import JOBS
from boatyard.state.database import Reader
from boatyard.state.table import Table

_TABLES: dict[str, Table[Any]] = {
    "training-job": JOBS,
    "model": MODELS,
    "endpoint-config": CONFIGS,
    "endpoint": ENDPOINTS,
    "notebook-instance": NOTEBOOKS,
    "notebook-instance-lifecycle-config": LIFECYCLE_CONFIGS,
    "code-repository": CODE_REPOSITORIES,
}


def add_tags(call: Call, params: Params) -> dict[str, Any]:
    """Adds tags to a resource, or overwrites them. AWS: AddTags."""
    constraints.check("AddTags", params)
    arn = params["ResourceArn"]
    with call.installation.database.transaction() as tx:
        _require(tx, call, arn)
        merged = tags.get(tx, arn) | tag_lists.to_dict(params["Tags"])
        tag_lists.check(merged)
        tags.put(tx, arn, merged)
    return {"Tags": tag_lists.to_list(merged)}


def list_tags(call: Call, params: Params) -> dict[str, Any]:
    """Lists a resource's tags; all of them fit one page. AWS: ListTags."""
    constraints.check("ListTags", params)
    with call.installation.database.reading() as rx:
        _require(rx, call, params["ResourceArn"])
        return {"Tags": tag_lists.to_list(tags.get(rx, params["ResourceArn"]))}


def delete_tags(call: Call, params: Params) -> dict[str, Any]:
    """Removes tags by key; keys that are not there are no error. AWS: DeleteTags."""
    constraints.check("DeleteTags", params)
    arn = params["ResourceArn"]
    with call.installation.database.transaction() as tx:
        _require(tx, call, arn)
        kept = {key: value for key, value in tags.get(tx, arn).items() if key not in params["TagKeys"]}
        tags.put(tx, arn, kept)
    return {}


def _require(rx: Reader, call: Call, arn: str) -> None:
    parsed = Arn.parse(arn)
    table = _TABLES.get(parsed.resource.partition("/")[0])
    where = {"arn": arn, "account": call.account, "region": call.region}
    if table is None or not table.select(rx, where, limit=1):
        raise ApiError("ValidationException", f"Resource {arn} does not exist")
