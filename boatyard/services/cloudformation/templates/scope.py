"""What the functions of a template are resolved against: parameters, conditions, and the resources made so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from boatyard.services.cloudformation.templates.errors import invalid


class Unresolved(Exception):
    """A value that is known only after a resource has been created."""


class _NoValue:
    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE: Final = _NoValue()


def no_resources(*_names: str) -> Any:
    """The look-up used before any resource exists: everything is Unresolved."""
    raise Unresolved


def _no_imports(name: str) -> str:
    raise invalid(f"No export named {name} found.")


def _no_dynamic_references(service: str, key: str) -> str:
    raise invalid(f"Dynamic reference {{{{resolve:{service}:{key}}}}} cannot be resolved here.")


@dataclass
class Scope:
    """Where names in a template lead.

    `reference` gives a resource's physical id, `attribute` one of its attributes, `import_value` another stack's
    export, `dynamic` the value of a `{{resolve:service:key}}`.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    pseudo: dict[str, Any] = field(default_factory=dict)
    mappings: dict[str, Any] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    extended: bool = False
    reference: Callable[[str], Any] = no_resources
    attribute: Callable[[str, str], Any] = no_resources
    import_value: Callable[[str], str] = _no_imports
    dynamic: Callable[[str, str], str] = _no_dynamic_references
    _decided: dict[str, bool] = field(default_factory=dict)
    _deciding: set[str] = field(default_factory=set)

    def value_of(self, name: str) -> Any:
        """What `Ref` gives for a parameter, pseudo parameter or resource."""
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        return self.reference(name)

    def condition(self, name: str) -> bool:
        """Whether the named condition holds; evaluated once."""
        from boatyard.services.cloudformation.templates.conditions import holds

        if name not in self._decided:
            if name not in self.conditions:
                raise invalid(f"Template format error: Unresolved condition dependency {name} in the Conditions block")
            if name in self._deciding:
                raise invalid(f"Template format error: Circular dependency between conditions: [{name}]")
            self._deciding.add(name)
            try:
                self._decided[name] = holds(self.conditions[name], self)
            except Unresolved as error:
                raise invalid(
                    f"Template format error: Condition {name} cannot reference resources; only parameters and mappings."
                ) from error
            self._deciding.discard(name)
        return self._decided[name]


def pseudo_parameters(
    account: str, region: str, stack_name: str, stack_id: str, notification_arns: list[str] | None = None
) -> dict[str, Any]:
    """The pseudo parameters of a stack, after "Pseudo parameters reference" in the CloudFormation user guide."""
    china, government = region.startswith("cn-"), region.startswith("us-gov-")
    return {
        "AWS::AccountId": account,
        "AWS::Region": region,
        "AWS::StackName": stack_name,
        "AWS::StackId": stack_id,
        "AWS::Partition": "aws-cn" if china else "aws-us-gov" if government else "aws",
        "AWS::URLSuffix": "amazonaws.com.cn" if china else "amazonaws.com",
        "AWS::NotificationARNs": list(notification_arns or []),
    }


PSEUDO_PARAMETERS = frozenset(pseudo_parameters("", "", "", "")) | {"AWS::NoValue"}
