"""CloudFormation resource types: the base class that services' resources.py build on, and their registry."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from boatyard.api import registry
from boatyard.api.errors import ApiError
from boatyard.services import PACKAGES

if TYPE_CHECKING:
    from boatyard.api.call import Call


@dataclass(frozen=True, slots=True)
class PropertyRule:
    """What holds for one property. `type` is one of str, int, float, bool, list, dict, or object for any."""

    type: type = object
    required: bool = False
    immutable: bool = False
    members: Mapping[str, PropertyRule] | None = None
    """Of a dict (or of each item of a list): the properties that are supported; None lets everything through."""


@dataclass(frozen=True, slots=True)
class ResourceState:
    """What a resource has become: its physical id (Ref) and its attributes (GetAtt)."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResourceRequest:
    """What is asked of a resource type."""

    logical_id: str
    stack_name: str
    stack_id: str
    properties: dict[str, Any]
    token: str
    """The same for every try of the same change: names made with it come out the same after a crash."""
    physical_id: str | None = None
    previous: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    resource_type: str = ""
    resumed: bool = False
    """An earlier try of this same creation was cut off by a crash: what has the wanted name is that try's work."""
    generated: list[str] = field(default_factory=list, compare=False)
    """The names that `name` has made for this request."""

    def name(self, maximum: int = 63, *, lower: bool = False, separator: str = "-") -> str:
        """STACK-LOGICAL-SUFFIX as CloudFormation makes names, cut to `maximum` characters, stable by token."""
        digest = hashlib.sha256(f"{self.stack_id}/{self.logical_id}/{self.token}".encode()).digest()
        letters = string.ascii_uppercase + string.digits
        suffix = "".join(letters[byte % len(letters)] for byte in digest[:12])
        room = max(2, maximum - len(suffix) - 2 * len(separator))
        stack, logical = self.stack_name, self.logical_id
        if len(stack) + len(logical) > room:
            half = room // 2
            stack = stack[: max(half, room - len(logical))]
            logical = logical[: room - len(stack)]
        name = separator.join((stack, logical, suffix))
        self.generated.append(name.lower() if lower else name)
        return self.generated[-1]


class CreationFailed(ApiError):
    """A resource is there but did not become ready: it is deleted by `physical_id` when the stack rolls back."""

    def __init__(self, code: str, message: str, physical_id: str) -> None:
        super().__init__(code, message)
        self.physical_id = physical_id


class ResourceType:
    """One type of resource. Methods block until the work is done and raise ApiError when it fails."""

    type_name: ClassVar[str] = ""
    properties: ClassVar[Mapping[str, PropertyRule]] = {}
    attributes: ClassVar[frozenset[str]] = frozenset()
    """What GetAtt may ask for; an empty set means that it is checked when the resource is there."""

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create it. Called again with the same token after a crash, with `request.resumed`.

        Where it then fails because the name is taken, CloudFormation takes up what is there through `update`,
        with the name as physical id. A type whose physical id is another takes it up here.
        """
        raise TypeError(f"{self.type_name} cannot be created")

    def update(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Bring it from request.previous to request.properties in place."""
        raise TypeError(f"{self.type_name} cannot be updated")

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete it; not being there any more is success."""
        raise TypeError(f"{self.type_name} cannot be deleted")

    def replaces(self, previous: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
        """Whether the change needs a new resource: an immutable property differs."""
        names = {*previous, *properties}
        rules = ((name, self.properties.get(name)) for name in names)
        return any(rule and rule.immutable and previous.get(name) != properties.get(name) for name, rule in rules)


Type = TypeVar("Type", bound=type[ResourceType])
_types: dict[str, ResourceType] = {}
_loaded: set[str] = set()


def resource_type(name: str) -> Callable[[Type], Type]:
    """Register a class as the resource type of that name, such as AWS::S3::Bucket."""

    def register(cls: Type) -> Type:
        cls.type_name = name
        _types[name] = cls()
        return cls

    return register


def all_types() -> Mapping[str, ResourceType]:
    """Every resource type that a service owns, by name."""
    for service in PACKAGES:
        if service not in _loaded:
            list(registry.modules(service, "RESOURCE_MODULES", ("resources",)))
            _loaded.add(service)
    return _types
