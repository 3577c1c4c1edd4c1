"""Long work on a whole data directory, in the server's process or, where none runs, in the command's own.

Each task is a generator of JSON objects: what was done last, and how it went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from boatyard.api.installation import Installation
from boatyard.keeping import cleaning
from boatyard.keeping.verifying import verify

Task = Callable[[Installation, dict[str, Any]], Iterator[dict[str, Any]]]
END = b'{"end":true}\n'
"""The last line, without which the work was cut off."""


def _verify(installation: Installation, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for looked in verify(installation):
        yield asdict(looked)


def _gc(installation: Installation, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What may go, one a line; with `remove` it goes, and the database gives its free space back."""
    for each in cleaning.garbage(installation):
        removed = bool(options.get("remove")) and cleaning.remove(each)
        yield {"kind": each.kind, "what": each.what, "size": each.size, "removed": removed}
    if options.get("remove"):
        installation.workflows.prune()
        installation.database.compact()


TASKS: dict[str, Task] = {"verify": _verify, "gc": _gc}
