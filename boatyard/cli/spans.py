"""Spans of time as options take them: 30s, 10m, 2h, 1d."""

from __future__ import annotations

import re

from boatyard.cli.failures import Failure

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span_seconds(text: str, option: str) -> int:
    """The seconds of a span; Failure names the option where it cannot be read."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise Failure(f"{option} {text} is not understood: give a number and s, m, h or d, such as 10m.")
    return int(found[1]) * _UNITS[found[2]]
