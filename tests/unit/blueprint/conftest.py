"""Loads the blueprint's functions with stand-ins for boto3's clients, as Lambda would load them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import boto3
import pytest
from botocore.exceptions import ClientError

BLUEPRINT = Path(__file__).parents[3] / "blueprints" / "byo-algorithm"


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> dict[str, MagicMock]:
    """What boto3.client(name) gives, by name."""
    made: dict[str, MagicMock] = {}

    def client(name: str, **_: Any) -> MagicMock:
        return made.setdefault(name, MagicMock(name=name))

    monkeypatch.setattr(boto3, "client", client)
    return made


@pytest.fixture
def load(clients: dict[str, MagicMock], monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """load("train", PREFIX="p"): the function's module, with these environment variables."""

    def load_function(name: str, **variables: str) -> ModuleType:
        for key, value in variables.items():
            monkeypatch.setenv(key, value)
        path = BLUEPRINT / "functions" / name / f"{name}.py"
        specification = importlib.util.spec_from_file_location(f"blueprint_{name}", path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module

    return load_function


def job(parameters: dict[str, Any], **data: Any) -> dict[str, Any]:
    """The event with which CodePipeline calls."""
    configuration = {"FunctionName": "f", "UserParameters": json.dumps(parameters)}
    return {
        "CodePipeline.job": {
            "id": "12345678-aaaa-bbbb-cccc-1234567890ab",
            "accountId": "000000000000",
            "data": {"actionConfiguration": {"configuration": configuration}, "inputArtifacts": []} | data,
        }
    }


def refusal(code: str, message: str) -> ClientError:
    """An error as boto3 raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")
