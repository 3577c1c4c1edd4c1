"""Template text becomes data."""

from __future__ import annotations

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.templates.parsing import parse


def problem(text: str) -> str:
    """The message that refuses the text."""
    with pytest.raises(ApiError) as caught:
        parse(text)
    assert caught.value.code == "ValidationError"
    return caught.value.message


def test_short_forms_become_long_ones() -> None:
    document = parse(
        """
A: !Ref X
B: !GetAtt [Role, Arn]
C: !GetAtt Role.Arn.More
D: !Sub "${X}-y"
E: !If [Cond, !Ref X, !Ref "AWS::NoValue"]
F: !Condition Cond
G: !Base64
  Fn::Sub: hello
"""
    )
    assert document == {
        "A": {"Ref": "X"},
        "B": {"Fn::GetAtt": ["Role", "Arn"]},
        "C": {"Fn::GetAtt": ["Role", "Arn.More"]},
        "D": {"Fn::Sub": "${X}-y"},
        "E": {"Fn::If": ["Cond", {"Ref": "X"}, {"Ref": "AWS::NoValue"}]},
        "F": {"Condition": "Cond"},
        "G": {"Fn::Base64": {"Fn::Sub": "hello"}},
    }


def test_dates_and_account_ids_stay_text() -> None:
    document = parse("Version: 2012-10-17\nAccount: 000000000012\nCount: 3\nRate: 0.5\nEver: .inf\n")
    assert document == {
        "Version": "2012-10-17",
        "Account": "000000000012",
        "Count": 3,
        "Rate": 0.5,
        "Ever": ".inf",
    }


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A: [1\nB: 2", "YAML not well-formed. (line 2, column 2)"),
        ('{"A": 1,\n "B" 2}', "JSON not well-formed. (line 2, column 6)"),
        ("A: 1\nB: 2\nA: 3\n", "duplicate key 'A'. (line 3, column 1)"),
        ('{"A": 1, "A": 2}', "duplicate key 'A'"),
        ("A: &x 1\nB: *x\n", "YAML aliases are not allowed"),
        ("A: !!python/object:os.system 1", "YAML not well-formed"),
        ("A: !!timestamp x", "the YAML tag tag:yaml.org,2002:timestamp is not supported. (line 1, column 4)"),
        ("- a\n- b\n", "unsupported structure"),
        ("", "template is empty"),
        ("[" * 3000, "nested deeper"),
        ('{"a":' * 3000 + "1" + "}" * 3000, "nested deeper"),
    ],
)
def test_what_is_not_a_template_is_refused_with_its_place(text: str, wanted: str) -> None:
    assert wanted in problem(text)
