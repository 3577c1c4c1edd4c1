"""What functions print: in order, whole, and complete at every flush."""

from __future__ import annotations

import os
from pathlib import Path

from boatyard.services.lambda_.invocations.output import LONGEST_LINE, FunctionOutput


def test_everything_printed_before_a_flush_is_there_after_it(tmp_path: Path) -> None:
    lines: list[str] = []
    output = FunctionOutput(tmp_path / "pipes" / "one", lines.append)
    pipe = os.open(output.path, os.O_WRONLY)
    for number in range(200):
        os.write(pipe, f"line {number}\nhalf".encode())
        output.flush()
        assert lines[-2:] == [f"line {number}", "half"]
    os.write(pipe, b"\xff\x02 \xe2\x82")
    os.write(pipe, b"\xac\r\n" + b"x" * (LONGEST_LINE // 2))
    os.write(pipe, b"x" * (LONGEST_LINE // 2 + 1))
    output.flush()
    assert lines[400:] == ["�\x02 €", "x" * LONGEST_LINE, "x"]
    os.write(pipe, b"the end")
    os.close(pipe)
    output.close()
    output.close()
    output.flush()
    assert lines[-1] == "the end"
    assert not output.path.exists()
