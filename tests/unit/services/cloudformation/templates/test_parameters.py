"""Parameter values are chosen and checked as CloudFormation does."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.templates.document import ParameterDeclaration, read_parameters
from boatyard.services.cloudformation.templates.parameters import (
    check_declaration,
    choose_values,
    resolve_values,
    template_value,
)


def declare(**parameters: dict[str, Any]) -> dict[str, ParameterDeclaration]:
    """The declarations of a Parameters section."""
    return read_parameters({"Parameters": parameters})


def given(**values: str) -> list[dict[str, Any]]:
    """Values as the API takes them."""
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def test_values_come_from_the_call_then_the_stack_then_the_template() -> None:
    declared = declare(A={"Type": "String"}, B={"Type": "String"}, C={"Type": "Number", "Default": 3})
    supplied = [*given(A="1"), {"ParameterKey": "B", "UsePreviousValue": True}]
    assert choose_values(declared, supplied, {"B": "old"}) == {"A": "1", "B": "old", "C": "3"}


@pytest.mark.parametrize(
    ("supplied", "wanted"),
    [
        (given(), r"Parameters: \[A\] must have values"),
        (given(A="1", X="2"), r"Parameters: \[X\] do not exist in the template"),
        ([*given(A="1"), *given(A="2")], "Duplicate parameter key: A"),
        ([{"ParameterKey": "A", "UsePreviousValue": True}], "not in the previous template"),
    ],
)
def test_wrong_sets_of_values_are_refused(supplied: list[dict[str, Any]], wanted: str) -> None:
    with pytest.raises(ApiError, match=wanted):
        choose_values(declare(A={"Type": "String"}), supplied)


@pytest.mark.parametrize(
    ("declaration", "value", "wanted"),
    [
        ({"Type": "Number"}, "x", "Parameter 'P' must be a number."),
        ({"Type": "Number", "MinValue": 2}, "1", "Parameter 'P' must be a number not less than 2"),
        ({"Type": "List<Number>", "MaxValue": "2"}, "1,3", "Parameter 'P' must be a number not greater than 2"),
        ({"Type": "String", "AllowedValues": ["a", 1]}, "b", "Parameter 'P' must be one of AllowedValues"),
        ({"Type": "String", "MinLength": 2}, "a", "Parameter 'P' must contain at least 2 characters"),
        ({"Type": "String", "MaxLength": "2"}, "abc", "Parameter 'P' must contain at most 2 characters"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "A", r"Parameter 'P' must match pattern [a-z]+"),
        (
            {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "only small letters"},
            "A",
            "Parameter P failed to satisfy constraint: only small letters",
        ),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}, "a, c", "must be one of AllowedValues"),
    ],
)
def test_constraints(declaration: dict[str, Any], value: str, wanted: str) -> None:
    declared = declare(P=declaration)
    with pytest.raises(ApiError) as caught:
        resolve_values(declared, {"P": value}, str)
    assert wanted in caught.value.message


def test_lists_and_stored_parameters() -> None:
    declared = declare(
        L={"Type": "CommaDelimitedList"},
        I={"Type": "List<AWS::EC2::Subnet::Id>"},
        S={"Type": "AWS::SSM::Parameter::Value<List<String>>"},
    )
    for parameter in declared.values():
        check_declaration(parameter)
    values = resolve_values(declared, {"L": "a, b", "I": "", "S": "/name"}, lambda name: f"x,{name}")
    seen = {name: template_value(parameter, values[name]) for name, parameter in declared.items()}
    assert seen == {"L": ["a", "b"], "I": [], "S": ["x", "/name"]}


@pytest.mark.parametrize("kind", ["Text", "List<Text>", "AWS::EC2"])
def test_types_that_are_none_are_refused(kind: str) -> None:
    with pytest.raises(ApiError, match="Unrecognized parameter type"):
        check_declaration(declare(P={"Type": kind})["P"])
