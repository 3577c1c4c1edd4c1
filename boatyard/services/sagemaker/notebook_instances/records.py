"""What is stored of notebook instances, their lifecycle configurations and code repositories."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.services.sagemaker.listing import BY_STATUS, ORDERS
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table


class Notebook(Record, kw_only=True, frozen=True):
    """A notebook instance. `uid` names its container and volume; `start` counts how often it was started."""

    account: str
    region: str
    name: str
    arn: str
    uid: str
    request: dict[str, Any]
    status: str
    created: datetime
    modified: datetime
    start: int = 1
    created_once: bool = False
    token: str = ""
    address: str = ""
    failure_reason: str | None = None


class LifecycleConfig(Record, kw_only=True, frozen=True):
    """Scripts that run as root when a notebook instance is created or started, in base64."""

    account: str
    region: str
    name: str
    arn: str
    created: datetime
    modified: datetime
    on_create: str | None = None
    on_start: str | None = None


class CodeRepository(Record, kw_only=True, frozen=True):
    """A git repository by a name that notebook instances can use."""

    account: str
    region: str
    name: str
    arn: str
    url: str
    created: datetime
    modified: datetime
    branch: str | None = None


SCHEMA = Schema("sagemaker_notebooks", ())
NOTEBOOKS = Table(
    SCHEMA,
    "sagemaker_notebook_instances",
    Notebook,
    key=("account", "region", "name"),
    index=("arn", "status", BY_STATUS, *ORDERS),
)
LIFECYCLE_CONFIGS = Table(
    SCHEMA,
    "sagemaker_lifecycle_configs",
    LifecycleConfig,
    key=("account", "region", "name"),
    index=("arn", *ORDERS),
)
CODE_REPOSITORIES = Table(
    SCHEMA,
    "sagemaker_code_repositories",
    CodeRepository,
    key=("account", "region", "name"),
    index=("arn", *ORDERS),
)
