"""The command tells what it has, and imports nothing heavy to tell it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from boatyard.cli.main import app

REPOSITORY = Path(__file__).parent.parent.parent.parent
COMMANDS = ("setup", "demo", "up", "down", "status", "doctor", "env", "watch", "logs", "permissions", "reset")
HEAVY = ("boto3", "botocore", "pydantic", "rich", "docker", "uvicorn", "cryptography", "boatyard.settings")


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom boatyard.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=True
    )
    assert "HEAVY []" in ended.stdout
    for command in COMMANDS:
        assert f"\n  {command} " in ended.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app([command, "--help"])
    assert ended.value.code == 0
    assert f" {command} " in capsys.readouterr().out
