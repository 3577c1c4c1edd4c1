"""Names that are made to break things: paths that lead out, control characters, and what encodings stumble over."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import settings
from hypothesis import strategies as st

MARK = "h0stile"
"""Is part of every hostile name, so that a file that one has become is found."""
FEWER = settings(max_examples=max(8, settings().max_examples // 3))
"""For what asks a server for each example."""
_number = itertools.count(1)

PIECES = [
    "..", ".", "", "a", "A", MARK, "%2e%2e", "%2F", "%", "%00", "+", " ", "\n", "\r", "\t", "\x01", "\x1f", "\x7f",
    "ü", "u\u0308", "😀", "\u2028", "\u202e", "\ufeff", "\ufffe", "\uffff", "&", "<", ">", "]]>", '"', "'", "?", "#",
    "\\", ":", "*", "~", "$(id)", "`id`", ";", "|", "${x}", "{{x}}", "-", "--upload-pack=x", ".git", "@{", "a" * 300,
    "null", "0",
]  # fmt: skip
pieces = st.sampled_from(PIECES) | st.text(st.characters(codec="utf-8"), max_size=8)
names = st.lists(pieces, min_size=1, max_size=4).map("/".join) | st.lists(pieces, min_size=1, max_size=4).map("".join)


def fresh() -> str:
    """A part of a name that no other example has."""
    return f"{MARK}{next(_number)}"


def attempt(method: Callable[..., Any], **params: Any) -> tuple[str, Any]:
    """The error code of a call ("" when it worked) and its answer. An answer of 5xx is a failure of the test.

    501 is boatyard's plain word for what it does not do: an empty name, for instance, makes another operation's path.
    """
    try:
        return "", method(**params)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = str(error.response["Error"]["Code"])
        if not (400 <= status < 500 or (status == 501 and code == "NotImplemented")):
            raise AssertionError(f"an answer that is no refusal: {error}") from error
        return code, error.response
