"""The intrinsic functions, after "Intrinsic function reference" in the CloudFormation user guide."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any

from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.scope import NO_VALUE, Scope, Unresolved

SUB_VARIABLE = re.compile(r"\$\{([^}]*)\}")
DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^}]+)\}\}")
CONDITION_FUNCTIONS = frozenset({"Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals"})
_SUB_NAME = re.compile(r"[A-Za-z0-9_.:]+")


def function_of(value: Any) -> str | None:
    """The name of the function that `value` is a call of, such as `Ref` or `Fn::Join`; None for plain data."""
    if not isinstance(value, dict):
        return None
    for name in value:
        if name == "Ref" and len(value) == 1:
            return "Ref"
        if name.startswith("Fn::"):
            if len(value) > 1:
                raise invalid(f"Template error: {name} must be the only member of its object.")
            return str(name)
    return None


def evaluate(value: Any, scope: Scope) -> Any:
    """`value` with every function replaced by its result; raises Unresolved where a resource is not there yet."""
    name = function_of(value)
    if name is not None:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise unknown_function(name)
        return function(value[name], scope)
    if isinstance(value, dict):
        members = {key: evaluate(member, scope) for key, member in value.items()}
        return {key: member for key, member in members.items() if member is not NO_VALUE}
    if isinstance(value, list):
        items = [evaluate(item, scope) for item in value]
        return [item for item in items if item is not NO_VALUE]
    if isinstance(value, str) and "{{resolve:" in value:
        return DYNAMIC_REFERENCE.sub(lambda match: scope.dynamic(match[1], match[2]), value)
    return value


def evaluate_known(value: Any, scope: Scope) -> Any:
    """As `evaluate`, but a function whose result is not known yet stays as it is."""
    if function_of(value) is not None:
        try:
            return evaluate(value, scope)
        except Unresolved:
            return value
    if isinstance(value, dict):
        members = {key: evaluate_known(member, scope) for key, member in value.items()}
        return {key: member for key, member in members.items() if member is not NO_VALUE}
    if isinstance(value, list):
        items = [evaluate_known(item, scope) for item in value]
        return [item for item in items if item is not NO_VALUE]
    return evaluate(value, scope)


def text(value: Any, function: str) -> str:
    """A scalar as text; lists and objects are errors that name the function."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise invalid(f"Template error: every value given to {function} must be a string, not {_kind(value)}.")


def _kind(value: Any) -> str:
    if value is NO_VALUE:
        return "AWS::NoValue"
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value), repr(value))


def unknown_function(name: str) -> ApiError:
    """The refusal of a function that is none, or that boatyard does not have."""
    if name == "Fn::Transform":
        return invalid(
            "Template error: Fn::Transform is not supported: of all template macros boatyard runs only "
            "AWS::Serverless-2016-10-31 and AWS::LanguageExtensions, named in the Transform section."
        )
    if name.startswith("Fn::ForEach"):
        return invalid("Template error: Fn::ForEach requires the transform AWS::LanguageExtensions.")
    return invalid(f"Template error: Unrecognized function {name}")


def _arguments(value: Any, count: int, message: str) -> list[Any]:
    if not isinstance(value, list) or len(value) != count:
        raise invalid(f"Template error: {message}")
    return value


def _reference(value: Any, scope: Scope) -> Any:
    if scope.extended:
        value = evaluate(value, scope)
    if not isinstance(value, str):
        raise invalid("Template format error: All Ref functions must have a string value")
    return scope.value_of(value)


def attribute_parts(value: Any) -> tuple[str, Any]:
    """Logical id and attribute of a Fn::GetAtt in either of its forms."""
    if isinstance(value, str) and "." in value:
        name, _, attribute = value.partition(".")
        return name, attribute
    if isinstance(value, list) and len(value) >= 2 and isinstance(value[0], str):
        if all(isinstance(part, str) for part in value):
            return value[0], ".".join(value[1:])
        if len(value) == 2:
            return value[0], value[1]
    raise invalid(
        "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
        "resource attribute"
    )


def _attribute(value: Any, scope: Scope) -> Any:
    name, attribute = attribute_parts(value)
    return scope.attribute(name, text(evaluate(attribute, scope), "Fn::GetAtt"))


