"""SageMaker's tags, kept for every kind of resource by its ARN."""

from __future__ import annotations

from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table


class Tags(Record, kw_only=True, frozen=True):
    """The tags of one resource."""

    arn: str
    tags: dict[str, str]


SCHEMA = Schema("sagemaker", ())
TAGS = Table(SCHEMA, "sagemaker_tags", Tags, key=("arn",))
