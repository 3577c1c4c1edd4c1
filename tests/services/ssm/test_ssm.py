"""Parameter Store with a real client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.server import unique


def test_parameters_and_secrets(client: Callable[..., Any]) -> None:
    ssm, path = client("ssm"), f"/{unique('app')}"
    ssm.put_parameter(Name=f"{path}/mode", Value="grün", Type="String")
    ssm.put_parameter(Name=f"{path}/token", Value="secret", Type="SecureString")
    with pytest.raises(ssm.exceptions.ParameterAlreadyExists):
        ssm.put_parameter(Name=f"{path}/mode", Value="x", Type="String")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path=path, WithDecryption=True, PaginationConfig={"PageSize": 1}
    )
    found = {item["Name"]: item["Value"] for page in pages for item in page["Parameters"]}
    assert found == {f"{path}/mode": "grün", f"{path}/token": "secret"}
    ssm.delete_parameter(Name=f"{path}/mode")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=f"{path}/mode")
