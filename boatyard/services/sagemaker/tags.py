"""Tags of SageMaker resources, by ARN; changed only in the transaction of whoever changes the resource."""

from __future__ import annotations

from typing import Any

from boatyard.api import tags
from boatyard.services.sagemaker.records import TAGS, Tags
from boatyard.state.database import Reader, Transaction


def checked(params: dict[str, Any]) -> dict[str, str]:
    """The Tags of a request as a dict, within AWS's limits."""
    given = tags.to_dict(params.get("Tags"))
    tags.check(given)
    return given


def get(rx: Reader, arn: str) -> dict[str, str]:
    """A resource's tags."""
    found = TAGS.get(rx, arn)
    return dict(found.tags) if found else {}


def put(tx: Transaction, arn: str, given: dict[str, str]) -> None:
    """Sets all tags of a resource; none when empty."""
    if given:
        TAGS.put(tx, Tags(arn=arn, tags=given))
    else:
        TAGS.delete(tx, arn)
