"""Regular expressions that users give: searched for a while only, for some never come to an end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex


class InvalidExpression(ValueError):
    """It is no regular expression; the text says why."""


class TooSlow(Exception):
    """It has used up its time, as expressions do that go back over and over."""


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> regex.Pattern[str]:
    # Imported when the first expression comes: it takes longer than everything else that a server loads at its start.
    import regex

    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise InvalidExpression(str(error)) from None


class Expression:
    """An expression with `seconds` in all for its searches, which let other threads go on meanwhile.

    Raises InvalidExpression when it is made, TooSlow from its searches.
    """

    def __init__(self, pattern: str, seconds: float) -> None:
        self._pattern = _compiled(pattern)
        self._left = seconds

    @property
    def groups(self) -> int:
        """How many groups it captures."""
        return self._pattern.groups

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in a text."""
        return next(self.matches(text), None) is not None

    def fits(self, text: str) -> bool:
        """Whether it matches the whole of a text."""
        begun = time.monotonic()
        try:
            return self._pattern.fullmatch(text, concurrent=True, timeout=max(self._left, 0.0)) is not None
        except TimeoutError:
            raise TooSlow from None
        finally:
            self._left -= time.monotonic() - begun

    def matches(self, text: str) -> Iterator[regex.Match[str]]:
        """Its matches in a text, one after the other."""
        begun = time.monotonic()
        try:
            yield from self._pattern.finditer(text, concurrent=True, timeout=max(self._left, 0.0))
        except TimeoutError:
            raise TooSlow from None
        finally:
            self._left -= time.monotonic() - begun
