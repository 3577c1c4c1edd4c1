"""Start and size: how long the commands take to begin, and what an idle server holds."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from bench.samples import BOATYARD, Comparison, Goal, Measured
from bench.session import Session, resident_mebibytes, timed

HELP_RUNS = 10
SETTLE_SECONDS = 2.0


def measure(session: Session) -> list[Measured]:
    """Seconds of `boatyard --help`, seconds until a new server is ready, and its resident memory when idle."""
    ready, idle = _starts(session)
    return [
        Comparison(key="help", title="`boatyard --help`", unit="s", runs={BOATYARD: _help()}, goals=[Goal(value=0.3)]),
        Comparison(
            key="ready",
            title="`boatyard up`, new data directory, until the server answers",
            unit="s",
            runs={BOATYARD: ready},
            goals=[Goal(value=1.5)],
        ),
        Comparison(
            key="idle_memory",
            title="Resident memory of the idle server",
            unit="MiB",
            runs={BOATYARD: idle},
            goals=[Goal(value=150)],
        ),
    ]


def _help() -> list[float]:
    """The first run, which fills the disk cache, is left out."""
    command = [str(Path(sys.executable).parent / "boatyard"), "--help"]
    if not Path(command[0]).exists():
        command = [sys.executable, "-m", "boatyard.cli.main", "--help"]

    def once() -> None:
        subprocess.run(command, check=True, capture_output=True)

    once()
    return [timed(once) for _ in range(HELP_RUNS)]


def _starts(session: Session) -> tuple[list[float], list[float]]:
    from boatyard.cli import reset, servers, up

    ready: list[float] = []
    idle: list[float] = []
    for run in range(session.runs + 1):
        spent = timed(lambda: up.start_in_background(servers.settings_for()))
        found = servers.require_running()
        if not found.answers():
            raise SystemExit("The server says that it is ready and does not answer.")
        if run:
            ready.append(spent)
            time.sleep(SETTLE_SECONDS)
            idle.append(resident_mebibytes(found.pid))
        reset.reset(yes=True)
    return ready, idle
