"""What KMS stores: keys with their sealed material, aliases and grants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("kms", ())


class Key(Record, kw_only=True, frozen=True):
    """A symmetric key. `material` holds every sealed generation, oldest first; the last one encrypts."""

    account: str
    region: str
    id: str
    created: datetime
    material: list[bytes]
    policy: str
    description: str = ""
    state: str = "Enabled"
    manager: str = "CUSTOMER"
    deletion_date: datetime | None = None
    rotation_days: int | None = None
    """Days between automatic rotations; None when they are off."""
    rotation_since: datetime | None = None
    rotations: list[datetime] = []
    """When RotateKeyOnDemand added a generation."""
    tags: dict[str, str] = {}
    token: str = ""
    """Of the stack resource's creation that made it; see Call.token."""

    @property
    def arn(self) -> str:
        """The key's ARN."""
        return f"arn:aws:kms:{self.region}:{self.account}:key/{self.id}"


class Alias(Record, kw_only=True, frozen=True):
    """A name for a key, with its prefix alias/."""

    account: str
    region: str
    name: str
    key_id: str
    created: datetime
    updated: datetime

    @property
    def arn(self) -> str:
        """The alias's ARN."""
        return f"arn:aws:kms:{self.region}:{self.account}:{self.name}"


class Grant(Record, kw_only=True, frozen=True):
    """A permission to use a key, beside its policy."""

    account: str
    region: str
    id: str
    key_id: str
    created: datetime
    token: str
    operations: list[str]
    name: str | None = None
    grantee: str | None = None
    grantee_service: str | None = None
    retiring: str | None = None
    retiring_service: str | None = None
    constraints: dict[str, Any] = {}


KEYS = Table(SCHEMA, "kms_keys", Key, key=("account", "region", "id"), counted=("account", "region"))
ALIASES = Table(SCHEMA, "kms_aliases", Alias, key=("account", "region", "name"), index=("key_id",))
GRANTS = Table(SCHEMA, "kms_grants", Grant, key=("account", "region", "id"), index=("key_id", "token"))
