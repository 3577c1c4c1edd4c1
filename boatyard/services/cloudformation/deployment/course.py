"""The course of an operation: forward, and where that fails back again, then the clean-up; resumable at any point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from boatyard.api.errors import ApiError
from boatyard.api.timestamps import Countdown, now
from boatyard.services.cloudformation.deployment.crew import Crew, Outcome
from boatyard.services.cloudformation.deployment.journal import Journal
from boatyard.services.cloudformation.deployment.outputs import (
    check_unused,
    exports_of,
    outputs_of,
    publish,
    set_imports,
)
from boatyard.services.cloudformation.deployment.resources import ResourceWork
from boatyard.services.cloudformation.deployment.scopes import imported_names
from boatyard.services.cloudformation.records import (
    EXPORTS,
    IMPORTS,
    LEFTOVERS,
    Leftover,
    Operation,
    Revision,
    StackOutput,
)
from boatyard.state.database import Transaction
from boatyard.workflows.work import Work


class Course:
    """One operation on one stack, from its record's phase to its end."""

    def __init__(self, work: Work, journal: Journal) -> None:
        self.work = work
        self.journal = journal
        self.operation: Operation = journal.operation()

    def run(self) -> None:
        """Carry the operation on from where it is."""
        kind = self.operation.kind
        if kind == "DELETE":
            self._delete_stack(rolling_back_creation=self.operation.previous_status == "REVIEW_IN_PROGRESS")
        elif kind == "CREATE":
            self._create_stack()
        else:
            self._update_stack()

    def _end(self, status: str, reason: str | None = None, **changes: Any) -> None:
        """Give the stack its last status and end the operation in one transaction."""
        then: Callable[[Transaction], None] = changes.pop("then", _nothing)
        with self.journal.installation.database.transaction() as tx:
            if not self._superseded(tx):
                self.journal.change_stack(tx, status, reason, **changes)
                self.journal.change_operation(tx, ended=True)
                then(tx)

    def _superseded(self, tx: Transaction) -> bool:
        """Whether this is a creation that a deletion waits for: then it ends, and the stack's status is the other's."""
        superseded = self.operation.kind == "CREATE" and self.journal.change_operation(tx).cancelled
        if superseded:
            self.journal.change_operation(tx, ended=True)
            tx.after_commit(self.journal.notify)
        return superseded

    def _turn_back(self, status: str, cause: str, reason: str) -> bool:
        """Go over to the roll-back in one transaction; False when a deletion takes over instead."""
        with self.journal.installation.database.transaction() as tx:
            if self._superseded(tx):
                return False
            self.journal.change_stack(tx, status, reason)
            self.journal.change_operation(tx, phase="rollback", reason=cause)
        self.operation = self.journal.operation()
        return True

    def _set_phase(self, tx: Transaction, phase: str) -> None:
        self.journal.change_operation(tx, phase=phase)

    def _target(self) -> Revision:
        assert self.operation.target is not None
        return self.operation.target

    # Creating and updating

    def _forward(self, resources: ResourceWork) -> tuple[list[StackOutput], str | None]:
        """Deploy every resource of the revision; the outputs, or why it failed."""
        try:
            graph = resources.graph()
            names = imported_names(resources.template, resources.scope)
            stack = self.journal.stack()
            with self.journal.installation.database.transaction() as tx:
                set_imports(tx, stack, names, only=False)
            outcome = Crew(self.work).run(
                graph,
                lambda name: resources.deploy(name, graph[name]),
                cancelled=lambda: self.journal.operation().cancelled,
                deadline=self._deadline(),
            )
            if not outcome.complete:
                return [], self._why(outcome, resources)
            return outputs_of(resources.template, resources.scope), None
        except ApiError as error:
            return [], error.message

    def _deadline(self) -> Countdown | None:
        minutes = self.operation.timeout_minutes
        return None if minutes is None else Countdown(self.operation.started + timedelta(minutes=minutes))

    def _why(self, outcome: Outcome, resources: ResourceWork) -> str:
        if outcome.cancelled:
            return "User Initiated"
        if outcome.timed_out:
            return f"Stack operation did not end within its time limit of {self.operation.timeout_minutes} minutes."
        verbs = {name: resources.records[name].status for name in outcome.failed if name in resources.records}
        created = sorted(name for name, status in verbs.items() if status.startswith("CREATE"))
        updated = sorted(name for name, status in verbs.items() if not status.startswith("CREATE"))
        parts = [
            f"The following resource(s) failed to {verb}: [{', '.join(names)}]. "
            for verb, names in (("create", created), ("update", updated))
            if names
        ]
        return "".join(parts)

    def _publish(self, outputs: list[StackOutput], resources: ResourceWork) -> Callable[[Transaction], None]:
        names = imported_names(resources.template, resources.scope)
        stack = self.journal.stack()

        def then(tx: Transaction) -> None:
            publish(tx, stack, outputs)
            set_imports(tx, stack, names, only=True)

        return then

    def _create_stack(self) -> None:
        resources = ResourceWork(self.journal, self._target())
        reason = self.operation.reason
        if self.operation.phase == "forward":
            outputs, reason = self._forward(resources)
            if reason is None:
                try:
                    self._end("CREATE_COMPLETE", outputs=outputs, then=self._publish(outputs, resources))
                    return
                except ApiError as error:
                    reason = error.message
            if self.operation.on_failure == "DO_NOTHING":
                self._end("CREATE_FAILED", reason)
                return
            first = "DELETE_IN_PROGRESS" if self.operation.on_failure == "DELETE" else "ROLLBACK_IN_PROGRESS"
            tail = "Delete requested by user." if first.startswith("DELETE") else "Rollback requested by user."
            if not self._turn_back(first, reason, f"{reason} {tail}".replace("  ", " ")):
                return
        if self.operation.on_failure == "DELETE":
            self._delete_stack(rolling_back_creation=True, begun=True)
            return
        failed = self._delete_resources(resources, rolling_back_creation=True)
        if failed:
            self._end("ROLLBACK_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. ")
        else:
            self._end("ROLLBACK_COMPLETE", then=self._forget_imports)

    def _update_stack(self) -> None:
        if self.operation.phase == "forward":
            resources = ResourceWork(self.journal, self._target())
            outputs, reason = self._forward(resources)
            if reason is None:
                reason = self._finish_update(resources, outputs)
            if reason is not None:
                if self.operation.on_failure == "DO_NOTHING" and not self.journal.operation().cancelled:
                    self._end("UPDATE_FAILED", reason)
                    return
                self._turn_back("UPDATE_ROLLBACK_IN_PROGRESS", reason, reason)
        if self.operation.phase == "rollback":
            self._roll_back()
        if self.operation.phase == "cleanup":
            self._clean_up("UPDATE_COMPLETE")
        elif self.operation.phase == "rollback cleanup":
            self._clean_up("UPDATE_ROLLBACK_COMPLETE")

    def _finish_update(self, resources: ResourceWork, outputs: list[StackOutput]) -> str | None:
        """Make the target the stack's revision; why not, if the exports do not allow it."""
        publish_exports = self._publish(outputs, resources)

        def then(tx: Transaction) -> None:
            publish_exports(tx)
            self.journal.change_operation(tx, phase="cleanup")

        try:
            self.journal.set_stack(
                "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
                then=then,
                revision=self._target(),
                outputs=outputs,
                updated=now(),
            )
        except ApiError as error:
            return error.message
        self.operation = self.journal.operation()
        return None

    def _roll_back(self) -> None:
        """Bring what the update touched back to what it was; what cannot be brought back fails the roll-back."""
        stack = self.journal.stack()
        assert stack.revision is not None
        resources = ResourceWork(self.journal, stack.revision)
        touched = {
            name: record
            for name, record in resources.records.items()
            if record.operation == self.journal.operation_id
            and record.change in ("update", "replace")
            and record.before is not None
        }
        for name in self.operation.skip:
            touched.pop(name, None)
        resources.settle_untouched()
        graph = {
            name: {other for other in record.before.needs if other in touched} if record.before else set()
            for name, record in touched.items()
        }
        outcome = Crew(self.work).run(graph, resources.undo, stop_at_failure=False)
        if not outcome.complete:
            names = ", ".join(sorted(outcome.failed))
            self._end("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{names}]. ")
            return
        self.journal.set_stack(
            "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            then=lambda tx: self._set_phase(tx, "rollback cleanup"),
            updated=now(),
        )
        self.operation = self.journal.operation()

    def _clean_up(self, status: str) -> None:
        """Delete what the stack's revision no longer has; what cannot be deleted is told and left."""
        stack = self.journal.stack()
        assert stack.revision is not None
        resources = ResourceWork(self.journal, stack.revision)
        wanted = resources.graph()
        rolling_back = status == "UPDATE_ROLLBACK_COMPLETE"
        removed = {
            name: set(record.needs)
            for name, record in resources.records.items()
            if record.there
            and (
                name not in wanted
                or (rolling_back and record.operation == self.journal.operation_id and record.change == "create")
            )
        }
        self._delete_in_order(resources, removed, rolling_back_creation=rolling_back)
        names = imported_names(resources.template, resources.scope)
        self._end(status, then=lambda tx: set_imports(tx, stack, names, only=True))

    # Deleting

    def _delete_stack(self, *, rolling_back_creation: bool, begun: bool = False) -> None:
        stack = self.journal.stack()
        with self.journal.installation.database.reading() as rx:
            exported = exports_of(rx, stack)
            try:
                for name in exported:
                    check_unused(rx, stack, name, "deleted")
                problem = None
            except ApiError as error:
                problem = error.message
        if problem is not None:
            self._end("DELETE_FAILED", problem)
            return
        revision = stack.revision or self._target()
        resources = ResourceWork(self.journal, revision)
        failed = self._delete_resources(resources, rolling_back_creation=rolling_back_creation)
        if failed:
            listed = ", ".join(failed)
            self._end("DELETE_FAILED", f"The following resource(s) failed to delete: [{listed}]. ")
            return
        self._end("DELETE_COMPLETE", deleted=now(), then=self._forget)

    def _delete_resources(self, resources: ResourceWork, *, rolling_back_creation: bool) -> list[str]:
        everything = {name: set(record.needs) for name, record in resources.records.items() if record.there}
        return self._delete_in_order(resources, everything, rolling_back_creation=rolling_back_creation)

    def _delete_in_order(
        self, resources: ResourceWork, removed: Mapping[str, set[str]], *, rolling_back_creation: bool
    ) -> list[str]:
        """Delete resources and what replacements put aside, each after all that need it; the names that failed."""
        with self.journal.installation.database.reading() as rx:
            aside = {
                f"{each.logical_id} {each.physical_id}": each
                for each in LEFTOVERS.select(rx, {"stack_id": self.journal.stack_id})
            }
        graph = deletion_order(removed, aside)
        retained = set(self.operation.retain)

        def delete(node: str) -> None:
            if node in aside:
                resources.delete_leftover(aside[node])
            else:
                resources.delete(node, rolling_back_creation=rolling_back_creation, retain=node in retained)

        outcome = Crew(self.work).run(graph, delete, stop_at_failure=False)
        return sorted({node.split(" ")[0] for node in outcome.failed})

    def _forget(self, tx: Transaction) -> None:
        for each in EXPORTS.select(tx, {"stack_id": self.journal.stack_id}):
            EXPORTS.delete(tx, each.account, each.region, each.name)
        self._forget_imports(tx)

    def _forget_imports(self, tx: Transaction) -> None:
        for each in IMPORTS.select(tx, {"stack_id": self.journal.stack_id}):
            IMPORTS.delete(tx, each.account, each.region, each.name, each.stack_id)


def _nothing(_tx: Transaction) -> None:
    return None


def deletion_order(removed: Mapping[str, set[str]], aside: Mapping[str, Leftover]) -> dict[str, set[str]]:
    """For every node, those that must be deleted before it: the ones that need it."""
    needs = {**removed, **{node: set(each.needs) for node, each in aside.items()}}
    logical = {node: aside[node].logical_id if node in aside else node for node in needs}
    return {
        node: {other for other in needs if logical[node] in needs[other] and logical[other] != logical[node]}
        for node in needs
    }
