"""Containers' credentials: by secret address, from their own network, for as long as they run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.identity import credentials, workloads
from boatyard.identity.records import Role
from tests.unit.identity.conftest import trust

JOB = "arn:aws:sagemaker:us-east-1:000000000000:training-job/iris"
SERVICE = "sagemaker.amazonaws.com"


def register(installation: Installation, role: Role, source: str | None = "10.89.3.0/24") -> str:
    return workloads.register(installation, identity=JOB, role_arn=role.arn, service=SERVICE, source=source)


def test_a_container_gets_credentials_of_its_role(installation: Installation, make_role: Callable[..., Role]) -> None:
    role = make_role("Training", trust({"Service": SERVICE}))
    secret = register(installation, role)
    answer = workloads.container_credentials(installation, secret, "10.89.3.7")
    assert set(answer) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration", "RoleArn"}
    assert datetime.fromisoformat(answer["Expiration"]) > now()
    found = credentials.find(installation, answer["AccessKeyId"])
    assert found is not None
    assert found.session_token == answer["Token"]
    assert found.principal.arn == "arn:aws:sts::000000000000:assumed-role/Training/iris"
    assert workloads.container_credentials(installation, secret, "10.89.3.7") == answer


def test_nobody_else_gets_them(installation: Installation, make_role: Callable[..., Role]) -> None:
    secret = register(installation, make_role("Training", trust({"Service": SERVICE})))
    with pytest.raises(ApiError) as elsewhere:
        workloads.container_credentials(installation, secret, "10.89.4.7")
    assert elsewhere.value.status == 403
    with pytest.raises(ApiError) as guessed:
        workloads.container_credentials(installation, "guess", "10.89.3.7")
    assert guessed.value.status == 404
    workloads.end_workload(installation, JOB)
    with pytest.raises(ApiError, match="no running container"):
        workloads.container_credentials(installation, secret, "10.89.3.7")


def test_of_one_network_only_the_container_that_they_were_made_for_gets_them(
    installation: Installation, make_role: Callable[..., Role]
) -> None:
    role = make_role("Training", trust({"Service": SERVICE}))
    secret = register(installation, role)
    workloads.bind_workload(installation, JOB, "10.89.3.7")
    assert workloads.container_credentials(installation, secret, "10.89.3.7")["RoleArn"] == role.arn
    for neighbour in ("10.89.3.8", "10.89.3.1", "127.0.0.1", None):
        with pytest.raises(ApiError, match="another container's"):
            workloads.container_credentials(installation, secret, neighbour)
    # Its container is started anew, at an address that is not known yet.
    register(installation, role)
    assert workloads.container_credentials(installation, secret, "10.89.3.8")["RoleArn"] == role.arn


def test_asking_again_gives_the_same_address(installation: Installation, make_role: Callable[..., Role]) -> None:
    role = make_role("Training", trust({"Service": SERVICE}))
    assert register(installation, role) == register(installation, role, None)


def test_a_role_that_does_not_trust_the_service_is_refused_at_once(
    installation: Installation, make_role: Callable[..., Role]
) -> None:
    with pytest.raises(ApiError, match="must trust it"):
        register(installation, make_role("Other", trust({"Service": "lambda.amazonaws.com"})))
