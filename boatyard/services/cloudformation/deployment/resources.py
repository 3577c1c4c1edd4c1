"""One resource at a time: created, updated, replaced, brought back or deleted, and every step on record."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
from typing import Any

import msgspec

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import CreationFailed, ResourceRequest, ResourceState, ResourceType, all_types
from boatyard.api.timestamps import now
from boatyard.services.cloudformation.deployment.adoption import can_update, create_once, is_taken, name_property
from boatyard.services.cloudformation.deployment.journal import Journal
from boatyard.services.cloudformation.deployment.scopes import stack_scope
from boatyard.services.cloudformation.properties import bring_to_type
from boatyard.services.cloudformation.records import LEFTOVERS, Former, Leftover, Revision, StackResource
from boatyard.services.cloudformation.templates.document import ResourceDeclaration, Template
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.functions import evaluate, evaluate_known
from boatyard.services.cloudformation.templates.references import add_order_by_name, dependencies
from boatyard.services.cloudformation.templates.scope import Scope, Unresolved
from boatyard.state.database import Transaction
from boatyard.workflows.work import Interrupted

NOT_IMPORTED = (
    " ImportExistingResources asks to import it; boatyard imports nothing: delete it, or choose another name."
)
REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def reason_of(error: ApiError) -> str:
    """An error as a resource's event tells it."""
    if error.code == "ValidationError" and error.message.startswith(("Template", "Properties", "No export")):
        return error.message
    return f'Resource handler returned message: "{error.message}" (HandlerErrorCode: {error.code})'


def is_gone(error: ApiError) -> bool:
    """Whether an error of a deletion says that there is nothing to delete."""
    return any(word in error.code for word in ("NotFound", "NoSuch", "DoesNotExist"))


def type_named(name: str) -> ResourceType:
    """The resource type of that name; ApiError when there is none any more."""
    kind = all_types().get(name)
    if kind is None:
        raise invalid(f"Template format error: Unrecognized resource types: [{name}]")
    return kind


