"""Runs the agent of builds as the process that it is, on this machine instead of in a container."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boatyard.services.codebuild import agent

PHASES = ("install", "pre_build", "build", "post_build")


@dataclass
class AgentRun:
    """What the agent came to."""

    code: int
    lines: list[str]
    progress: list[dict[str, Any]]

    @property
    def output(self) -> list[str]:
        """The lines of the commands, without CodeBuild's own."""
        return [line for line in self.lines if not line.startswith("[Container]")]

    @property
    def phases(self) -> dict[str, str]:
        """The phases that ended, with their status."""
        return {each["phase"]: each["status"] for each in self.progress if each["event"] == "ended"}

    @property
    def end(self) -> dict[str, Any]:
        """What is exported."""
        return self.progress[-1]


def phase(name: str, *commands: str, last: tuple[str, ...] = (), on_failure: str | None = None) -> dict[str, Any]:
    """A phase of a plan."""
    return {"name": name, "commands": list(commands), "finally": list(last), "on_failure": on_failure}


def run_agent(root: Path, *phases: dict[str, Any], **plan: Any) -> AgentRun:
    """Run a plan in a directory and wait for its end."""
    for name in ("output", "cache", "src"):
        (root / name).mkdir(parents=True, exist_ok=True)
    given = {each["name"]: each for each in phases}
    whole = {
        "version": "0.2",
        "shell": "sh",
        "directory": str(root / "src"),
        "environment": {},
        "secrets": [],
        "exported": [],
        "artifact_names": {},
        "cache": [],
        "phases": [given.get(name) or phase(name) for name in PHASES],
        **plan,
    }
    (root / "plan.json").write_text(json.dumps(whole))
    ended = run_process(root)
    progress = (root / "output" / "progress.jsonl").read_text().splitlines()
    return AgentRun(ended.returncode, ended.stdout.splitlines(), [json.loads(line) for line in progress])


def run_process(root: Path) -> subprocess.CompletedProcess[str]:
    """The agent's process, run to its end on the plan in `root`."""
    return subprocess.run(
        [sys.executable, "-B", "-m", "agent.run"],
        cwd=Path(agent.__file__).parent.parent,
        env={"PATH": os.environ["PATH"], "BOATYARD_BUILD_ROOT": str(root), "HOME": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
