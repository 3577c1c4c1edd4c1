"""JSON that users hand in as text: read within a bound on how deep it is nested."""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 200


def read(text: str | bytes) -> Any:
    """What a JSON text says. Raises json.JSONDecodeError, a ValueError, also for what is nested too deep.

    Python's own reader gives up on deep texts with RecursionError, and so does whoever walks through what it read.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise _too_deep(text) from None
    # More brackets than this are rare, so that hardly any text is walked through for it.
    if (text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")) > DEEPEST:
        _measure(content, text)
    return content


def _measure(content: Any, text: str | bytes) -> None:
    level = [content]
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise _too_deep(text)


def _too_deep(text: str | bytes) -> json.JSONDecodeError:
    return json.JSONDecodeError(
        "Nested too deeply", text if isinstance(text, str) else text.decode("utf-8", "replace"), 0
    )
