"""The Range header and its kin."""

from __future__ import annotations

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.s3 import ranges


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, None),
        ("bytes=0-4", (0, 5)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=9-100", (9, 10)),
        ("bytes=4-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
    ],
)
def test_range(header: str | None, wanted: tuple[int, int] | None) -> None:
    assert ranges.parse(header, 10) == wanted


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-0", 0)])
def test_unsatisfiable_range(header: str, size: int) -> None:
    with pytest.raises(ApiError, match="InvalidRange"):
        ranges.parse(header, size)


def test_range_of_a_copy_must_lie_inside() -> None:
    assert ranges.parse_copy("bytes=0-9", 10) == (0, 10)
    for header in ("bytes=0-10", "bytes=5-", "bytes=5-4"):
        with pytest.raises(ApiError, match="InvalidArgument"):
            ranges.parse_copy(header, 10)
