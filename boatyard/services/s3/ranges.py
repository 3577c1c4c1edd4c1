"""The Range header: which bytes of an object a request asks for."""

from __future__ import annotations

import re

from boatyard.api.errors import ApiError

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def parse(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the byte after the last; None when the whole object is meant.

    As on S3, a header that is not one plain range is passed over; one that lies outside raises InvalidRange (416).
    """
    found = _RANGE.fullmatch(header.strip()) if header else None
    if header is None or found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= size or (not first and int(last) == 0):
        raise unsatisfiable(header, size)
    return start, stop


def parse_copy(header: str, size: int) -> tuple[int, int]:
    """The same for x-amz-copy-source-range, where both ends are named and must be inside the source."""
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", header)
    if found is None or int(found[2]) < int(found[1]):
        message = (
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "
            "the zero-based offsets of the first and last bytes to copy"
        )
        raise ApiError("InvalidArgument", message, status=400, ArgumentValue=header)
    if int(found[2]) >= size:
        message = f"Range specified is not valid for source object of size: {size}"
        raise ApiError("InvalidArgument", message, status=400, ArgumentValue=header)
    return int(found[1]), int(found[2]) + 1


def unsatisfiable(header: str, size: int) -> ApiError:
    """The answer to a range of which the object has no byte."""
    return ApiError(
        "InvalidRange",
        "The requested range is not satisfiable",
        status=416,
        RangeRequested=header,
        ActualObjectSize=str(size),
    )
