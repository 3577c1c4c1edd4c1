"""What a caller is told when something breaks that nobody foresaw."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from boatyard.api.errors import ApiError
from boatyard.gateway import faults


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), sqlite3.OperationalError("database or disk is full")]
)
def test_a_full_disk_is_named(error: Exception, tmp_path: Path) -> None:
    told = faults.from_exception(error, "s3", "the-request-id", tmp_path)
    assert (told.code, told.status) == ("ServiceUnavailable", 503)
    assert f"No space left on the disk of {tmp_path}" in told.message


def test_everything_else_names_the_log_and_the_request_and_nothing_more() -> None:
    told = faults.from_exception(ValueError("secret detail"), "logs", "the-request-id", Path("/data"))
    assert (told.code, told.status) == ("InternalFailure", 500)
    assert "/data/logs/server.log" in told.message
    assert "the-request-id" in told.message
    assert "secret detail" not in told.message


def test_nothing_is_remembered_of_services_that_callers_make_up() -> None:
    before = faults._known_shapes.cache_info().currsize
    for number in range(50):
        assert faults.to_fault(ApiError("NotImplemented", "no"), f"made-up-{number}", "json").status == 501
    assert faults._known_shapes.cache_info().currsize == before
