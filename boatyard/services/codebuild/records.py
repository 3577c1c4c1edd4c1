"""What is stored of CodeBuild: projects and builds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from boatyard.api.timestamps import now
from boatyard.state.database import Reader
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("codebuild")


class Project(Record, frozen=True, kw_only=True):
    """A project: what CreateProject took, and the number of its last build."""

    account: str
    region: str
    name: str
    settings: dict[str, Any]
    tags: list[dict[str, str]] = []
    created: datetime
    modified: datetime
    builds: int = 0
    cache_number: int = 0
    """Part of the name of the cache in S3: InvalidateProjectCache counts it up."""

    @property
    def arn(self) -> str:
        """The project's ARN."""
        return f"arn:aws:codebuild:{self.region}:{self.account}:project/{self.name}"


class Phase(Record, frozen=True, kw_only=True):
    """A phase of a build; `status` is None while it runs."""

    type: str
    started: datetime
    ended: datetime | None = None
    status: str | None = None
    code: str = ""
    message: str = ""


class Build(Record, frozen=True, kw_only=True):
    """A build: what it was started with, and how far it is."""

    account: str
    region: str
    id: str
    """PROJECT:UUID."""
    project: str
    number: int
    settings: dict[str, Any]
    """source, secondarySources, artifacts, secondaryArtifacts, cache, environment, serviceRole, ..."""
    initiator: str
    started: datetime
    ended: datetime | None = None
    status: str = "IN_PROGRESS"
    current: str = "SUBMITTED"
    phases: list[Phase] = []
    source_version: str | None = None
    secondary_versions: dict[str, str] = {}
    resolved_version: str | None = None
    exported: dict[str, str] = {}
    group: str = ""
    stream: str = ""
    stop_asked: bool = False
    token: str = ""

    @property
    def arn(self) -> str:
        """The build's ARN."""
        return f"arn:aws:codebuild:{self.region}:{self.account}:build/{self.id}"

    @property
    def uuid(self) -> str:
        """What makes the id unique."""
        return self.id.rpartition(":")[2]

    @property
    def project_key(self) -> str:
        """Account, region and project in one column."""
        return f"{self.account}/{self.region}/{self.project}"


PROJECTS = Table(SCHEMA, "codebuild_projects", Project, key=("account", "region", "name"))
BUILDS = Table(
    SCHEMA,
    "codebuild_builds",
    Build,
    key=("account", "region", "id"),
    index=(("project_key", "started"), ("account", "region", "started")),
)


def unfinished(rx: Reader, account: str, region: str) -> int:
    """How many builds wait or run. No build is older than three days: it may wait 8 hours and run 36."""
    since = now().timestamp() - 3 * 24 * 3600
    found = rx.execute(
        f"""SELECT count(*) FROM "{BUILDS.name}" WHERE account = ? AND region = ? AND started > ?
        AND json_extract(record, '$.ended') IS NULL""",
        (account, region, since),
    )
    return int(found.fetchone()[0])
