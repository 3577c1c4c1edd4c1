"""Work that outlives a request and a crash: durable workflows, waits and periodic work."""

from boatyard.workflows.engine import Workflows
from boatyard.workflows.registry import workflow
from boatyard.workflows.work import Interrupted, Work

__all__ = ["Interrupted", "Work", "Workflows", "workflow"]
