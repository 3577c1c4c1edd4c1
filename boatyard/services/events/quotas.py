"""How many event buses, rules and targets there may be."""

from __future__ import annotations

from boatyard.api.quotas import Quota


def _quota(name: str, default: int, what: str) -> Quota:
    message = "The requested resource exceeds the maximum number allowed."
    return Quota(f"events.{name}", default, what, "LimitExceededException", message)


BUSES = _quota("EventBuses", 100, "event buses of an account in a region")
RULES = _quota("RulesPerBus", 300, "rules of an event bus")
TARGETS = _quota("TargetsPerRule", 5, "targets of a rule")
