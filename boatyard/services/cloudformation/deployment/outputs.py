"""Outputs and exports: what a stack tells, and what other stacks may use of it."""

from __future__ import annotations

from boatyard.services.cloudformation.deployment.scopes import active_outputs
from boatyard.services.cloudformation.records import (
    EXPORTS,
    IMPORTS,
    Export,
    Import,
    Stack,
    StackOutput,
    importers,
)
from boatyard.services.cloudformation.templates.document import Template
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.functions import evaluate
from boatyard.services.cloudformation.templates.scope import Scope
from boatyard.state.database import Reader, Transaction


def outputs_of(template: Template, scope: Scope) -> list[StackOutput]:
    """The outputs whose condition holds, evaluated; ApiError ValidationError when one is not text."""
    found: list[StackOutput] = []
    for output in active_outputs(template, scope):
        value, export = evaluate(output.value, scope), evaluate(output.export, scope)
        if isinstance(value, bool):
            value = "true" if value else "false"
        if not isinstance(value, (str, int, float)):
            raise invalid(
                f"Template format error: Output {output.name} is malformed. The Value field of every Outputs member "
                "must evaluate to a String."
            )
        found.append(
            StackOutput(
                name=output.name,
                value=str(value),
                description=output.description,
                export=str(export) if export is not None else None,
            )
        )
    names = [output.export for output in found if output.export is not None]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise invalid(f"Template error: the export name {twice} is used by more than one output.")
    return found


def publish(tx: Transaction, stack: Stack, outputs: list[StackOutput]) -> None:
    """Make the outputs' exports the stack's only ones.

    ApiError ValidationError when another stack exports the name, or when one that is used would change or go.
    """
    wanted = {output.export: output.value for output in outputs if output.export is not None}
    there = exports_of(tx, stack)
    for name, value in there.items():
        if wanted.get(name) != value:
            check_unused(tx, stack, name, "updated" if name in wanted else "deleted")
            if name not in wanted:
                EXPORTS.delete(tx, stack.account, stack.region, name)
    for name, value in wanted.items():
        taken = EXPORTS.get(tx, stack.account, stack.region, name)
        if taken is not None and taken.stack_id != stack.id:
            raise invalid(f"Export with name {name} is already exported by stack {taken.stack_id.split('/')[1]}.")
        EXPORTS.put(
            tx,
            Export(account=stack.account, region=stack.region, name=name, value=value, stack_id=stack.id),
        )


def exports_of(rx: Reader, stack: Stack) -> dict[str, str]:
    """What the stack exports now."""
    return {each.name: each.value for each in EXPORTS.select(rx, {"stack_id": stack.id})}


def check_unused(rx: Reader, stack: Stack, name: str, verb: str) -> None:
    """ApiError ValidationError when other stacks use the export."""
    users = sorted(set(importers(rx, stack.account, stack.region, name)) - {stack.name})
    if users:
        raise invalid(f"Export {name} cannot be {verb} as it is in use by {', '.join(users)}")


def set_imports(tx: Transaction, stack: Stack, names: set[str], *, only: bool) -> None:
    """Note which exports the stack uses; with `only`, forget the others."""
    if only:
        for each in IMPORTS.select(tx, {"stack_id": stack.id}):
            if each.name not in names:
                IMPORTS.delete(tx, each.account, each.region, each.name, each.stack_id)
    for name in names:
        IMPORTS.put(tx, Import(account=stack.account, region=stack.region, name=name, stack_id=stack.id))
