"""The CloudFormation deploy action: creates, updates or deletes a stack, or its change set."""

from __future__ import annotations

from boatyard.services.codepipeline.actions.run import ActionFailed, ActionRun, Outcome


def run(action: ActionRun) -> Outcome:
    """Deploys by CloudFormation."""
    raise ActionFailed("ConfigurationError", f"boatyard does not support {action.configuration['ActionMode']}")
