"""Which IAM actions on which resources an operation needs, after AWS's Service Authorization Reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boatyard.api.call import Call

_PREFIXES = {"sagemaker-runtime": "sagemaker"}


@dataclass(frozen=True, slots=True)
class Need:
    """One action on one resource that must be allowed, with the condition keys that are particular to it."""

    action: str
    resource: str = "*"
    context: dict[str, str | tuple[str, ...]] = field(default_factory=dict)


def needs_of(call: Call, service: str, operation: str, params: dict[str, Any]) -> list[Need]:
    """What must be allowed for an operation with these parameters; empty where nothing need be."""
    return [Need(f"{_PREFIXES.get(service, service)}:{operation}")]
