"""One shell that runs every command of a build, and the log that its output goes to. Standard library only."""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import BinaryIO, TextIO

ANSWERS = 9
READ_BYTES = 64 * 1024
LONGEST_LINE = 64 * 1024
SHORTEST_SECRET = 4
WAITS_SECONDS = 60
MARK = b"\x02boatyard-"
LONGEST_MARK = 64


def reserve() -> None:
    """Keep the descriptor that answers come by free for shells, before anything else gets its number."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    if nothing != ANSWERS:
        os.dup2(nothing, ANSWERS, inheritable=False)
        os.close(nothing)


class ShellEnded(Exception):
    """A command ended the shell itself, as `exit 3` does."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Masker:
    """Writes lines to the log with the values of parameters replaced by ***."""

    def __init__(self, secrets: list[str], out: TextIO) -> None:
        parts = {part for secret in secrets for part in [secret, *secret.splitlines()]}
        self._secrets = sorted((part for part in parts if len(part) >= SHORTEST_SECRET), key=len, reverse=True)
        self._out = out
        self._lock = threading.Lock()

    def masked(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def write(self, line: str) -> None:
        """Print a line."""
        with self._lock:
            self._out.write(self.masked(line) + "\n")
            self._out.flush()

    def say(self, text: str) -> None:
        """Print a line of CodeBuild's own."""
        self.write(time.strftime("[Container] %Y/%m/%d %H:%M:%S ", time.gmtime()) + text)


class Output:
    """The pipe that a shell and all it starts write to, handed on line by line.

    The agent holds it open too: a mark that it writes itself comes out behind everything that was written before,
    whatever programs in the background still hold the pipe.
    """

    def __init__(self, log: Masker) -> None:
        self._log = log
        read, self.write_end = os.pipe()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._number = 0
        self._seen: dict[bytes, threading.Event] = {}
        threading.Thread(target=self._copy, args=(os.fdopen(read, "rb", buffering=0),), daemon=True).start()

    def flush(self) -> None:
        """Wait until everything that has been written so far is in the log."""
        self._number += 1
        mark = MARK + f"{os.getpid()}-{self._number}\x03".encode()
        event = self._seen[mark] = threading.Event()
        os.write(self.write_end, mark)
        event.wait(WAITS_SECONDS)

    def _copy(self, source: BinaryIO) -> None:
        rest = b""
        while content := source.read(READ_BYTES):
            rest = self._take(rest + content)

    def _take(self, content: bytes) -> bytes:
        """Hand on what is complete; what may be the beginning of a mark is kept for the next time."""
        for mark in list(self._seen):
            before, found, after = content.partition(mark)
            if found:
                self._text(before, ends=True)
                self._seen.pop(mark).set()
                content = after
        start = content.rfind(MARK)
        if start >= 0 and len(content) - start < LONGEST_MARK and b"\x03" not in content[start:]:
            kept = len(content) - start
        else:
            kept = next((size for size in range(len(MARK), 0, -1) if content.endswith(MARK[:size])), 0)
        self._text(content[: len(content) - kept], ends=False)
        return content[len(content) - kept :]

    def _text(self, content: bytes, *, ends: bool) -> None:
        text = self._line + self._decoder.decode(content)
        *whole, self._line = text.split("\n")
        if ends and self._line:
            whole.append(self._line)
            self._line = ""
        for line in whole:
            self._write(line)
        while len(self._line) > LONGEST_LINE:
            self._log.write(self._line[:LONGEST_LINE])
            self._line = self._line[LONGEST_LINE:]

    def _write(self, line: str) -> None:
        # What a progress bar has drawn over itself becomes lines of its own.
        for part in line.rstrip("\r").split("\r"):
            for start in range(0, max(1, len(part)), LONGEST_LINE):
                self._log.write(part[start : start + LONGEST_LINE])


class Shell:
    """One shell that runs every command, so that variables, functions and directories last.

    With `apart` every command has a shell of its own, as in buildspecs of version 0.1.
    """

    def __init__(
        self, program: str, directory: str, environment: dict[str, str], log: Masker, scripts: Path, *, apart: bool
    ) -> None:
        self._program, self._scripts, self._apart = program, scripts, apart
        scripts.mkdir(parents=True, exist_ok=True)
        self._number = 0
        self._output = Output(log)
        read, write = os.pipe()
        self._answers = os.fdopen(read, "r")
        # A POSIX shell redirects to descriptors of one digit only.
        os.dup2(write, ANSWERS, inheritable=True)
        self._process = subprocess.Popen(
            [program],
            stdin=subprocess.PIPE,
            stdout=self._output.write_end,
            stderr=self._output.write_end,
            cwd=directory,
            env=environment,
            pass_fds=(ANSWERS,),
            start_new_session=True,
        )
        reserve()
        threading.Thread(target=self._announce_end, args=(write,), daemon=True).start()

    def _announce_end(self, answers: int) -> None:
        """An empty answer when the shell has ended: the pipe itself may be held open by what it left running."""
        self._process.wait()
        os.write(answers, b"\n")
        os.close(answers)

    def run(self, command: str) -> int:
        """Run a command in the shell; its exit code. ShellEnded when it ended the shell.

        What it leaves running in the background does not hold the descriptor that the answer comes by.
        """
        assert self._process.stdin is not None
        self._number += 1
        script = self._scripts / f"{self._number}.sh"
        script.write_text(command + "\n")
        start = f"{self._program} {script}" if self._apart else f". {script}"
        line = f'{start} < /dev/null {ANSWERS}>&-\nprintf "%s\\n" "$?" >&{ANSWERS}\n'
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
            answer = self._answers.readline().strip()
        except BrokenPipeError:
            answer = ""
        if not answer:
            code = self._process.wait()
            self._output.flush()
            raise ShellEnded(code if code >= 0 else 128 - code)
        self._output.flush()
        return int(answer)

    def environment(self, target: Path) -> dict[str, str]:
        """The variables as the commands have left them; none when the shell has ended. `target`: a file to use."""
        with contextlib.suppress(ShellEnded):
            self.run(f"env -0 > {target}")
        if not target.exists():
            return {}
        pairs = target.read_bytes().decode(errors="replace").split("\0")
        return dict(pair.partition("=")[::2] for pair in pairs if "=" in pair)

    def end(self) -> None:
        """Stop the shell and what it has started in its session."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.flush()
