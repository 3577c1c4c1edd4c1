"""Values for a shape of botocore's model: such as it asks for, and such as nobody should send."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from random import Random
from typing import Any

_DEEPEST = 5
STRINGS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\r\nx-amz-injected: 1",
    "\x1b[2J",
    "\ud800",
    "\udfff\ud800",
    "\u202eevil",
    "\U0001f6a2" * 40,
    "\xe4\u0308\u0645\u65e5",
    "A" * 1025,
    "A" * 70_000,
    "\u00e9" * 600,
    "..",
    "../../../../etc/passwd",
    "/",
    "//",
    ".",
    "%00",
    "%2e%2e%2f",
    "%",
    "-",
    "--upload-pack=touch /tmp/x",
    "$(reboot)",
    "'; DROP TABLE state; --",
    "${aws:username}",
    "{{resolve:ssm:x}}",
    "*",
    "arn:aws:",
    "arn:aws:iam::000000000000:role/",
    "arn:aws:s3:::" + "x" * 300,
    "null",
    "true",
    "1",
    "-1",
    "9" * 400,
    "1e400",
    "NaN",
    "[" * 300,
    '{"a":' * 300,
    "<!DOCTYPE x>",
    "]]>",
    "(a+)+$",
    "[",
    "\\",
    "http://127.0.0.1:1/",
    "s3://",
    "2020-13-45T99:99:99Z",
)
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**40, 10**400,
    0.5, -0.0, 1e308, 5e-324, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
TIMES: tuple[Any, ...] = (
    0, -1, 1e18, -1e18, 253402300800, 1.5, "2020-01-01T00:00:00Z", "0000-00-00", "9999-12-31T23:59:59-23:59",
    "Sat, 31 Dec 9999 23:59:59 -2300", "yesterday", "", True,
)  # fmt: skip


class Values:
    """Makes values; `wild` is the share of them that do not fit their shape."""

    def __init__(self, random: Random, hints: dict[str, list[Any]], wild: float) -> None:
        self._random = random
        self._hints = hints
        self._wild = wild

    def structure(self, shape: Any, depth: int = 0) -> dict[str, Any]:
        """Members by their names in the model: the required ones, and some of the others."""
        found: dict[str, Any] = {}
        chance = 0.35 if depth < 2 else 0.15
        for name, member in shape.members.items():
            required = name in shape.required_members
            if required and self._strange(0.15):
                continue
            if required or (depth < _DEEPEST and self._random.random() < chance):
                found[name] = self.value(member, name, depth + 1)
        if self._strange(0.3):
            found[self._random.choice(["extra", "", "__type", "\u00e4", "a" * 5000])] = self.anything()
        return found

    def value(self, shape: Any, name: str = "", depth: int = 0) -> Any:
        """A value, or in its place something wild."""
        if self._strange():
            return self._edge(shape.type_name) if self._random.random() < 0.6 else self.anything()
        kind = shape.type_name
        if kind == "structure":
            if getattr(shape, "is_document_type", False):
                return self.anything()
            return self._one_of(shape, self.structure(shape, depth))
        if kind == "list":
            least = int(shape.metadata.get("min", 0))
            count = 0 if depth > _DEEPEST else max(min(least, 10), self._random.choice([0, 1, 1, 2, 3]))
            return [self.value(shape.member, name, depth + 1) for _ in range(count)]
        if kind == "map":
            count = 0 if depth > _DEEPEST else self._random.choice([0, 1, 2])
            return {self._text(shape.key, name): self.value(shape.value, name, depth + 1) for _ in range(count)}
        return self._scalar(shape, kind, name)

    def _one_of(self, shape: Any, found: dict[str, Any]) -> dict[str, Any]:
        if not getattr(shape, "is_tagged_union", False):
            return found
        if not found:
            name = self._random.choice(list(shape.members))
            return {name: self.value(shape.members[name], name, _DEEPEST)}
        name = self._random.choice(list(found))
        return {name: found[name]}

    def _scalar(self, shape: Any, kind: str, name: str) -> Any:
        if kind == "string":
            return self._text(shape, name)
        if kind == "boolean":
            return self._random.random() < 0.5
        if kind in ("integer", "long", "short", "byte"):
            least = int(shape.metadata.get("min", 0))
            most = int(shape.metadata.get("max", least + 100))
            return self._random.randint(least, max(least, min(most, least + 100)))
        if kind in ("float", "double"):
            return self._random.choice([0.0, 1.5, 100.0])
        if kind == "timestamp":
            return datetime.fromtimestamp(self._random.randint(0, 2_000_000_000), UTC)
        hinted = [each for each in self._hint(name) or () if isinstance(each, bytes)]
        return self._random.choice([*hinted, self._random.randbytes(self._random.choice([0, 1, 20, 300]))])

    def _text(self, shape: Any, name: str) -> str:
        if getattr(shape, "enum", None):
            return str(self._random.choice(shape.enum))
        hinted = self._hint(name)
        if hinted and self._random.random() < 0.85:
            return str(self._random.choice(hinted))
        least = int(shape.metadata.get("min", 1))
        most = int(shape.metadata.get("max", 12))
        length = max(least, min(most, self._random.randint(3, 12)))
        letters = string.ascii_lowercase + string.digits
        return "".join(self._random.choice(letters) for _ in range(min(length, 2000)))

    def _hint(self, name: str) -> list[Any] | None:
        lowered = name.lower()
        if lowered in self._hints:
            return self._hints[lowered]
        for ending in ("rolearn", "arn", "bucket", "policydocument", "repositoryname", "token", "id", "name"):
            if lowered.endswith((ending, f"{ending}s")):
                return self._hints.get(f"*{ending}")
        return None

    def _strange(self, share: float = 1.0) -> bool:
        return self._random.random() < self._wild * share

    def _edge(self, kind: str) -> Any:
        """Of the right type, at its edges."""
        if kind in ("integer", "long", "short", "byte", "float", "double"):
            return self._random.choice(NUMBERS)
        if kind == "timestamp":
            return self._random.choice(TIMES)
        if kind == "list":
            return [self.anything()] * self._random.choice([1, 1, 101])
        if kind == "map":
            return {f"k{number}": "v" for number in range(self._random.choice([0, 60, 300]))}
        if kind == "structure":
            return {}
        if kind == "boolean":
            return self._random.choice(["true", 0, 1, "yes"])
        return self._random.choice(STRINGS)

    def anything(self, depth: int = 0) -> Any:
        """Any JSON value at all."""
        kinds = ["text", "number", "null", "flag", "list", "object", "deep"] if depth < 3 else ["text", "number"]
        kind = self._random.choice(kinds)
        if kind == "text":
            return self._random.choice(STRINGS)
        if kind == "number":
            return self._random.choice(NUMBERS)
        if kind == "list":
            return [self.anything(depth + 1) for _ in range(self._random.randint(0, 3))]
        if kind == "object":
            return {self._random.choice(STRINGS[:30]): self.anything(depth + 1)}
        if kind == "deep":
            return _nested(self._random.choice([10, 40]))
        return None if kind == "null" else self._random.random() < 0.5


def _nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value
