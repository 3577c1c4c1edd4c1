"""Parameters are checked against the models in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.errors import ApiError
from boatyard.api.models import operation_model
from boatyard.api.validation import checked, validate


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "message"),
    [
        ("sagemaker", "DeleteModel", {}, "ValidationException", "Value null at 'modelName'"),
        ("codepipeline", "GetPipeline", {"name": 3}, "ValidationException", "type string"),
        ("kms", "CreateKey", {"KeyUsage": "EAT"}, "ValidationException", "enum value set"),
        ("logs", "DescribeLogGroups", {"limit": 51}, "InvalidParameterException", "less than or equal to 50"),
        ("codebuild", "BatchGetBuilds", {"ids": []}, "InvalidInputException", "greater than or equal to 1"),
        ("codecommit", "GetRepository", {}, "RepositoryNameRequiredException", "'repositoryName'"),
        ("logs", "DescribeLogGroups", {"limit": 2**31}, "InvalidParameterException", "type integer"),
        ("lambda", "GetLayerVersion", {"LayerName": "a", "VersionNumber": 2**63}, "ValidationException", "type long"),
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


@pytest.mark.parametrize(
    ("service", "operation", "params", "read", "code", "message"),
    [
        ("codecommit", "GetBranch", {}, ("repositoryName",), "RepositoryNameRequiredException", "'repositoryName'"),
        ("kms", "ReEncrypt", {"DestinationKeyId": "a"}, ("CiphertextBlob",), "ValidationException", "'ciphertextBlob'"),
        (
            "codebuild",
            "UpdateProject",
            {"name": "a", "tags": [{"key": "a"}, {"value": "b"}]},
            ("tags", 1, "key"),
            "InvalidInputException",
            "'tags.2.member.key'",
        ),
    ],
)
def test_what_the_model_calls_optional_and_an_operation_reads_is_asked_for(
    service: str, operation: str, params: dict[str, Any], read: tuple[Any, ...], code: str, message: str
) -> None:
    value: Any = checked(operation_model(service, operation), params)
    with pytest.raises(ApiError, match="must not be null") as raised:
        for name in read:
            value = value[name]
    assert (raised.value.code, raised.value.status) == (code, 400)
    assert message in raised.value.message
