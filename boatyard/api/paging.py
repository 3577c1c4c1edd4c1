"""Paging: opaque tokens that say after which key the next page starts."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from boatyard.api import json_text
from boatyard.api.errors import ApiError

Item = TypeVar("Item")


def encode_token(position: Any) -> str:
    """A token for a position, which is any JSON value."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_token(token: str, code: str = "ValidationException", message: str = "Invalid pagination token") -> Any:
    """The position in a token; ApiError with `code` when the token was not made by encode_token."""
    try:
        return json_text.read(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error, UnicodeDecodeError):
        raise ApiError(code, message, status=400) from None


def page(
    items: Sequence[Item],
    token: str | None,
    limit: int,
    key: Callable[[Item], Any] | None = None,
    code: str = "ValidationException",
) -> tuple[list[Item], str | None]:
    """The next `limit` of already ordered items, and the token for what follows (None at the end).

    With `key` the token names the last item given (stable when items come and go); without, its index.
    """
    start = 0
    if token:
        position = decode_token(token, code)
        if key is None:
            if not isinstance(position, int):
                raise ApiError(code, "Invalid pagination token", status=400)
            start = position
        else:
            keys = [key(item) for item in items]
            start = next((index + 1 for index, each in enumerate(keys) if each == position), None) or next(
                (index for index, each in enumerate(keys) if each > position), len(items)
            )
    chosen = list(items[start : start + limit])
    if start + limit >= len(items) or not chosen:
        return chosen, None
    return chosen, encode_token(key(chosen[-1]) if key else start + limit)
