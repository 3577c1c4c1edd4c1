"""Running a client's programs as its user would."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.clients.environments import environment
from tests.server import RunningServer

SCRIPTS = Path(__file__).parent / "scripts"


class Shell:
    """Runs programs in a directory, with a home of their own and the server in the environment."""

    def __init__(self, server: RunningServer, directory: Path) -> None:
        self.directory = directory
        home = directory / "home"
        home.mkdir()
        self.environment = server.environment(HOME=str(home), SAM_CLI_TELEMETRY="0", GIT_CONFIG_NOSYSTEM="1")

    def attempt(self, *command: str, data: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command; output and error are one, as a terminal shows them."""
        return subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment | variables,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=580,
            check=False,
        )

    def __call__(self, *command: str, data: str = "", **variables: str) -> str:
        """Run a command, which must succeed; its output."""
        done = self.attempt(*command, data=data, **variables)
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout.strip()

    def script(self, name: str, requirements: str, *arguments: str) -> str:
        """Run one of the scripts with a client's Python, which must succeed; its output."""
        return self(str(environment(requirements) / "bin" / "python"), str(SCRIPTS / name), *arguments)


def result(said: str) -> dict[str, Any]:
    """The object that a script has printed at its end; the SDKs write of their own around it."""
    printed = re.findall(r'\{"done": true[^}]*\}', said)
    assert len(printed) == 1, said
    found: dict[str, Any] = json.loads(printed[0])
    return found
