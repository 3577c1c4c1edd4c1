"""What is stored of CloudFormation, and the only code that reads or writes it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from boatyard.services.cloudformation.templates.document import Template, read
from boatyard.services.cloudformation.templates.parameters import ParameterValue
from boatyard.state.database import Reader, Transaction
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("cloudformation")


class StoredParameter(Record, kw_only=True, frozen=True):
    """A parameter's value as given, and as Parameter Store resolved it."""

    given: str
    resolved: str | None = None


class Revision(Record, kw_only=True, frozen=True):
    """What a stack is to be: template, parameter values, tags. `document` is the JSON after all transforms."""

    template: str
    document: str
    transforms: list[str] = []
    parameters: dict[str, StoredParameter] = {}
    tags: dict[str, str] = {}
    capabilities: list[str] = []
    notification_arns: list[str] = []
    role_arn: str | None = None

    def read(self) -> Template:
        """The template, after its transforms."""
        return read(json.loads(self.document), tuple(self.transforms))

    def values(self) -> dict[str, ParameterValue]:
        """The parameters' values."""
        return {name: ParameterValue(each.given, each.resolved) for name, each in self.parameters.items()}

    def given(self) -> dict[str, str]:
        """The parameters' values as they were given."""
        return {name: each.given for name, each in self.parameters.items()}


class StackOutput(Record, kw_only=True, frozen=True):
    """An output with its value."""

    name: str
    value: str
    description: str | None = None
    export: str | None = None


class Stack(Record, kw_only=True, frozen=True):
    """A stack; one that was deleted stays, to be described by its id."""

    account: str
    region: str
    id: str
    name: str
    status: str
    status_reason: str | None = None
    created: datetime
    updated: datetime | None = None
    deleted: datetime | None = None
    revision: Revision | None = None
    outputs: list[StackOutput] = []
    timeout_minutes: int | None = None
    disable_rollback: bool = False
    retain_except_on_create: bool = False
    termination_protection: bool = False
    change_set_id: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    operation: str | None = None
    """The operation that runs, or that ran last."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Where the table keeps it."""
        return self.account, self.region, self.id

    @property
    def alive(self) -> bool:
        """Whether it has not been deleted."""
        return self.status != "DELETE_COMPLETE"


class Operation(Record, kw_only=True, frozen=True):
    """One change of a stack: what is to be done, for whom, and how far it is."""

    stack_id: str
    id: str
    kind: str
    """CREATE, UPDATE, DELETE or CONTINUE_ROLLBACK."""
    phase: str = "forward"
    """forward, rollback, cleanup; then ended is true."""
    ended: bool = False
    started: datetime
    caller: str
    """The principal on whose behalf it runs, as JSON."""
    role_arn: str | None = None
    client_token: str | None = None
    target: Revision | None = None
    on_failure: str = "ROLLBACK"
    timeout_minutes: int | None = None
    retain: list[str] = []
    skip: list[str] = []
    cancelled: bool = False
    after: str | None = None
    """The operation that must have ended before this one begins."""
    reason: str | None = None
    """Why it is rolled back."""
    previous_status: str = ""


class Former(Record, kw_only=True, frozen=True):
    """What a resource was before the running update touched it."""

    type: str
    physical_id: str | None
    properties: dict[str, Any]
    attributes: dict[str, Any]
    tags: dict[str, str]
    needs: list[str]
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"


class StackResource(Record, kw_only=True, frozen=True):
    """A resource of a stack: what it is now, and what the last operation did to it."""

    stack_id: str
    logical_id: str
    type: str
    status: str
    reason: str | None = None
    updated: datetime
    physical_id: str | None = None
    properties: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    tags: dict[str, str] = {}
    needs: list[str] = []
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    metadata: str | None = None
    operation: str = ""
    change: str = ""
    """What `operation` does to it: create, update, replace, or nothing."""
    before: Former | None = None

    @property
    def there(self) -> bool:
        """Whether it still belongs to the stack."""
        return self.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED")

    def former(self) -> Former:
        """What it is now, to go back to."""
        return Former(
            type=self.type,
            physical_id=self.physical_id,
            properties=self.properties,
            attributes=self.attributes,
            tags=self.tags,
            needs=self.needs,
            deletion_policy=self.deletion_policy,
            update_replace_policy=self.update_replace_policy,
        )


class Leftover(Record, kw_only=True, frozen=True):
    """A physical resource that a replacement has put aside, to be deleted in the clean-up."""

    stack_id: str
    logical_id: str
    physical_id: str
    type: str
    properties: dict[str, Any]
    tags: dict[str, str] = {}
    needs: list[str] = []
    policy: str = "Delete"


