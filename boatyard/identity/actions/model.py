"""What a table of actions consists of, and how ARN templates are filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from boatyard.api.arns import GLOBAL_SERVICES

if TYPE_CHECKING:
    from boatyard.api.call import Call

Keys = dict[str, str | tuple[str, ...]]
Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Need:
    """One action on one resource that must be allowed, with the condition keys that are particular to it.

    `spellings` are further ARNs of the same resource; a policy may use any of them.
    """

    action: str
    resource: str = "*"
    context: Keys = field(default_factory=dict)
    spellings: tuple[str, ...] = ()

    def with_context(self, keys: Keys) -> Need:
        """The same with more condition keys."""
        return replace(self, context={**keys, **self.context}) if keys else self

    def folded(self) -> Need:
        """The same with the resource's name in lower case, the given spelling beside it."""
        lower = ":".join([*self.resource.split(":")[:5], self.resource.split(":", 5)[-1].lower()])
        return (
            self
            if lower == self.resource or self.resource == "*"
            else replace(self, resource=lower, spellings=(*self.spellings, self.resource))
        )


Needs = list[Need]
Special = Callable[["Call", str, Params], Sequence[Need]]
Context = Callable[["Call", str, Params], Keys]


@dataclass(frozen=True, slots=True)
class Table:
    """A service's operations and what each needs.

    `resources` maps parameters to ARN templates: the first one that a request has names its resource. `lists` need
    no resource (`*`). `rules` are operations that need other actions: "Action" or "Action template". `special` are
    those that take more than a template, `every` where all do. `passed_roles` are the dotted paths of roles that are
    handed over, `tagging` the actions that making something with tags needs besides. `folded` says that ARNs have
    names in lower case; policies may use either spelling.
    """

    prefix: str
    resources: Mapping[str, str] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    special: Mapping[str, Special] = field(default_factory=dict)
    every: Special | None = None
    passed_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tagging: Mapping[str, str] = field(default_factory=dict)
    context: Context | None = None
    service_principal: str = ""
    folded: bool = False

    def resource_of(self, call: Call, operation: str, params: Params) -> str:
        """The ARN of the resource that the parameters name, or `*`."""
        if operation in self.lists:
            return "*"
        for name, template in self.resources.items():
            if lookup(params, name):
                return fill(template, call, params)
        return "*"


_FIELD = re.compile(r"\{([\w.]+)\}")


def lookup_any(params: Params, path: str) -> Any:
    """What is at a dotted path of the parameters, or None."""
    value: Any = params
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def lookup(params: Params, path: str) -> str | None:
    """The text at a dotted path of the parameters."""
    value = lookup_any(params, path)
    return value if isinstance(value, str) else None


def fill(template: str, call: Call, params: Params) -> str:
    """An ARN of a template's fields: region, account, and dotted paths of parameters; `*` for what is not given.

    Where the only parameter of the template is an ARN already, that is the answer.
    """
    names = [name for name in _FIELD.findall(template) if name not in ("region", "account")]
    if len(names) == 1:
        given = lookup(params, names[0])
        if given is not None and given.startswith("arn:"):
            return given
    known = {"region": call.region, "account": call.account}
    return _FIELD.sub(lambda match: known.get(match.group(1)) or lookup(params, match.group(1)) or "*", template)


def base(given: str, service: str, call: Call) -> str:
    """The five parts of an ARN before its resource: those that were given, else the call's own."""
    return given if given.count(":") == 4 else f"arn:aws:{service}:{call.region}:{call.account}"


def regional(service: str, resource: str) -> str:
    """An ARN template of a service's resource in the call's region and account."""
    return f"arn:aws:{service}:{{region}}:{{account}}:{resource}"


def everywhere(need: Need, call: Call) -> list[Need]:
    """The need, on the resource of the call's own region and account too where an ARN names another.

    An ARN that a client sends is taken apart in more than one way: whatever an operation makes of it, the permission
    has been asked for.
    """
    parts = need.resource.split(":", 5)
    if len(parts) < 6:
        return [need]
    vendor = need.action.partition(":")[0]
    service = parts[2] if vendor == "sts" else vendor
    own_region = parts[3] == call.region or (not parts[3] and service in GLOBAL_SERVICES)
    if own_region and parts[:3] == ["arn", "aws", service] and (parts[4] == call.account or not parts[4].isdigit()):
        return [need]
    if parts[3] or service not in GLOBAL_SERVICES:
        regions = {parts[3]: None, call.region: None}
    else:
        regions = {"": None}
    accounts = {parts[4]: None} | ({call.account: None} if parts[4].isdigit() else {})
    return [
        replace(need, resource=":".join(("arn", "aws", service, region, account, parts[5])))
        for region in regions
        for account in accounts
    ]


def given_tags(params: Params) -> dict[str, str]:
    """The tags that a request gives to what it makes or tags."""
    found: dict[str, str] = {}
    for given in (params.get("Tags"), params.get("tags"), lookup_any(params, "CreateBucketConfiguration.Tags")):
        if isinstance(given, dict):
            found |= {str(key): str(value) for key, value in given.items()}
        for tag in given if isinstance(given, list) else []:
            if not isinstance(tag, dict):
                continue
            key = tag.get("Key") or tag.get("key") or tag.get("TagKey")
            value = tag.get("Value") or tag.get("value") or tag.get("TagValue") or ""
            if key:
                found[key] = value
    return found


def tag_keys(params: Params) -> Keys:
    """aws:RequestTag and aws:TagKeys of the tags that a request gives, aws:TagKeys of those that it takes away."""
    found = given_tags(params)
    keys: Keys = {f"aws:requesttag/{key.lower()}": value for key, value in found.items()}
    names = [*found, *(params.get("TagKeys") or params.get("tagKeys") or ())]
    return keys | ({"aws:tagkeys": tuple(names)} if names else {})
