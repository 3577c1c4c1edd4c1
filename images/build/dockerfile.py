"""Reads of a Dockerfile what a build must know beforehand: which images it starts from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_DIRECTIVE = re.compile(r"#\s*([a-z]+)\s*=\s*(\S+)\s*$", re.IGNORECASE)
_VARIABLE = re.compile(r"\\?\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^}]*))?\})")
_FROM_OPTION = re.compile(r"--from=(\S+)")


class Instruction(NamedTuple):
    """One instruction with its continuation lines: the keyword in capitals, the rest, the line after its last."""

    keyword: str
    rest: str
    end: int


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile, without comments and empty lines."""
    lines = text.splitlines()
    escape = _escape(lines)
    found: list[Instruction] = []
    joined = ""
    for number, line in enumerate(lines):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped.endswith(escape):
            joined += stripped[:-1] + " "
            continue
        whole = (joined + stripped).strip()
        joined = ""
        keyword, _, rest = whole.partition(" ")
        found.append(Instruction(keyword.upper(), rest.strip(), number + 1))
    return found


def _escape(lines: Iterable[str]) -> str:
    for line in lines:
        directive = _DIRECTIVE.match(line.strip())
        if directive is None:
            break
        if directive[1].lower() == "escape":
            return directive[2]
    return "\\"


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with $NAME, ${NAME}, ${NAME:-default} and ${NAME:+other} put in."""

    def value(match: re.Match[str]) -> str:
        if match[0].startswith("\\"):
            return match[0][1:]
        known = values.get(match[1] or match[2], "")
        operator, word = match[3] or "", match[4] or ""
        if operator.endswith("-"):
            return known or word
        if operator.endswith("+"):
            return word if known else ""
        return known

    return _VARIABLE.sub(value, text)


def images(text: str, build_arguments: Mapping[str, str]) -> list[str]:
    """The images that a build starts from or copies out of, in order, without its own stages and scratch."""
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    found: dict[str, None] = {}
    count = 0
    for instruction in instructions(text):
        if instruction.keyword == "ARG" and count == 0:
            for name, default in (part.partition("=")[::2] for part in instruction.rest.split()):
                arguments[name] = build_arguments.get(name, expand(default.strip("\"'"), arguments))
        elif instruction.keyword == "FROM":
            words = [word for word in instruction.rest.split() if not word.startswith("--")]
            if not words:
                continue
            image = expand(words[0].strip("\"'"), arguments)
            if image.lower() not in stages | {"scratch", ""}:
                found[image] = None
            stages.add(str(count))
            count += 1
            if len(words) >= 3 and words[1].upper() == "AS":
                stages.add(words[2].lower())
        elif instruction.keyword == "COPY":
            source = _FROM_OPTION.search(instruction.rest)
            if source and source[1].lower() not in stages and not source[1].isdigit():
                found[source[1]] = None
    return list(found)


def with_arguments(text: str, names: Iterable[str]) -> str:
    """The Dockerfile with ARG lines for these names behind every FROM: known while building, not in the image."""
    declared = "".join(f"ARG {name}\n" for name in names)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    for instruction in reversed([one for one in instructions(text) if one.keyword == "FROM"]):
        lines.insert(instruction.end, declared)
    return "".join(lines)


def normalise(image: str) -> str:
    """An image's full name: registry, library/ where Docker Hub has it, and a tag or digest."""
    name, at, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    if not slash or ("." not in first and ":" not in first and first != "localhost"):
        first, rest = "docker.io", name if slash else f"library/{name}"
    if at:
        return f"{first}/{rest.partition(':')[0]}@{digest}"
    return f"{first}/{rest}" if ":" in rest.rpartition("/")[2] else f"{first}/{rest}:latest"
