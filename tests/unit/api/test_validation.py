"""Parameters are checked against the models in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.api.models import operation_model
from boatyard.api.validation import validate


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "message"),
    [
        ("sagemaker", "DeleteModel", {}, "ValidationException", "Value null at 'modelName'"),
        ("codepipeline", "GetPipeline", {"name": 3}, "ValidationException", "type string"),
        ("kms", "CreateKey", {"KeyUsage": "EAT"}, "ValidationException", "enum value set"),
        ("logs", "DescribeLogGroups", {"limit": 51}, "InvalidParameterException", "less than or equal to 50"),
        ("codebuild", "BatchGetBuilds", {"ids": []}, "InvalidInputException", "greater than or equal to 1"),
        ("codecommit", "GetRepository", {}, "RepositoryNameRequiredException", "'repositoryName'"),
        ("iam", "GetRole", {"RoleName": "x" * 65}, "ValidationError", "length less than or equal to 64"),
        ("sts", "GetCallerIdentity", {"Nonsense": 1}, "ValidationError", "Unknown parameter"),
        ("logs", "PutLogEvents", {"logGroupName": "a", "logStreamName": "b", "logEvents": [{"message": "x"}]},
         "InvalidParameterException", "'logEvents.1.member.timestamp'"),
    ],
)  # fmt: skip
def test_broken_parameters(service: str, operation: str, params: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(ApiError) as raised:
        validate(operation_model(service, operation), params)
    assert raised.value.code == code
    assert message in raised.value.message


def test_good_parameters_pass() -> None:
    validate(operation_model("iam", "GetRole"), {"RoleName": "role"})


def test_secrets_are_not_repeated_in_messages() -> None:
    for service, operation, params in (
        ("ssm", "PutParameter", {"Name": "n", "Value": 7}),
        ("kms", "Encrypt", {"KeyId": "k", "Plaintext": b"secret" * 1000}),
    ):
        with pytest.raises(ApiError, match=r"Value at '(value|plaintext)' failed") as refused:
            validate(operation_model(service, operation), params)
        assert "secret" not in refused.value.message
