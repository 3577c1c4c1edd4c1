"""The AWS CLI 2, as a person types it: the long form, for its size and because it is had for x86-64 only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients import command_line
from tests.clients.cases import AWS_CLI_2, case
from tests.clients.command_line import Aws
from tests.clients.shell import Shell


@pytest.fixture
def aws(shell: Shell) -> Aws:
    """Version 2, which ends with 254 where a service refuses."""
    return Aws(AWS_CLI_2.program("aws"), shell, on_errors=254)


@case(AWS_CLI_2, command_line.FILES)
def test_files_go_to_s3_and_come_back(aws: Aws) -> None:
    command_line.files_go_to_s3_and_come_back(aws)


@case(AWS_CLI_2, command_line.TEMPLATES)
def test_a_template_is_deployed_and_deleted(aws: Aws) -> None:
    command_line.a_template_is_deployed_and_deleted(aws)


@case(AWS_CLI_2, command_line.PROFILES)
def test_a_profile_assumes_a_role(aws: Aws, client: Callable[..., Any]) -> None:
    command_line.a_profile_assumes_a_role(aws, client)


@case(AWS_CLI_2, command_line.FUNCTIONS)
def test_a_function_is_made_and_invoked(aws: Aws) -> None:
    command_line.a_function_is_made_and_invoked(aws)


@case(AWS_CLI_2, command_line.REFUSALS, works=False)
def test_what_is_not_done_is_refused_by_name(aws: Aws) -> None:
    command_line.what_is_not_done_is_refused_by_name(aws)
