"""A server whose clock can be set: `python -m tests.set_clock` adds the seconds in a file to the machine's time."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from boatyard.api import timestamps
from boatyard.settings import Settings
from tests.server import RunningServer

_time, _time_ns = time.time, time.time_ns


def clock_file(data_directory: Path) -> Path:
    """Where a server with this data directory finds by how much its clock is off."""
    return data_directory.with_name(f"{data_directory.name}.clock")


def set_clock(path: Path) -> None:
    """Have this process read the time so; the monotonic clock stays as it is, as on a machine."""

    def off() -> float:
        try:
            return float(path.read_text())
        except (OSError, ValueError):
            return 0.0

    class Moment(datetime):
        """Answers real datetimes: the name `datetime` is looked up in `timestamps` alone."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=off())

    time.time = lambda: _time() + off()
    time.time_ns = lambda: _time_ns() + int(off() * 1e9)
    vars(timestamps)["datetime"] = Moment


class ServerWithClock(RunningServer):
    """A server whose clock is this test's to set."""

    module = "tests.set_clock"
    off = 0.0

    def set_clock(self, seconds: float) -> None:
        """From now on its clock is off by so much."""
        self.off = seconds
        path = clock_file(self.data_directory)
        temporary = path.with_suffix(".new")
        temporary.write_text(str(seconds))
        temporary.replace(path)

    def time(self) -> float:
        """Its present time, in seconds since 1970."""
        return _time() + self.off


if __name__ == "__main__":
    from boatyard.gateway.server import main

    set_clock(clock_file(Settings().data_directory))
    main()
