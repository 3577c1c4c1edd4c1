"""What is stored of endpoint configurations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.services.sagemaker.listing import ORDERS
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table


class EndpointConfig(Record, kw_only=True, frozen=True):
    """An endpoint configuration as CreateEndpointConfig was given it."""

    account: str
    region: str
    name: str
    arn: str
    request: dict[str, Any]
    created: datetime

    @property
    def modified(self) -> datetime:
        """Configurations are never changed."""
        return self.created


SCHEMA = Schema("sagemaker_endpoint_configs", ())
CONFIGS = Table(
    SCHEMA, "sagemaker_endpoint_configs", EndpointConfig, key=("account", "region", "name"), index=("arn", *ORDERS)
)
