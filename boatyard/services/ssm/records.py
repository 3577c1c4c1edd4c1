"""What Parameter Store keeps: every version of every parameter."""

from __future__ import annotations

from datetime import datetime

from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("ssm", ())


class Version(Record, kw_only=True, frozen=True):
    """One version of a parameter. A SecureString has `sealed` (KMS ciphertexts, in order) in place of `value`."""

    account: str
    region: str
    name: str
    version: int
    type: str
    value: str | None = None
    sealed: list[bytes] = []
    key_id: str | None = None
    description: str | None = None
    allowed_pattern: str | None = None
    tier: str = "Standard"
    modified: datetime
    modified_by: str
    labels: list[str] = []
    token: str = ""
    """Of the change to a stack's resource that made it; see Call.token."""

    @property
    def arn(self) -> str:
        """The parameter's ARN."""
        return arn_of(self.account, self.region, self.name)


class Parameter(Record, kw_only=True, frozen=True):
    """A parameter: which version is the latest, and its tags."""

    account: str
    region: str
    name: str
    latest: int
    tags: dict[str, str] = {}


def arn_of(account: str, region: str, name: str) -> str:
    """A parameter's ARN: the name's leading slash is not doubled."""
    return f"arn:aws:ssm:{region}:{account}:parameter/{name.lstrip('/')}"


PARAMETERS = Table(
    SCHEMA, "ssm_parameters", Parameter, key=("account", "region", "name"), counted=("account", "region")
)
VERSIONS = Table(SCHEMA, "ssm_parameter_versions", Version, key=("account", "region", "name", "version"))
