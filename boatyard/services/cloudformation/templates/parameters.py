"""Parameter values: given, kept or defaulted, checked against their constraints, and turned into what Ref gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boatyard.services.cloudformation.templates.document import ParameterDeclaration
from boatyard.services.cloudformation.templates.errors import invalid
from boatyard.services.cloudformation.templates.patterns import check_pattern, matches

NO_ECHO = "****"
MAXIMUM_VALUE_BYTES = 4096
_SSM_VALUE = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
_LIST = re.compile(r"List<(.+)>")
_NAMED_AWS_TYPE = re.compile(r"AWS::[A-Za-z0-9]+::[A-Za-z0-9]+::[A-Za-z0-9]+")


@dataclass(frozen=True)
class ParameterValue:
    """A parameter's value as given, and as resolved from Parameter Store where its type asks for that."""

    given: str
    resolved: str | None = None

    @property
    def effective(self) -> str:
        """The text that the template sees."""
        return self.given if self.resolved is None else self.resolved


def choose_values(
    declared: Mapping[str, ParameterDeclaration],
    supplied: Sequence[Mapping[str, Any]],
    previous: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Each declared parameter's raw value: the supplied one, the previous one where asked for, else the default.

    Follows "Parameters" in the CloudFormation user guide; raises ApiError ValidationError worded as AWS does.
    """
    given: dict[str, str] = {}
    for entry in supplied:
        name = entry.get("ParameterKey")
        if not name:
            raise invalid("Parameters: ParameterKey must be given")
        if name in given:
            raise invalid(f"Duplicate parameter key: {name}")
        if entry.get("UsePreviousValue"):
            if "ParameterValue" in entry:
                raise invalid(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and "
                    "parameter value for a parameter"
                )
            if previous is None or name not in previous:
                raise invalid(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a "
                    "parameter key not in the previous template"
                )
            given[name] = previous[name]
        elif "ParameterValue" not in entry:
            raise invalid(f"Invalid input for parameter key {name}. Parameter value must be given")
        else:
            given[name] = entry["ParameterValue"]
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, parameter in declared.items() if name not in given and parameter.default is None]
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    return {name: given.get(name, parameter.default or "") for name, parameter in declared.items()}


def resolve_values(
    declared: Mapping[str, ParameterDeclaration],
    chosen: Mapping[str, str],
    parameter_store: Callable[[str], str],
) -> dict[str, ParameterValue]:
    """The chosen values checked against types and constraints, SSM types looked up with `parameter_store`."""
    values: dict[str, ParameterValue] = {}
    for name, parameter in declared.items():
        value = ParameterValue(chosen[name])
        if parameter.type == "AWS::SSM::Parameter::Name":
            parameter_store(value.given)
        elif _SSM_VALUE.fullmatch(parameter.type):
            _check_constraints(parameter, value.given)
            value = ParameterValue(value.given, parameter_store(value.given))
            values[name] = value
            continue
        _check_constraints(parameter, value.given)
        values[name] = value
    return values


def template_value(parameter: ParameterDeclaration, value: ParameterValue) -> Any:
    """What `Ref` of the parameter gives: text, or a list of texts for the list types."""
    if is_list(parameter.type):
        return [item.strip() for item in value.effective.split(",")] if value.effective.strip() else []
    return value.effective


def is_list(kind: str) -> bool:
    """Whether values of the type are lists."""
    stored = _SSM_VALUE.fullmatch(kind)
    inner = stored[1] if stored else kind
    return inner == "CommaDelimitedList" or _LIST.fullmatch(inner) is not None


def check_declaration(parameter: ParameterDeclaration) -> None:
    """Raise ApiError ValidationError for a type that CloudFormation does not have, or a broken AllowedPattern."""
    kind = parameter.type
    stored = _SSM_VALUE.fullmatch(kind)
    inner = stored[1] if stored else kind
    listed = _LIST.fullmatch(inner)
    inner = listed[1] if listed else inner
    plain = inner in ("String", "Number", "CommaDelimitedList", "AWS::SSM::Parameter::Name")
    if not plain and not _NAMED_AWS_TYPE.fullmatch(inner):
        raise invalid(f"Template format error: Unrecognized parameter type: {kind}")
    if parameter.allowed_pattern is not None:
        check_pattern(parameter.name, parameter.allowed_pattern)


def _check_constraints(parameter: ParameterDeclaration, value: str) -> None:
    if len(value.encode()) > MAXIMUM_VALUE_BYTES:
        raise invalid(f"Parameter '{parameter.name}' must be no longer than {MAXIMUM_VALUE_BYTES} bytes")
    items = [item.strip() for item in value.split(",")] if is_list(parameter.type) else [value]
    problem = next((found for item in items if (found := _problem(parameter, item))), None)
    if problem is None:
        return
    if parameter.constraint_description:
        raise invalid(f"Parameter {parameter.name} failed to satisfy constraint: {parameter.constraint_description}")
    raise invalid(f"Parameter '{parameter.name}' {problem}")


def _problem(parameter: ParameterDeclaration, value: str) -> str | None:
    """What is wrong with one value, to follow the parameter's name; None when it may be."""
    if "Number" in parameter.type and not parameter.type.startswith("AWS::"):
        try:
            number = float(value)
        except ValueError:
            return "must be a number."
        if parameter.minimum is not None and number < parameter.minimum:
            return f"must be a number not less than {parameter.minimum:g}"
        if parameter.maximum is not None and number > parameter.maximum:
            return f"must be a number not greater than {parameter.maximum:g}"
    if parameter.allowed_values and value not in parameter.allowed_values:
        return "must be one of AllowedValues"
    if parameter.minimum_length is not None and len(value) < parameter.minimum_length:
        return f"must contain at least {parameter.minimum_length} characters"
    if parameter.maximum_length is not None and len(value) > parameter.maximum_length:
        return f"must contain at most {parameter.maximum_length} characters"
    pattern = parameter.allowed_pattern
    if pattern is not None and not matches(parameter.name, pattern, value):
        return f"must match pattern {pattern}"
    return None
