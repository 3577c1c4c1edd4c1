"""The blueprint's templates: valid for AWS, supported here, and with no more rights than are used."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from boatyard.services.cloudformation.templates.parsing import parse
from tests.unit.blueprint.conftest import BLUEPRINT

TEMPLATES = sorted((BLUEPRINT / "templates").glob("*.yml"))
# Actions that AWS's service authorization reference lists without a resource to name.
WITHOUT_RESOURCE = {
    "cloudwatch:PutMetricData",
    "codepipeline:PutJobFailureResult",
    "codepipeline:PutJobSuccessResult",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListModels",
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_cfn_lint_finds_nothing(template: Path) -> None:
    found = subprocess.run(
        [str(Path(sys.executable).parent / "cfn-lint"), str(template)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """Every statement of every policy in a template."""
    if isinstance(value, dict):
        if "Effect" in value and "Action" in value:
            yield value
        for each in value.values():
            yield from statements(each)
    elif isinstance(value, list):
        for each in value:
            yield from statements(each)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_rights_are_named(template: Path) -> None:
    text = template.read_text()
    assert "AdministratorAccess" not in text
    assert "FullAccess" not in text
    found = list(statements(parse(text)))
    assert found
    for statement in found:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        if statement.get("Resource") == "*":
            assert set(actions) <= WITHOUT_RESOURCE


def test_nothing_in_it_knows_boatyard() -> None:
    for path in BLUEPRINT.rglob("*"):
        if path.is_file() and path.suffix not in (".csv", ".md", ".pyc"):
            assert not re.search(r"boatyard|127\.0\.0\.1|localhost|4566", path.read_text(), re.IGNORECASE), path
