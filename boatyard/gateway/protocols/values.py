"""Scalars on the wire: timestamps, blobs, numbers and booleans, each way, after a shape of botocore's model."""

from __future__ import annotations

import base64
import binascii
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

INTEGERS = frozenset({"integer", "long", "short", "byte"})
FLOATS = frozenset({"float", "double"})


class Malformed(Exception):
    """The input cannot be read as the shape asks; the message is what AWS's deserialisers say."""


def parse_timestamp(value: Any, style: str) -> datetime:
    """A timestamp in the style named (iso8601, rfc822, unixtimestamp); the other styles are tried too, as AWS does."""
    if isinstance(value, bool):
        raise Malformed("Expected timestamp")
    try:
        if not isinstance(value, str):
            return _from_epoch(float(value))
        if style == "rfc822":
            return _from_text(value, rfc822_first=True)
        return _from_text(value, rfc822_first=False)
    except (ValueError, OverflowError, TypeError, OSError):
        raise Malformed(f"Unparseable date: {value!r}") from None


def _from_epoch(seconds: float) -> datetime:
    whole = math.floor(seconds)
    return datetime.fromtimestamp(whole, UTC).replace(microsecond=min(round((seconds - whole) * 1e6), 999_999))


def _from_text(text: str, *, rfc822_first: bool) -> datetime:
    text = text.strip()
    if rfc822_first and text[:1].isalpha():
        return parsedate_to_datetime(text).astimezone(UTC)
    try:
        return _from_epoch(float(text))
    except ValueError:
        pass
    if text[:1].isalpha():
        return parsedate_to_datetime(text).astimezone(UTC)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def format_iso8601(moment: datetime, *, always_milliseconds: bool = False) -> str:
    """An ISO 8601 timestamp in UTC, with milliseconds where there are any (or always, as S3 writes it)."""
    moment = moment.astimezone(UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    if always_milliseconds or moment.microsecond >= 1000:
        return f"{text}.{moment.microsecond // 1000:03d}Z"
    return f"{text}Z"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def format_rfc822(moment: datetime) -> str:
    """A date as HTTP headers have it, to the second (RFC 9110, section 5.6.7)."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    clock = f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}"
    day = f"{_DAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} {moment.year:04d}"
    return f"{day} {clock} GMT"


def epoch_seconds(moment: datetime) -> float | int:
    """Seconds since 1970 to the millisecond; a whole number stays one."""
    milliseconds = round(moment.timestamp() * 1000)
    return milliseconds // 1000 if milliseconds % 1000 == 0 else milliseconds / 1000


def format_timestamp(value: datetime, style: str, *, always_milliseconds: bool = False) -> str:
    """A timestamp as text in the style named."""
    match style.lower():
        case "rfc822":
            return format_rfc822(value)
        case "unixtimestamp":
            return str(epoch_seconds(value))
        case _:
            return format_iso8601(value, always_milliseconds=always_milliseconds)


def parse_blob(text: str) -> bytes:
    """Bytes from base64; anything else in it is refused."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise Malformed("Expected a base64-encoded string") from None


def format_blob(value: bytes | bytearray | memoryview | str) -> str:
    """Base64 of bytes (or of a text's UTF-8)."""
    return base64.b64encode(value.encode() if isinstance(value, str) else bytes(value)).decode("ascii")


def parse_text(shape: Any, text: str, *, timestamp_style: str) -> Any:
    """A scalar that came as text (in XML, a form, a header, a query string or a path), typed after its shape."""
    kind = shape.type_name
    if kind in INTEGERS:
        try:
            return int(text)
        except ValueError:
            raise Malformed(f"{text!r} is not an integer") from None
    if kind in FLOATS:
        try:
            return float(text)
        except ValueError:
            raise Malformed(f"{text!r} is not a number") from None
    if kind == "boolean":
        lowered = text.strip().lower()
        if lowered not in ("true", "false"):
            raise Malformed(f"{text!r} must be either 'true' or 'false'")
        return lowered == "true"
    if kind == "timestamp":
        return parse_timestamp(text, shape.serialization.get("timestampFormat", timestamp_style).lower())
    if kind == "blob":
        return parse_blob(text)
    return text


def format_text(shape: Any, value: Any, *, timestamp_style: str, always_milliseconds: bool = False) -> str:
    """A scalar as text, after its shape."""
    kind = shape.type_name
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        style = shape.serialization.get("timestampFormat", timestamp_style)
        return format_timestamp(value, style, always_milliseconds=always_milliseconds)
    if kind == "blob":
        return format_blob(value)
    if kind in FLOATS:
        return format_float(float(value))
    return str(value)


def format_float(value: float) -> str:
    """A floating-point number as AWS's text protocols write it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)
