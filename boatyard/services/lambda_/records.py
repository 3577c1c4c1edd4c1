"""What is stored of Lambda: functions with their versions, aliases, layers and asynchronous invocations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from boatyard.state.database import Reader
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("lambda")
LATEST = "$LATEST"


class Package(Record, frozen=True, kw_only=True):
    """A zip file that was given: the blob with its content, its size in bytes and its SHA-256 in Base64."""

    blob: str
    size: int
    sha256: str


class Function(Record, frozen=True, kw_only=True):
    """One version of a function; $LATEST is the one that changes."""

    account: str
    region: str
    name: str
    version: str
    role: str
    runtime: str
    handler: str
    package: Package
    modified: datetime
    revision: str
    description: str = ""
    timeout: int = 3
    memory: int = 128
    storage: int = 512
    environment: dict[str, str] = {}
    layers: list[str] = []
    layer_packages: list[Package] = []
    """The content of the layers, kept although a layer version is deleted."""
    architectures: list[str] = msgspec.field(default_factory=lambda: ["x86_64"])
    tracing: str = "PassThrough"
    log_group: str = ""

    @property
    def unqualified_arn(self) -> str:
        """The function's ARN without a version."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def arn(self) -> str:
        """The ARN with its version, without one for $LATEST."""
        return self.unqualified_arn if self.version == LATEST else f"{self.unqualified_arn}:{self.version}"

    @property
    def group(self) -> str:
        """The log group its output goes to."""
        return self.log_group or f"/aws/lambda/{self.name}"


class FunctionSettings(Record, frozen=True, kw_only=True):
    """What holds for a function whatever its version."""

    account: str
    region: str
    name: str
    next_version: int = 1
    tags: dict[str, str] = {}
    concurrency: int | None = None
    policies: dict[str, list[dict[str, Any]]] = {}
    """Statements of the resource policy by qualifier ("" for none)."""
    retries: dict[str, dict[str, int]] = {}
    """Event invoke configurations by qualifier."""


class Alias(Record, frozen=True, kw_only=True):
    """A name for a version, with further versions that get a share of the invocations."""

    account: str
    region: str
    function: str
    name: str
    version: str
    description: str = ""
    weights: dict[str, float] = {}
    revision: str = ""


class Layer(Record, frozen=True, kw_only=True):
    """One version of a layer."""

    account: str
    region: str
    name: str
    version: int
    package: Package
    created: datetime
    description: str = ""
    license: str = ""
    runtimes: list[str] = []
    architectures: list[str] = []
    token: str = ""
    """Of the stack resource's creation that made it; see Call.token."""

    @property
    def arn(self) -> str:
        """The layer's ARN without the version."""
        return f"arn:aws:lambda:{self.region}:{self.account}:layer:{self.name}"

    @property
    def version_arn(self) -> str:
        """The ARN with the version."""
        return f"{self.arn}:{self.version}"


class Event(Record, frozen=True, kw_only=True):
    """An asynchronous invocation that waits for its turn or runs."""

    id: str
    account: str
    region: str
    function: str
    qualifier: str
    payload: bytes
    accepted: datetime


class CodeUse(Record, frozen=True, kw_only=True):
    """The last layer version number that was given, so that numbers are never used twice."""

    account: str
    region: str
    name: str
    last: int


FUNCTIONS = Table(
    SCHEMA,
    "lambda_functions",
    Function,
    key=("account", "region", "name", "version"),
    index=(("account", "region", "version"),),
)
SETTINGS = Table(SCHEMA, "lambda_settings", FunctionSettings, key=("account", "region", "name"))
ALIASES = Table(SCHEMA, "lambda_aliases", Alias, key=("account", "region", "function", "name"))
LAYERS = Table(SCHEMA, "lambda_layers", Layer, key=("account", "region", "name", "version"))
LAYER_NUMBERS = Table(SCHEMA, "lambda_layer_numbers", CodeUse, key=("account", "region", "name"))
EVENTS = Table(SCHEMA, "lambda_events", Event, key=("id",))


def code_bytes(rx: Reader, account: str, region: str) -> int:
    """The bytes of the zips of all functions, versions and layers."""
    tables = (FUNCTIONS.name, LAYERS.name)
    sizes = " UNION ALL ".join(
        f"SELECT json_extract(record, '$.package.size') AS size FROM \"{name}\" WHERE account = ? AND region = ?"
        for name in tables
    )
    found = rx.execute(f"SELECT coalesce(sum(size), 0) FROM ({sizes})", (account, region) * len(tables))
    return int(found.fetchone()[0])
