"""The access log over its size, and where its file cannot be opened again."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from boatyard.gateway import access_log


def write(log: access_log.AccessLog, request_id: str) -> None:
    log.write(principal="p", service="s3", operation="o", status=200, seconds=0.001, request_id=request_id)


def test_the_full_log_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "_SIZE", 60)
    log = access_log.AccessLog(tmp_path)
    write(log, "first")
    write(log, "second")
    log.close()
    assert "first" in (tmp_path / "access.log.1").read_text()
    assert "second" in (tmp_path / "access.log").read_text()


def test_a_log_that_cannot_be_opened_writes_into_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of a closed file is soon that of another one."""
    monkeypatch.setattr(access_log, "_SIZE", 60)
    log, opened = access_log.AccessLog(tmp_path / "log"), os.open
    write(log, "first")

    def refuse(*_: Any, **__: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "open", refuse)
        write(log, "second")
    other = opened(tmp_path / "other", os.O_WRONLY | os.O_CREAT)
    write(log, "third")
    os.close(other)
    log.close()
    assert (tmp_path / "other").read_bytes() == b""
    assert "third" in (tmp_path / "log" / "access.log").read_text()