class ResourceWork:
    """Works on the resources of one stack in one operation; its methods run in several threads."""

    def __init__(self, journal: Journal, revision: Revision) -> None:
        self.journal = journal
        self.revision = revision
        self._lock = threading.Lock()
        self.records = journal.resources()
        self.template: Template = revision.read()
        self.tags = dict(revision.tags)
        self.call: Call = journal.call()
        self.scope: Scope = stack_scope(
            self.call, self.template, revision, journal.stack_name, journal.stack_id, self.records.get
        )
        values = revision.values()
        journal.secrets = [
            values[name].effective
            for name, parameter in self.template.parameters.items()
            if parameter.no_echo and name in values
        ]

    def graph(self) -> dict[str, set[str]]:
        """What needs what, in this revision."""
        graph = dependencies(self.template, self.scope)
        known = {name: evaluate_known(self.template.resources[name].properties, self.scope) for name in graph}
        add_order_by_name(graph, {name: each.type for name, each in self.template.resources.items()}, known)
        return graph

    def deploy(self, name: str, needs: set[str]) -> None:
        """Bring a resource to what the revision says; ApiError when that fails, and its event says why."""
        declaration = self.template.resources[name]
        there = self.records.get(name)
        if there is not None and not there.there:
            there = None
        in_hand = there is not None and there.operation == self.journal.operation_id and there.change != ""
        if in_hand and there is not None and there.status.endswith("_COMPLETE"):
            return
        started = self._started(declaration, there, needs, in_hand=in_hand)
        try:
            kind = type_named(declaration.type)
            properties = bring_to_type(kind, self._evaluated(declaration))
            if there is None or started.change == "create":
                self._create(kind, started, properties, resumed=in_hand)
            else:
                self._change(kind, started, there, properties, resumed=in_hand)
        except ApiError as error:
            self._check_running(error)
            self._failed(started, error)
            raise

    def _started(
        self, declaration: ResourceDeclaration, there: StackResource | None, needs: set[str], *, in_hand: bool
    ) -> StackResource:
        """The resource's record as this operation begins with it; not stored yet."""
        common: dict[str, Any] = {
            "needs": sorted(needs),
            "deletion_policy": declaration.deletion_policy,
            "update_replace_policy": declaration.update_replace_policy,
            "metadata": json.dumps(declaration.metadata) if declaration.metadata is not None else None,
            "operation": self.journal.operation_id,
            "reason": None,
        }
        if there is not None and there.physical_id is not None and not _half_made(there):
            return msgspec.structs.replace(there, **common, **({} if in_hand else {"change": "", "before": None}))
        if there is not None and there.physical_id is not None and not in_hand:
            self._put_half_made_aside(there)
        return StackResource(
            stack_id=self.journal.stack_id,
            logical_id=declaration.name,
            type=declaration.type,
            status="CREATE_IN_PROGRESS",
            updated=now(),
            change="create",
            **common,
        )

    @staticmethod
    def _leftover_of(record: StackResource) -> Leftover:
        return Leftover(
            stack_id=record.stack_id,
            logical_id=record.logical_id,
            physical_id=str(record.physical_id),
            type=record.type,
            properties=record.properties,
            tags=record.tags,
            needs=record.needs,
        )

    def _put_half_made_aside(self, record: StackResource) -> None:
        with self.journal.installation.database.transaction() as tx:
            LEFTOVERS.put(tx, self._leftover_of(record))

    def _evaluated(self, declaration: ResourceDeclaration) -> dict[str, Any]:
        try:
            with self._lock:
                return dict(evaluate(declaration.properties, self.scope))
        except Unresolved as error:
            raise invalid(
                f"Template error: resource {declaration.name} refers to a resource that the stack does not have."
            ) from error

    def _request(
        self,
        record: StackResource,
        properties: dict[str, Any],
        *,
        previous: dict[str, Any] | None = None,
        physical_id: str | None = None,
    ) -> ResourceRequest:
        token = hashlib.sha256(f"{self.journal.operation_id}/{record.logical_id}".encode()).hexdigest()[:32]
        return ResourceRequest(
            logical_id=record.logical_id,
            stack_name=self.journal.stack_name,
            stack_id=self.journal.stack_id,
            properties=properties,
            token=token,
            physical_id=physical_id,
            previous=previous or {},
            tags=dict(self.tags),
            resource_type=record.type,
        )

    def _keep(self, record: StackResource, **options: Any) -> StackResource:
        stored = self.journal.set_resource(record, **options)
        with self._lock:
            self.records[stored.logical_id] = stored
        return stored

    def _check_running(self, error: ApiError) -> None:
        """Raise Interrupted when the server stops: then that is the cause, and the next start tries again."""
        if self.journal.installation.workflows.stopping:
            raise Interrupted from error

    def _failed(self, started: StackResource, error: ApiError) -> None:
        current = self.records.get(started.logical_id) or started
        if current.operation != self.journal.operation_id:
            current = started
        verb = "CREATE" if current.change == "create" else "UPDATE"
        reason = reason_of(error)
        if verb == "CREATE" and is_taken(error) and self.journal.asks_for_imports():
            reason += NOT_IMPORTED
        physical_id = error.physical_id if isinstance(error, CreationFailed) else current.physical_id
        self._keep(msgspec.structs.replace(current, status=f"{verb}_FAILED", reason=reason, physical_id=physical_id))

    def _create(self, kind: ResourceType, record: StackResource, properties: dict[str, Any], *, resumed: bool) -> None:
        record = msgspec.structs.replace(record, status="CREATE_IN_PROGRESS", properties=properties, tags=self.tags)
        record = self._keep(record, event=not resumed)
        state = create_once(kind, self.journal.call(), self._request(record, properties), resumed=resumed)
        self._keep(_with_state(record, state, "CREATE_COMPLETE"))

    def _change(
        self,
        kind: ResourceType,
        record: StackResource,
        there: StackResource,
        properties: dict[str, Any],
        *,
        resumed: bool,
    ) -> None:
        base = there.before if resumed and there.before is not None else there.former()
        change = self._needed(kind, there, base, properties)
        if not change:
            self._keep(msgspec.structs.replace(record, change="", before=None), event=False)
            return
        record = msgspec.structs.replace(
            record,
            status="UPDATE_IN_PROGRESS",
            reason=REPLACING if change == "replace" else None,
            change=change,
            before=base,
            properties=properties,
            tags=self.tags,
        )
        record = self._keep(record, event=not resumed)
        if change == "update":
            request = self._request(record, properties, previous=base.properties, physical_id=base.physical_id)
            call = dataclasses.replace(self.journal.call(), token=request.token)
            self._keep(_with_state(record, kind.update(call, request), "UPDATE_COMPLETE"))
            return
        self._check_new_name(kind, base, properties)
        state = create_once(kind, self.journal.call(), self._request(record, properties), resumed=resumed)
        leftover = self._leftover(record, base)
        self._keep(
            _with_state(record, state, "UPDATE_COMPLETE"),
            then=lambda tx: self._put_aside(tx, leftover, state.physical_id),
        )

    def _needed(self, kind: ResourceType, there: StackResource, base: Former, properties: dict[str, Any]) -> str:
        """update, replace, or nothing."""
        if there.type != kind.type_name:
            raise invalid(f"Update of resource type is not permitted. {there.type} cannot become {kind.type_name}.")
        tags_count = "Tags" in kind.properties and base.tags != self.tags
        again = there.status in ("UPDATE_FAILED", "DELETE_FAILED") and there.operation != self.journal.operation_id
        if base.properties == properties and not tags_count and not again:
            return ""
        if kind.replaces(base.properties, properties):
            return "replace"
        return "update" if can_update(kind) else "replace" if base.properties != properties else ""

    @staticmethod
    def _check_new_name(kind: ResourceType, base: Former, properties: dict[str, Any]) -> None:
        name = name_property(kind, properties)
        if name is not None and kind.properties[name].immutable and properties[name] == base.properties.get(name):
            raise invalid(
                "Template error: CloudFormation cannot update a stack when a custom-named resource requires "
                f"replacing. Rename {properties[name]} and update the stack again."
            )

    @staticmethod
    def _leftover(record: StackResource, base: Former) -> Leftover:
        return Leftover(
            stack_id=record.stack_id,
            logical_id=record.logical_id,
            physical_id=str(base.physical_id),
            type=base.type,
            properties=base.properties,
            tags=base.tags,
            needs=base.needs,
            policy=record.update_replace_policy,
        )

    @staticmethod
    def _put_aside(tx: Transaction, leftover: Leftover, new_id: str) -> None:
        if leftover.physical_id != new_id:
            LEFTOVERS.put(tx, leftover)

    def settle_untouched(self) -> None:
        """Resources whose update failed before anything was done to them are what they were."""
        for record in list(self.records.values()):
            mine = record.operation == self.journal.operation_id and not record.change
            if mine and record.status == "UPDATE_FAILED":
                self._keep(msgspec.structs.replace(record, status="UPDATE_COMPLETE", reason=None))

    def undo(self, name: str) -> None:
        """Bring a resource that this operation updated or replaced back to what it was before."""
        record = self.records[name]
        before = record.before
        assert before is not None
        if record.change == "replace":
            self._undo_replacement(record, before)
            return
        current = msgspec.structs.replace(record, status="UPDATE_IN_PROGRESS", reason=None)
        current = self._keep(current)
        try:
            kind = type_named(before.type)
            request = self._request(
                current, before.properties, previous=record.properties, physical_id=before.physical_id
            )
            state = kind.update(self.journal.call(), dataclasses.replace(request, tags=dict(before.tags)))
            self._keep(_restored(_with_state(current, state, "UPDATE_COMPLETE"), before))
        except ApiError as error:
            self._check_running(error)
            self._keep(msgspec.structs.replace(current, status="UPDATE_FAILED", reason=reason_of(error)))
            raise

    def _undo_replacement(self, record: StackResource, before: Former) -> None:
        new_id = record.physical_id

        def put_aside(tx: Transaction) -> None:
            LEFTOVERS.delete(tx, record.stack_id, record.logical_id, str(before.physical_id))
            if new_id is not None and new_id != before.physical_id:
                LEFTOVERS.put(tx, self._leftover_of(record))

        state = ResourceState(str(before.physical_id), before.attributes)
        self._keep(_restored(_with_state(record, state, "UPDATE_COMPLETE"), before), then=put_aside)

    def delete(self, name: str, *, rolling_back_creation: bool = False, retain: bool = False) -> None:
        """Delete a resource after its deletion policy; ApiError when that fails, and its event says why."""
        record = self.records[name]
        kept = {"Retain", "RetainExceptOnCreate"}
        if rolling_back_creation:
            kept = set() if self.journal.stack().retain_except_on_create else {"Retain"}
        if retain or (record.deletion_policy in kept and record.physical_id is not None):
            self._keep(msgspec.structs.replace(record, status="DELETE_SKIPPED", reason=None))
            return
        if record.physical_id is not None:
            record = self._keep(msgspec.structs.replace(record, status="DELETE_IN_PROGRESS", reason=None))
            try:
                self._delete_physical(record, record.type, str(record.physical_id), record.properties)
            except ApiError as error:
                self._check_running(error)
                self._keep(msgspec.structs.replace(record, status="DELETE_FAILED", reason=reason_of(error)))
                raise
        self._keep(msgspec.structs.replace(record, status="DELETE_COMPLETE", reason=None))

    def delete_leftover(self, leftover: Leftover) -> None:
        """Delete what a replacement put aside; a failure is an event and the leftover stays on record."""
        record = self.records[leftover.logical_id]
        if leftover.policy == "Retain":
            self.journal.add_event(record, "DELETE_SKIPPED", None, leftover.physical_id)
        else:
            self.journal.add_event(record, "DELETE_IN_PROGRESS", None, leftover.physical_id)
            try:
                self._delete_physical(record, leftover.type, leftover.physical_id, leftover.properties)
            except ApiError as error:
                self._check_running(error)
                self.journal.add_event(record, "DELETE_FAILED", reason_of(error), leftover.physical_id)
                raise
            self.journal.add_event(record, "DELETE_COMPLETE", None, leftover.physical_id)
        with self.journal.installation.database.transaction() as tx:
            LEFTOVERS.delete(tx, leftover.stack_id, leftover.logical_id, leftover.physical_id)

    def _delete_physical(self, record: StackResource, kind: str, physical_id: str, properties: dict[str, Any]) -> None:
        try:
            request = self._request(record, properties, physical_id=physical_id)
            type_named(kind).delete(self.journal.call(), request)
        except ApiError as error:
            if not is_gone(error):
                raise


def _half_made(record: StackResource) -> bool:
    return record.status in ("CREATE_FAILED", "CREATE_IN_PROGRESS")


def _with_state(record: StackResource, state: ResourceState, status: str) -> StackResource:
    return msgspec.structs.replace(
        record, status=status, reason=None, physical_id=state.physical_id, attributes=dict(state.attributes)
    )


def _restored(record: StackResource, before: Former) -> StackResource:
    return msgspec.structs.replace(
        record,
        type=before.type,
        properties=before.properties,
        tags=before.tags,
        needs=before.needs,
        deletion_policy=before.deletion_policy,
        update_replace_policy=before.update_replace_policy,
        change="",
        before=None,
    )
