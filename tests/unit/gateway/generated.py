"""Values for any shape of botocore's models, as hypothesis strategies: what a model allows, with its edges in it.

Where a protocol cannot say a thing (an empty header list, a fraction of a second in an HTTP date), it is not generated.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, cached_property
from typing import Any

from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]

_DEPTH = 6
_BITS = {"byte": 7, "short": 15, "integer": 31, "long": 63}
# Shown verbatim by every protocol; what XML cannot hold is for bodies that are not XML.
_TEXTS = (
    "", " ", "0", "true", "null", "é", "世界 \U0001d11e", "a&b<c>d\"e'f", "]]>", "&amp;&#x41;", "a+b%20c%2Fd?e=f&g;h",
    " lead and trail ", "tab\tand\nline", "return\rhere\r\n", "{\"json\": [1]}", "<xml/>", "\u202eright to left",
    "\ufeffmark", "e\u0301", "\x7f\x85\u2028", "x" * 300, "-", "..", "../a", "a//b", "a:b|c,d", "${a}", "\\",
)  # fmt: skip
_BEYOND_XML = ("\0", "\x1b[2J", "\x01\x1f", "\ufffe\uffff")
_HEADERS = ("0", "true", "a, b", '"quoted", text', 'a=b; c="d"', "é ÿ", "two  blanks", "%20+&", "\\", "a\tb", "~")
_TOKEN = string.ascii_lowercase + string.digits + "-_.!#"


@dataclass(frozen=True)
class Side:
    """One direction of one protocol: what may stand in its values."""

    protocol: str
    request: bool

    @property
    def is_xml(self) -> bool:
        """Whether values are written as XML, which has no way to say most control characters."""
        return self.protocol == "rest-xml" or (self.protocol == "query" and not self.request)

    @property
    def drops_empty_structures(self) -> bool:
        """Whether an empty structure or map cannot be said: a form has names of values only."""
        return self.protocol == "query" and self.request

    def drops_empty_lists(self, shape: Any) -> bool:
        """Whether an empty list of this shape cannot be said: a flattened one has no element of its own in XML."""
        return self.is_xml and bool(shape.serialization.get("flattened"))

    @cached_property
    def text(self) -> Strategy:
        """Any text of a body."""
        beyond = () if self.is_xml else _BEYOND_XML
        characters = st.characters(codec="utf-8")
        if self.is_xml:
            characters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cn", "Cs"))
        texts = st.sampled_from(_TEXTS + beyond) | st.text(characters, max_size=12)
        # botocore does not escape a carriage return, which is a line feed to every reader of XML.
        return texts.map(lambda text: text.replace("\r", "")) if self.is_xml and self.request else texts


def _within(shape: Any, least: int, most: int) -> tuple[int, int]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    return max(least, int(float(low))) if low is not None else least, min(most, int(float(high))) if high else most


def _sized(shape: Any, texts: Strategy, fill: str = "x") -> Strategy:
    """The texts, made as long as the shape asks for."""
    least, most = _within(shape, 0, 1 << 20)
    return texts.map(lambda text: text[:most].ljust(least, text[-1:].strip() or fill))


# Without U+00A0: botocore signs a blank in its place.
_LATIN = st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"], exclude_characters="\xa0")
_HEADER_TEXT = st.sampled_from(_HEADERS) | st.text(_LATIN, max_size=12).map(str.strip)
_LABEL_TEXT = (st.sampled_from(_TEXTS) | st.text(st.characters(codec="utf-8", exclude_characters="/"), max_size=8)).map(
    lambda text: text.replace("/", "-").strip(". ") or "label"
)
_GREEDY_TEXT = st.lists(_LABEL_TEXT, min_size=1, max_size=3).map("/".join)


def _text(shape: Any, side: Side) -> Strategy:
    if shape.enum:
        return st.sampled_from(list(shape.enum))
    location = shape.serialization.get("location")
    if location == "header":
        return _sized(shape, _HEADER_TEXT)
    if location == "uri":
        return _sized(shape, _LABEL_TEXT)
    return _sized(shape, side.text)


_ZONES = (UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11)))
_MOMENTS = (
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(1583, 1, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 13, 5, 9, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    datetime(9999, 12, 30, 23, 59, 59, tzinfo=UTC),
)
_DEFAULT_STYLES = {"json": "unixtimestamp", "rest-json": "unixtimestamp", "smithy-rpc-v2-cbor": "unixtimestamp"}


def timestamp_style(shape: Any, protocol: str) -> str:
    """How a protocol writes this timestamp (Smithy's timestampFormat, and each protocol's defaults)."""
    location = shape.serialization.get("location")
    default = "rfc822" if location == "header" else _DEFAULT_STYLES.get(protocol, "iso8601")
    if protocol == "smithy-rpc-v2-cbor":
        return default
    return str(shape.serialization.get("timestampFormat", "iso8601" if location == "querystring" else default)).lower()


def _timestamps(shape: Any, side: Side) -> Strategy:
    moments = st.sampled_from(_MOMENTS) | st.datetimes(
        datetime(1583, 1, 1), datetime(9999, 12, 30), timezones=st.sampled_from(_ZONES)
    )
    # botocore sends whole seconds in a header, in whatever style.
    in_header = side.request and shape.serialization.get("location") == "header"
    if in_header or timestamp_style(shape, side.protocol) == "rfc822":
        return moments.map(lambda moment: moment.replace(microsecond=0))
    fractions = st.sampled_from([0, 1, 7, 500, 999])
    return st.builds(lambda moment, part: moment.replace(microsecond=part * 1000), moments, fractions)


def _numbers(shape: Any) -> Strategy:
    bits = _BITS[shape.type_name]
    low, high = _within(shape, -(1 << bits), (1 << bits) - 1)
    edges = [each for each in (low, high, 0, 1, -1) if low <= each <= high]
    return st.sampled_from(edges) | st.integers(low, high)


def _floats(shape: Any, side: Side) -> Strategy:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    bounded = low is not None or high is not None
    return st.floats(
        float(low) if low is not None else None,
        float(high) if high is not None else None,
        width=32 if shape.type_name == "float" else 64,
        allow_nan=not bounded,
        allow_infinity=not bounded,
    )


def _blobs(shape: Any) -> Strategy:
    least, most = _within(shape, 0, 1 << 20)
    edges = st.sampled_from([b"", b"\0", b"\xff\xfe", bytes(range(256)), b"\r\n", "é".encode(), b"=" * 5])
    return (edges | st.binary(max_size=40)).map(lambda value: value[:most].ljust(least, b"\x80"))


def _header_names() -> Strategy:
    return st.text(_TOKEN, min_size=1, max_size=10)


def _maps(shape: Any, side: Side, depth: int) -> Strategy:
    least, most = _within(shape, int(side.drops_empty_structures), 3)
    if shape.serialization.get("location") == "headers":
        return st.dictionaries(_header_names(), _HEADER_TEXT, min_size=1, max_size=3)
    return st.dictionaries(_text(shape.key, side), values(shape.value, side, depth + 1), min_size=least, max_size=most)


def _lists(shape: Any, side: Side, depth: int) -> Strategy:
    least, most = _within(shape, 1 if side.drops_empty_lists(shape) else 0, 3)
    most = max(least, most)
    if shape.serialization.get("location"):
        member = shape.member
        texts = not member.enum and member.type_name == "string"
        items = _sized(member, _HEADER_TEXT) if texts else values(member, side, depth + 1)
        return st.lists(items, min_size=max(1, least), max_size=most)
    if depth > _DEPTH:
        most = least
    return st.lists(values(shape.member, side, depth + 1), min_size=least, max_size=most)


@cache
def structures(shape: Any, side: Side, depth: int = 0) -> Strategy:
    """A structure: what is required, and some of the rest; of a union one member."""
    members = shape.members
    if getattr(shape, "is_tagged_union", False):
        return st.sampled_from(sorted(members)).flatmap(
            lambda name: st.fixed_dictionaries({name: values(members[name], side, depth + 1)})
        )
    required = [name for name in members if name in shape.required_members]
    optional = [name for name in members if name not in shape.required_members] if depth <= _DEPTH else []
    return _structure(shape, tuple(required), tuple(optional), side, depth)


@st.composite
def _structure(
    draw: st.DrawFn, shape: Any, required: tuple[str, ...], optional: tuple[str, ...], side: Side, depth: int
) -> dict[str, Any]:
    chosen: list[str] = []
    if optional:
        least = int(side.drops_empty_structures and depth > 0 and not required)
        most = len(optional) if depth == 0 else 4
        chosen = draw(st.lists(st.sampled_from(optional), unique=True, min_size=least, max_size=most))
    return {name: draw(values(shape.members[name], side, depth + 1)) for name in (*required, *chosen)}


@cache
def values(shape: Any, side: Side, depth: int = 0) -> Strategy:
    """Values of any shape."""
    kind = shape.type_name
    if kind == "structure":
        return structures(shape, side, depth)
    if kind == "list":
        return _lists(shape, side, depth)
    if kind == "map":
        return _maps(shape, side, depth)
    if kind == "timestamp":
        return _timestamps(shape, side)
    if kind == "blob":
        return _blobs(shape)
    if kind == "boolean":
        return st.booleans()
    if kind in _BITS:
        return _numbers(shape)
    if kind in ("float", "double"):
        return _floats(shape, side)
    return _text(shape, side)


def requests(operation: Any, protocol: str) -> Strategy:
    """Parameters of an operation that a client can send."""
    if operation.input_shape is None:
        return st.just({})
    return structures(operation.input_shape, Side(protocol, request=True)).map(_sendable)


def _sendable(params: dict[str, Any]) -> dict[str, Any]:
    """As generated, but for what botocore itself turns down before anything is sent."""
    if "Bucket" in params:
        params["Bucket"] = "a-bucket.of-ours"
    if "Bucket" in params and "Metadata" in params:
        ascii_only = {name: text.encode("ascii", "ignore").decode() for name, text in params["Metadata"].items()}
        params["Metadata"] = {name: text.strip() for name, text in ascii_only.items()}
    params.pop("ChecksumMode", None)  # botocore would check the made-up checksums of the answer
    params.pop("EndpointId", None)  # a part of a host of AWS
    params.pop("ContentLength", None)  # botocore measures the body
    if "ChecksumAlgorithm" in params:
        params["ChecksumAlgorithm"] = "SHA256"  # others need libraries that are not installed
    return params
