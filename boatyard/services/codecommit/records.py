"""What CodeCommit stores beside the git repositories: their metadata, their known references, pushes under way."""

from datetime import datetime

from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("codecommit")


class Repository(Record, kw_only=True, frozen=True):
    """One repository; its files are in the directory named after `repository_id`, never after its name."""

    account: str
    region: str
    name: str
    repository_id: str
    description: str | None = None
    created: datetime
    modified: datetime
    tags: dict[str, str] = {}
    triggers: list[dict[str, object]] = []
    triggers_id: str | None = None


class Reference(Record, kw_only=True, frozen=True):
    """Where a branch or tag pointed when the last event about it was written."""

    repository_id: str
    name: str
    object_id: str


class Change(Record, kw_only=True, frozen=True):
    """References that somebody is changing now: whom to name in the event when the server dies in between."""

    change_id: str
    account: str
    region: str
    repository: str
    caller_arn: str
    started: datetime


REPOSITORIES = Table(SCHEMA, "codecommit_repositories", Repository, key=("account", "region", "name"))
REFERENCES = Table(SCHEMA, "codecommit_references", Reference, key=("repository_id", "name"))
CHANGES = Table(SCHEMA, "codecommit_changes", Change, key=("change_id",))
