"""What is stored of models."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.services.sagemaker.listing import ORDERS
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table


class Model(Record, kw_only=True, frozen=True):
    """A model as CreateModel was given it."""

    account: str
    region: str
    name: str
    arn: str
    request: dict[str, Any]
    created: datetime

    @property
    def modified(self) -> datetime:
        """Models are never changed."""
        return self.created


SCHEMA = Schema("sagemaker_models", ())
MODELS = Table(SCHEMA, "sagemaker_models", Model, key=("account", "region", "name"), index=("arn", *ORDERS))