class StackEvent(Record, kw_only=True, frozen=True):
    """One line of a stack's story."""

    stack_id: str
    sequence: int
    id: str
    time: datetime
    logical_id: str
    physical_id: str = ""
    type: str
    status: str
    reason: str | None = None
    properties: str | None = None
    client_token: str | None = None
    operation: str | None = None


class ChangeSet(Record, kw_only=True, frozen=True):
    """A change set and what it would do."""

    account: str
    region: str
    stack_id: str
    id: str
    name: str
    kind: str
    created: datetime
    description: str | None = None
    status: str
    status_reason: str | None = None
    execution_status: str
    client_token: str | None = None
    revision: Revision | None = None
    role_arn: str | None = None
    on_failure: str | None = None
    changes: list[dict[str, Any]] = []
    operation: str | None = None
    """The operation that executes it."""
    imports: bool = False
    """Whether ImportExistingResources was asked for."""


class Export(Record, kw_only=True, frozen=True):
    """A value that a stack exports."""

    account: str
    region: str
    name: str
    value: str
    stack_id: str


class Import(Record, kw_only=True, frozen=True):
    """A stack's use of an export."""

    account: str
    region: str
    name: str
    stack_id: str


STACKS = Table(
    SCHEMA,
    "cloudformation_stacks",
    Stack,
    key=("account", "region", "id"),
    index=(
        ("account", "region", "name", "alive"),
        ("account", "region", "alive", "created"),
        ("account", "region", "created"),
    ),
)
OPERATIONS = Table(SCHEMA, "cloudformation_operations", Operation, key=("stack_id", "id"), index=("client_token",))
RESOURCES = Table(
    SCHEMA,
    "cloudformation_resources",
    StackResource,
    key=("stack_id", "logical_id"),
    index=("physical_id",),
)
LEFTOVERS = Table(SCHEMA, "cloudformation_leftovers", Leftover, key=("stack_id", "logical_id", "physical_id"), index=())
EVENTS = Table(SCHEMA, "cloudformation_events", StackEvent, key=("stack_id", "sequence"))
CHANGE_SETS = Table(
    SCHEMA, "cloudformation_change_sets", ChangeSet, key=("account", "region", "id"), index=("stack_id", "name")
)
EXPORTS = Table(SCHEMA, "cloudformation_exports", Export, key=("account", "region", "name"), index=("stack_id",))
IMPORTS = Table(
    SCHEMA, "cloudformation_imports", Import, key=("account", "region", "name", "stack_id"), index=("stack_id",)
)


def find_stack(rx: Reader, account: str, region: str, name_or_id: str) -> Stack | None:
    """The stack of that id, or the one of that name that has not been deleted."""
    if name_or_id.startswith("arn:"):
        return STACKS.get(rx, account, region, name_or_id)
    where = {"account": account, "region": region, "name": name_or_id, "alive": True}
    return next(iter(STACKS.select(rx, where, limit=1)), None)


def resources_of(rx: Reader, stack_id: str) -> dict[str, StackResource]:
    """Every resource the stack has or had, by logical id."""
    return {each.logical_id: each for each in RESOURCES.select(rx, {"stack_id": stack_id})}


def stack_parts(stack_id: str) -> tuple[str, str, str]:
    """Account, region and name in a stack's id."""
    _, _, _, region, account, resource = stack_id.split(":", 5)
    return account, region, resource.split("/")[1]


def add_event(tx: Transaction, event: StackEvent) -> StackEvent:
    """Store an event as the stack's latest; answers it with its number."""
    row = tx.execute(
        "SELECT coalesce(max(sequence), 0) + 1 FROM cloudformation_events WHERE stack_id = ?", (event.stack_id,)
    ).fetchone()
    numbered = StackEvent(**{**{name: getattr(event, name) for name in event.__struct_fields__}, "sequence": row[0]})
    EVENTS.insert(tx, numbered)
    return numbered


def forget_stack(tx: Transaction, stack: Stack) -> None:
    """Remove a deleted stack with all that is known of it."""
    for table in (OPERATIONS, RESOURCES, LEFTOVERS, EVENTS, CHANGE_SETS):
        tx.execute(f"DELETE FROM {table.name} WHERE stack_id = ?", (stack.id,))
    STACKS.delete(tx, stack.account, stack.region, stack.id)


def importers(rx: Reader, account: str, region: str, name: str) -> list[str]:
    """The names of the stacks that use an export."""
    found = IMPORTS.select(rx, {"account": account, "region": region, "name": name})
    return [stack_parts(each.stack_id)[2] for each in found]


def live_stacks(rx: Reader, account: str, region: str) -> int:
    """How many stacks are not deleted."""
    return STACKS.count(rx, {"account": account, "region": region, "alive": True})
