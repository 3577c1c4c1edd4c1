"""Runs a build's phases inside its container: progress in a file for the server, output as CodeBuild prints it.

Standard library only: this folder is mounted into the build environment. Reads /codebuild/plan.json; appends one JSON
object a line to /codebuild/output/progress.jsonl.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from . import cache
from .shell import Masker, Shell, ShellEnded, reserve

ROOT = Path(os.environ.get("BOATYARD_BUILD_ROOT", "/codebuild"))
NAMES = {"install": "INSTALL", "pre_build": "PRE_BUILD", "build": "BUILD", "post_build": "POST_BUILD"}


class Agent:
    """One build."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.log = Masker(plan["secrets"], sys.stdout)
        self._output = ROOT / "output"
        self._progress = (self._output / "progress.jsonl").open("a")
        self._environment = {**os.environ, **plan["environment"], "CODEBUILD_BUILD_SUCCEEDING": "1"}
        self._shell = self._new_shell()
        self._last = ""
        self._on_failure: str | None = None

    def _new_shell(self) -> Shell:
        plan = self.plan
        return Shell(
            plan["shell"],
            plan["directory"],
            self._environment,
            self.log,
            self._output / "scripts",
            apart=plan["version"] == "0.1",
        )

    def report(self, **what: Any) -> None:
        """Tell the server."""
        self._progress.write(json.dumps({"time": time.time(), **what}) + "\n")
        self._progress.flush()
        os.fsync(self._progress.fileno())

    def run(self) -> None:
        """All phases in order, as CodeBuild goes from one to the next."""
        self._restore_cache()
        failed = succeeded = False
        for phase in self.plan["phases"]:
            name = NAMES[phase["name"]]
            if failed and not (name == "POST_BUILD" and self._last == "BUILD" and self._on_failure is None):
                continue
            self._last, self._on_failure = name, phase["on_failure"]
            problem = self._phase(name, phase)
            succeeded = problem is None and not failed
            if problem is not None:
                self._mark_failing()
                failed = failed or phase["on_failure"] != "CONTINUE"
        if succeeded:
            self._save_cache()
        self._export()
        self._shell.end()

    def _phase(self, name: str, phase: dict[str, Any]) -> str | None:
        self.log.say(f"Entering phase {name}")
        self.report(phase=name, event="started")
        problem = self._commands(phase["commands"])
        later = self._commands(phase["finally"])
        problem = problem or later
        state = "SUCCEEDED" if problem is None else "FAILED"
        self.log.say(f"Phase complete: {name} State: {state}")
        code = "" if problem is None else "COMMAND_EXECUTION_ERROR"
        self.log.say(f"Phase context status code: {code} Message: {problem or ''}")
        self.report(phase=name, event="ended", status=state, code=code, message=self.log.masked(problem or ""))
        return problem

    def _commands(self, commands: list[str]) -> str | None:
        for command in commands:
            self.log.say(f"Running command {command}")
            try:
                code = self._shell.run(command)
            except ShellEnded as ended:
                code = ended.code
                self._shell = self._new_shell()
            if code:
                return f"Error while executing command: {command}. Reason: exit status {code}"
        return None

    def _mark_failing(self) -> None:
        self._environment["CODEBUILD_BUILD_SUCCEEDING"] = "0"
        if self.plan["version"] == "0.1":
            self._shell.end()
            self._shell = self._new_shell()
            return
        with contextlib.suppress(ShellEnded):
            self._shell.run("export CODEBUILD_BUILD_SUCCEEDING=0")

    def _export(self) -> None:
        environment = self._shell.environment(self._output / "environment")
        exported = {name: environment[name] for name in self.plan["exported"] if name in environment}
        names = {key: self._expand(name) for key, name in self.plan["artifact_names"].items()}
        self.report(event="exported", variables=exported, artifact_names=names)

    def _expand(self, text: str) -> str:
        target = self._output / "artifact-name"
        target.unlink(missing_ok=True)
        with contextlib.suppress(ShellEnded):
            self._shell.run(f'printf "%s" "{text}" > {target}')
        return target.read_text(errors="replace") if target.exists() else text

    def _restore_cache(self) -> None:
        if not self.plan["cache"]:
            return
        try:
            found = cache.restore(ROOT / "cache" / "cache.tar")
        except (OSError, tarfile.TarError) as error:
            self.log.say(f"The cache cannot be used: {error}")
            return
        self.log.say("Using the cache of an earlier build" if found else "There is no cache yet")

    def _save_cache(self) -> None:
        if not self.plan["cache"]:
            return
        try:
            count = cache.save(ROOT / "cache" / "new.tar", self.plan["cache"], self.plan["directory"])
        except (OSError, tarfile.TarError) as error:
            self.log.say(f"The cache cannot be kept: {error}")
            return
        self.log.say(f"Keeping {count} cached path(s) for the next build")


def main() -> None:
    """Run the plan; the exit code says only whether the agent itself came to its end."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    reserve()
    plan = json.loads((ROOT / "plan.json").read_text())
    Agent(plan).run()


if __name__ == "__main__":
    main()
