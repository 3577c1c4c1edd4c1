"""Runs a build's phases inside its container: one shell for all commands, progress in a file for the server.

Standard library only: this file is mounted into the build environment. Reads /codebuild/plan.json; appends one JSON
object a line to /codebuild/output/progress.jsonl; prints what CodeBuild prints.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(os.environ.get("BOATYARD_BUILD_ROOT", "/codebuild"))
ANSWERS = 9
NAMES = {"install": "INSTALL", "pre_build": "PRE_BUILD", "build": "BUILD", "post_build": "POST_BUILD"}


class ShellEnded(Exception):
    """A command ended the shell itself, as `exit 3` does."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Masker:
    """Writes lines to the log with the values of parameters replaced by ***."""

    def __init__(self, secrets: list[str], out: TextIO) -> None:
        self._secrets = sorted((secret for secret in secrets if len(secret) >= 4), key=len, reverse=True)
        self._out = out
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        """Print a line."""
        for secret in self._secrets:
            line = line.replace(secret, "***")
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()

    def say(self, text: str) -> None:
        """Print a line of CodeBuild's own."""
        self.write(time.strftime("[Container] %Y/%m/%d %H:%M:%S ", time.gmtime()) + text)


class Shell:
    """One shell that runs every command, so that variables, functions and directories last."""

    def __init__(self, program: str, directory: str, environment: dict[str, str], log: Masker) -> None:
        self._scripts = ROOT / "output" / "scripts"
        self._scripts.mkdir(parents=True, exist_ok=True)
        self._number = 0
        read, write = os.pipe()
        self._answers = os.fdopen(read, "r")
        # A POSIX shell redirects to descriptors of one digit only.
        os.dup2(write, ANSWERS, inheritable=True)
        os.close(write)
        self._process = subprocess.Popen(
            [program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=environment,
            pass_fds=(ANSWERS,),
            text=True,
            errors="replace",
        )
        os.close(ANSWERS)
        self._log = log
        self._marks: dict[str, threading.Event] = {}
        self._output = threading.Thread(target=self._copy, daemon=True)
        self._output.start()

    def _copy(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            text = line.rstrip("\n")
            mark = text[-40:].partition("\x02")[2]
            if mark in self._marks:
                before = text[: -len(mark) - 1]
                if before:
                    self._log.write(before)
                self._marks[mark].set()
            else:
                self._log.write(text)

    def run(self, command: str) -> int:
        """Run a command in the shell; its exit code. ShellEnded when it ended the shell."""
        assert self._process.stdin is not None
        self._number += 1
        script = self._scripts / f"{self._number}.sh"
        script.write_text(command + "\n")
        mark = f"end-of-command-{self._number}"
        self._marks[mark] = threading.Event()
        try:
            self._process.stdin.write(
                f". {script} < /dev/null\n"
                f"__boatyard_status=$?; printf '\\002{mark}\\n'; printf '\\002{mark}\\n' >&2; "
                f'printf "%s\\n" "$__boatyard_status" >&{ANSWERS}\n'
            )
            self._process.stdin.flush()
            answer = self._answers.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            code = self._process.wait()
            self._output.join(5)
            raise ShellEnded(code if code >= 0 else 128 - code)
        self._marks[mark].wait(5)
        return int(answer)

    def environment(self) -> dict[str, str]:
        """The variables as the commands have left them; none when the shell has ended."""
        target = ROOT / "output" / "environment"
        with contextlib.suppress(ShellEnded):
            self.run(f"env -0 > {target}")
        if not target.exists():
            return {}
        pairs = target.read_bytes().decode(errors="replace").split("\0")
        return dict(pair.partition("=")[::2] for pair in pairs if "=" in pair)

    def end(self) -> None:
        """Stop the shell and everything it has started in its process group."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()


class Agent:
    """One build."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.log = Masker(plan.get("secrets", []), sys.stdout)
        self._progress = (ROOT / "output" / "progress.jsonl").open("a")
        self._succeeding = True
        self._environment = {**os.environ, **plan["environment"], "CODEBUILD_BUILD_SUCCEEDING": "1"}
        self._shell = self._new_shell()

    def _new_shell(self) -> Shell:
        return Shell(self.plan["shell"], self.plan["directory"], self._environment, self.log)

    def report(self, **what: Any) -> None:
        """Tell the server."""
        self._progress.write(json.dumps({"time": time.time(), **what}) + "\n")
        self._progress.flush()
        os.fsync(self._progress.fileno())

    def run(self) -> None:
        """All phases in order, as CodeBuild goes from one to the next."""
        failed = False
        for phase in self.plan["phases"]:
            name = NAMES[phase["name"]]
            if failed and not (name == "POST_BUILD" and self._last == "BUILD" and self._on_failure is None):
                continue
            self._last, self._on_failure = name, phase.get("on_failure")
            problem = self._phase(name, phase)
            if problem is not None:
                self._mark_failing()
                failed = failed or phase.get("on_failure") != "CONTINUE"
        self._export()
        self._shell.end()

    _last = ""
    _on_failure: str | None = None

    def _phase(self, name: str, phase: dict[str, Any]) -> str | None:
        self.log.say(f"Entering phase {name}")
        self.report(phase=name, event="started")
        problem = self._commands(phase["commands"])
        later = self._commands(phase["finally"]) if phase["finally"] else None
        problem = problem or later
        state = "SUCCEEDED" if problem is None else "FAILED"
        self.log.say(f"Phase complete: {name} State: {state}")
        code = "" if problem is None else "COMMAND_EXECUTION_ERROR"
        self.log.say(f"Phase context status code: {code} Message: {problem or ''}")
        self.report(phase=name, event="ended", status=state, code=code, message=problem or "")
        return problem

    def _commands(self, commands: list[str]) -> str | None:
        for command in commands:
            self.log.say(f"Running command {command}")
            try:
                code = self._shell.run(command)
            except ShellEnded as ended:
                code = ended.code
                self._shell = self._new_shell()
                if code == 0:
                    continue
            if code:
                return f"Error while executing command: {command}. Reason: exit status {code}"
        return None

    def _mark_failing(self) -> None:
        self._succeeding = False
        self._environment["CODEBUILD_BUILD_SUCCEEDING"] = "0"
        with contextlib.suppress(ShellEnded):
            self._shell.run("export CODEBUILD_BUILD_SUCCEEDING=0")

    def _export(self) -> None:
        environment = self._shell.environment()
        exported = {name: environment[name] for name in self.plan["exported"] if name in environment}
        name = self.plan.get("artifact_name")
        expanded = None
        if name:
            expanded = self._expand(name)
        self.report(event="exported", variables=exported, artifact_name=expanded)

    def _expand(self, text: str) -> str:
        target = ROOT / "output" / "artifact-name"
        with contextlib.suppress(ShellEnded):
            self._shell.run(f'printf "%s" "{text}" > {target}')
        return target.read_text() if target.exists() else text


def main() -> None:
    """Run the plan; the exit code says only whether the agent itself came to its end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = json.loads((ROOT / "plan.json").read_text())
    Agent(plan).run()


if __name__ == "__main__":
    main()
