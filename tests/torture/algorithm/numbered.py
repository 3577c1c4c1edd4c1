"""Prints numbered lines, so that a line that was lost or came twice is seen."""

import json
import pathlib
import sys
import time


def say(what: str) -> None:
    """A line, a short pause, and so on."""
    plan = json.loads(pathlib.Path(__file__).with_name("mark.json").read_text())
    for number in range(plan["lines"]):
        print(f"torture {plan['mark']} {what} {number}", flush=True)
        time.sleep(plan["pause"])


if __name__ == "__main__":
    say(sys.argv[1])
