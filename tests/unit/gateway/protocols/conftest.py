"""The gateway that the tests of a module share: opening an installation takes longer than a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from boatyard.api.installation import Installation
from boatyard.settings import Settings
from tests.unit.gateway.in_process import InProcess, operations_replaced


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    """A gateway whose operations are stand-ins, and clients of it."""
    installation = Installation(
        Settings(
            authorization="off",
            data_directory=tmp_path_factory.mktemp("data"),
            root_access_key_id="AKIAROOTROOTROOTROOT",
            root_secret_access_key="secret-of-the-root-user-in-tests-0000000",
        )
    )
    made = InProcess(installation)
    with operations_replaced(made):
        yield made
    made.close()
    installation.close()
