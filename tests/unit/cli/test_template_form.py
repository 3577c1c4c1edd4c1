"""ARNs as a template spells them: with references where the stack has them, and never to what has only the name."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.cli.template_form import Names

NAMES = Names(
    "us-east-1",
    "000000000000",
    references={("ecr", "box-lab"): "Images", ("s3", "box-models-lab-1"): "Models", ("iam", "stack-Role-X"): "Role"},
    imports={("s3", "box-data-lab-1"): ("Data", "box-lab-data")},
    parameters={"lab": "Name", "1": "Number"},
)
HERE = "us-east-1:000000000000"
SUBSTITUTED = "${AWS::Region}:${AWS::AccountId}"


@pytest.mark.parametrize(
    ("arn", "told"),
    [
        (f"arn:aws:ecr:{HERE}:repository/box-lab", f"ecr:{SUBSTITUTED}:repository/${{Images}}"),
        (f"arn:aws:codecommit:{HERE}:box-lab", f"codecommit:{SUBSTITUTED}:box-${{Name}}"),
        ("arn:aws:s3:::box-models-lab-1/lab/*", "s3:::${Models}/${Name}/*"),
        ("arn:aws:s3:::box-models-lab-12/labour", "s3:::box-models-${Name}-12/labour"),
        ("arn:aws:iam::000000000000:role/path/stack-Role-X", "iam::${AWS::AccountId}:role/path/${Role}"),
        ("arn:aws:s3:::other/${x}", "s3:::other/${!x}"),
        ("arn:aws:sns:eu-west-1:111122223333:t", "sns:eu-west-1:111122223333:t"),
    ],
)
def test_names_become_references(arn: str, told: str) -> None:
    assert NAMES.text(arn) == {"Fn::Sub": "arn:${AWS::Partition}:" + told}


def test_what_another_stack_exports_is_imported() -> None:
    text, values = NAMES.text("arn:aws:s3:::box-data-lab-1/*")["Fn::Sub"]
    assert text == "arn:${AWS::Partition}:s3:::${Data}/*"
    assert values == {"Data": {"Fn::ImportValue": {"Fn::Sub": "box-${Name}-data"}}}


def test_a_policy_keeps_its_form() -> None:
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": "a:B", "Resource": "*"},
        {"Effect": "Allow", "Action": "a:C", "Resource": ["arn:aws:s3:::x"]},
    ]
    told = NAMES.policy({"Version": "2012-10-17", "Statement": statements})
    assert told["Version"] == "2012-10-17"
    assert [each["Resource"] for each in told["Statement"]] == ["*", [{"Fn::Sub": "arn:${AWS::Partition}:s3:::x"}]]
