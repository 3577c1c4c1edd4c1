"""The intrinsic functions give what AWS documents."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.templates.functions import evaluate, evaluate_known
from boatyard.services.cloudformation.templates.scope import Scope, Unresolved, pseudo_parameters

STACK_ID = "arn:aws:cloudformation:us-east-1:000000000000:stack/lab/1f2e3d4c-aaaa-bbbb"


def scope(**changes: Any) -> Scope:
    """A scope with one of everything."""
    options: dict[str, Any] = {
        "parameters": {"Name": "dev", "Zones": ["a", "b"], "Count": "2"},
        "pseudo": pseudo_parameters("000000000000", "us-east-1", "lab", STACK_ID),
        "mappings": {"Sizes": {"dev": {"Type": "small", "List": ["x", "y"]}}},
        "conditions": {"IsDev": {"Fn::Equals": [{"Ref": "Name"}, "dev"]}, "No": {"Fn::Not": [{"Condition": "IsDev"}]}},
        "reference": lambda name: f"{name}-id",
        "attribute": lambda name, attribute: f"{name}.{attribute}!",
        "import_value": lambda name: f"imported {name}",
    }
    return Scope(**{**options, **changes})


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"Ref": "Name"}, "dev"),
        ({"Ref": "Zones"}, ["a", "b"]),
        ({"Ref": "Bucket"}, "Bucket-id"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "Role.Arn!"),
        ({"Fn::GetAtt": "Role.Arn"}, "Role.Arn!"),
        ({"Fn::GetAtt": ["Nested", "Outputs", "X"]}, "Nested.Outputs.X!"),
        (
            {"Fn::Sub": "${Name}/${!Literal}/${Role.Arn}/${AWS::Region}/${Bucket}"},
            "dev/${Literal}/Role.Arn!/us-east-1/Bucket-id",
        ),
        ({"Fn::Sub": ["${A}${B}", {"A": {"Ref": "Name"}, "B": 1}]}, "dev1"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Name"}, 3, True]]}, "a-dev-3-true"),
        ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b"),
        ({"Fn::Select": ["1", {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}, "lab"),
        ({"Fn::Select": [{"Ref": "Count"}, ["x", "y", "z"]]}, "z"),
        ({"Fn::If": ["IsDev", "yes", "no"]}, "yes"),
        ({"Fn::If": ["No", {"Fn::Fail": 1}, "no"]}, "no"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Name"}, "Type"]}, "small"),
        ({"Fn::FindInMap": ["Sizes", "dev", "List"]}, ["x", "y"]),
        ({"Fn::Base64": {"Fn::Sub": "${Name}"}}, base64.b64encode(b"dev").decode()),
        ({"Fn::Cidr": ["192.168.0.0/24", "2", "5"]}, ["192.168.0.0/27", "192.168.0.32/27"]),
        ({"Fn::GetAZs": ""}, ["us-east-1a", "us-east-1b", "us-east-1c"]),
        ({"Fn::GetAZs": {"Ref": "AWS::Region"}}, ["us-east-1a", "us-east-1b", "us-east-1c"]),
        ({"Fn::ImportValue": {"Fn::Sub": "${Name}-vpc"}}, "imported dev-vpc"),
        ({"A": {"Ref": "AWS::NoValue"}, "B": [1, {"Ref": "AWS::NoValue"}]}, {"B": [1]}),
        ({"Condition": {"StringEquals": {"a": {"Ref": "Name"}}}}, {"Condition": {"StringEquals": {"a": "dev"}}}),
    ],
)
def test_functions(value: Any, wanted: Any) -> None:
    assert evaluate(value, scope()) == wanted


def test_language_extensions_must_be_asked_for() -> None:
    length = {"Fn::Length": {"Ref": "Zones"}}
    lookup = {"Fn::FindInMap": ["Sizes", "prod", "Type", {"DefaultValue": "big"}]}
    text = {"Fn::ToJsonString": {"A": [1, {"Ref": "Name"}]}}
    for value in (length, lookup, text):
        with pytest.raises(ApiError, match="AWS::LanguageExtensions"):
            evaluate(value, scope())
    assert evaluate([length, lookup, text], scope(extended=True)) == [2, "big", '{"A":[1,"dev"]}']


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"Fn::Select": [4, ["a"]]}, "Fn::Select cannot select nonexistent value at index 4"),
        ({"Fn::FindInMap": ["Sizes", "prod", "Type"]}, "Unable to get mapping for Sizes::prod::Type"),
        ({"Fn::Join": ["-", "a"]}, "every Fn::Join object requires two parameters"),
        ({"Fn::Join": ["-", [["a"]]]}, "must be a string, not a list"),
        ({"Fn::Sub": "${a b}"}, "variable names in Fn::Sub syntax"),
        ({"Fn::Sub": ["${a}"]}, "don't specify expected arguments"),
        ({"Fn::Transform": {"Name": "X"}}, "Fn::Transform is not supported"),
        ({"Fn::Nonsense": 1}, "Unrecognized function Fn::Nonsense"),
        ({"Fn::If": ["Missing", 1, 2]}, "Unresolved condition dependency Missing"),
        ({"Fn::GetAtt": "Role"}, "every Fn::GetAtt object requires two non-empty parameters"),
        ({"Fn::Cidr": ["10.0.0.0/30", 8, 4]}, "cannot make 8 blocks"),
        ({"Ref": "A", "Fn::Join": []}, "Fn::Join must be the only member"),
        ({"Fn::Equals": ["a", "b"]}, "can be used only in Conditions"),
    ],
)
def test_wrong_use_is_refused(value: Any, wanted: str) -> None:
    with pytest.raises(ApiError, match=r"Template (format )?error") as caught:
        evaluate(value, scope())
    assert wanted in caught.value.message


def test_what_is_not_known_yet_stays() -> None:
    def unresolved(*_names: str) -> Any:
        raise Unresolved

    value = {"A": {"Fn::Sub": "${Name}-${Bucket}"}, "B": {"Fn::Join": ["", [{"Ref": "Name"}, "x"]]}}
    assert evaluate_known(value, scope(reference=unresolved)) == {"A": {"Fn::Sub": "${Name}-${Bucket}"}, "B": "devx"}


def test_conditions_that_need_each_other_are_refused() -> None:
    circle = {"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Fn::Not": [{"Condition": "A"}]}}
    with pytest.raises(ApiError, match="Circular dependency between conditions"):
        scope(conditions=circle).condition("A")


def test_dynamic_references_are_asked_for() -> None:
    asked = scope(dynamic=lambda service, key: f"<{service} {key}>")
    assert evaluate("a {{resolve:ssm:/x/y:1}} b", asked) == "a <ssm /x/y:1> b"
