"""Paging: opaque tokens that say after which key the next page starts."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from boatyard.api import json_text
from boatyard.api.errors import ApiError

if TYPE_CHECKING:
    from boatyard.state.database import Reader
    from boatyard.state.table import Record, Table

    R = TypeVar("R", bound=Record)

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


def page_of(
    rx: Reader,
    table: Table[R],
    where: Mapping[str, Any],
    token: str | None,
    limit: int,
    *,
    order: Sequence[str] = (),
    descending: bool = False,
    prefix: tuple[str, str] | None = None,
    keep: Callable[[R], bool] | None = None,
    code: str = "ValidationException",
    message: str = "Invalid pagination token",
) -> tuple[list[R], str | None]:
    """The next `limit` records of a table and the token for what follows, as `page` gives them; no more are read.

    The token names the last record's place in the order. `keep` chooses among the records, and reads past the others.
    """
    columns = table.ordering(where, order)
    behind = None
    if token:
        behind = decode_token(token, code, message)
        if not isinstance(behind, list) or [type(each) for each in behind if type(each) not in (str, int, float)]:
            raise ApiError(code, message, status=400)
        if len(behind) != len(columns):
            raise ApiError(code, message, status=400)
    chosen: list[R] = []
    walk = table.walk(rx, where, prefix=prefix, order=order, behind=behind, descending=descending)
    for record in walk:
        if keep is not None and not keep(record):
            continue
        if len(chosen) == limit:
            return chosen, encode_token(table.place(chosen[-1], columns)) if chosen else None
        chosen.append(record)
    return chosen, None
