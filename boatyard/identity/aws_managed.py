"""AWS's own managed policies that delivery stacks name, retired ones included, from the data file beside this."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from importlib import resources

import msgspec


class AwsManagedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One of AWS's managed policies, as ListPolicies with the scope AWS tells it."""

    arn: str
    name: str
    path: str
    id: str
    version: str
    document: str
    created: datetime
    updated: datetime
    description: str


@cache
def policies() -> dict[str, AwsManagedPolicy]:
    """Every known one by its ARN."""
    text = resources.files("boatyard.identity").joinpath("aws_managed_policies.json").read_text()
    found: dict[str, AwsManagedPolicy] = {}
    for name, entry in json.loads(text).items():
        path = entry.get("path", "/")
        arn = f"arn:aws:iam::aws:policy{path}{name}"
        found[arn] = AwsManagedPolicy(
            arn=arn,
            name=name,
            path=path,
            id=entry["id"],
            version=entry.get("version", "v1"),
            document=json.dumps(entry["document"], separators=(",", ":")),
            created=datetime.fromisoformat(entry["created"]).astimezone(UTC),
            updated=datetime.fromisoformat(entry["updated"]).astimezone(UTC),
            description=entry.get("description", ""),
        )
    return found


def find(arn: str) -> AwsManagedPolicy | None:
    """One by its ARN, None where boatyard does not know it."""
    return policies().get(arn)