def _substitute(value: Any, scope: Scope) -> str:
    template, variables = (value, {}) if isinstance(value, str) else _substitution_parts(value)
    known = {name: evaluate(variable, scope) for name, variable in variables.items()}

    def replacement(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if not _SUB_NAME.fullmatch(name):
            raise invalid(
                "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, "
                f"underscores, periods, and colons: ${{{name}}}"
            )
        if name in known:
            return text(known[name], "Fn::Sub")
        if "." in name:
            resource, _, attribute = name.partition(".")
            return text(scope.attribute(resource, attribute), "Fn::Sub")
        return text(scope.value_of(name), "Fn::Sub")

    return str(evaluate(SUB_VARIABLE.sub(replacement, template), scope))


def _substitution_parts(value: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict):
        return value[0], value[1]
    raise invalid(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string "
        "as first argument, and an optional second argument to specify a mapping of values to replace in the string"
    )


def sub_names(value: Any) -> list[str]:
    """The `${names}` in a Fn::Sub that its own map does not give."""
    template, variables = (value, {}) if isinstance(value, str) else _substitution_parts(value)
    names = [match[1] for match in SUB_VARIABLE.finditer(template)]
    return [name for name in names if not name.startswith("!") and name not in variables]


_JOIN = (
    "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or "
    "a function that returns a list of strings (such as Fn::GetAZs) to be joined."
)


def _join(value: Any, scope: Scope) -> str:
    delimiter, items = _arguments(value, 2, _JOIN)
    items = evaluate(items, scope)
    if not isinstance(delimiter, str) or not isinstance(items, list):
        raise invalid(f"Template error: {_JOIN}")
    return delimiter.join(text(item, "Fn::Join") for item in items)


_SELECT = "Fn::Select requires a list argument with two elements: an integer index and a list"


def _select(value: Any, scope: Scope) -> Any:
    index, items = _arguments(value, 2, _SELECT)
    index, items = evaluate(index, scope), evaluate(items, scope)
    if not re.fullmatch(r"\d+", str(index)) or not isinstance(items, list):
        raise invalid(f"Template error: {_SELECT}")
    if int(index) >= len(items):
        raise invalid(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
    return items[int(index)]


_SPLIT = "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split"


def _split(value: Any, scope: Scope) -> list[str]:
    delimiter, source = _arguments(value, 2, _SPLIT)
    source = evaluate(source, scope)
    if not isinstance(delimiter, str) or not delimiter or isinstance(source, (dict, list)):
        raise invalid(f"Template error: {_SPLIT}")
    return text(source, "Fn::Split").split(delimiter)


def _if(value: Any, scope: Scope) -> Any:
    name, when_true, when_false = _arguments(value, 3, "Fn::If requires a list argument with three elements")
    if not isinstance(name, str):
        raise invalid("Template error: Fn::If requires the name of a condition as its first element")
    return evaluate(when_true if scope.condition(name) else when_false, scope)


def _find_in_map(value: Any, scope: Scope) -> Any:
    if not isinstance(value, list) or len(value) not in (3, 4):
        raise invalid(
            "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and "
            "the attribute for return value"
        )
    keys = [text(evaluate(part, scope), "Fn::FindInMap") for part in value[:3]]
    found: Any = scope.mappings
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if found is not None:
        return found
    if len(value) == 4:
        if not scope.extended:
            raise invalid(
                "Template error: DefaultValue of Fn::FindInMap requires the transform AWS::LanguageExtensions."
            )
        if isinstance(value[3], dict) and set(value[3]) == {"DefaultValue"}:
            return evaluate(value[3]["DefaultValue"], scope)
    raise invalid(f"Template error: Unable to get mapping for {'::'.join(keys)}")


def _base64(value: Any, scope: Scope) -> str:
    return base64.b64encode(text(evaluate(value, scope), "Fn::Base64").encode()).decode()


def _cidr(value: Any, scope: Scope) -> list[str]:
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise invalid("Template error: Fn::Cidr requires a list of ipBlock, count and cidrBits.")
    block, count, bits = [*(evaluate(part, scope) for part in value), None][:3]
    try:
        network = ipaddress.ip_network(str(block))
        host_bits = int(bits) if bits is not None else (64 if network.version == 6 else 8)
        wanted, prefix = int(count), network.max_prefixlen - host_bits
        available = 2 ** (prefix - network.prefixlen) if prefix >= network.prefixlen else 0
    except (TypeError, ValueError) as error:
        raise invalid(f"Template error: Fn::Cidr: {error}") from error
    if not 1 <= wanted <= 256 or wanted > available:
        raise invalid(f"Template error: Fn::Cidr cannot make {wanted} blocks of {host_bits} bits out of {network}")
    subnets = network.subnets(new_prefix=prefix)
    return [str(next(subnets)) for _ in range(wanted)]


def _zones(value: Any, scope: Scope) -> list[str]:
    region = evaluate(value, scope) or scope.pseudo["AWS::Region"]
    return [f"{text(region, 'Fn::GetAZs')}{zone}" for zone in "abc"]


def _import(value: Any, scope: Scope) -> str:
    return scope.import_value(text(evaluate(value, scope), "Fn::ImportValue"))


def _length(value: Any, scope: Scope) -> int:
    _require_extensions("Fn::Length", scope)
    items = evaluate(value, scope)
    if not isinstance(items, list):
        raise invalid("Template error: Fn::Length requires a list.")
    return len(items)


def _json_text(value: Any, scope: Scope) -> str:
    _require_extensions("Fn::ToJsonString", scope)
    return json.dumps(evaluate(value, scope), separators=(",", ":"), ensure_ascii=False)


def _require_extensions(function: str, scope: Scope) -> None:
    if not scope.extended:
        raise invalid(f"Template error: {function} requires the transform AWS::LanguageExtensions.")


def _outside_conditions(name: str) -> Callable[[Any, Scope], Any]:
    def refuse(_value: Any, _scope: Scope) -> Any:
        raise invalid(f"Template error: {name} can be used only in Conditions, Rules and Fn::If.")

    return refuse


_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": _reference,
    "Fn::GetAtt": _attribute,
    "Fn::Sub": _substitute,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::GetAZs": _zones,
    "Fn::ImportValue": _import,
    "Fn::Length": _length,
    "Fn::ToJsonString": _json_text,
    **{name: _outside_conditions(name) for name in CONDITION_FUNCTIONS},
}
FUNCTION_NAMES = frozenset(_FUNCTIONS)
