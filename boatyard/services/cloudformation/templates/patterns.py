"""AllowedPattern: a Java regular expression that must match the whole of a parameter's value."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from boatyard.services.cloudformation.templates.errors import invalid

if TYPE_CHECKING:
    import regex

SECONDS_ALLOWED = 2.0
_REFERENCE = re.compile(r"<(\w+)>")

# Java's names of character properties that the regex module spells another way.
_PROPERTIES = {
    "javaLowerCase": "Ll",
    "javaUpperCase": "Lu",
    "javaWhitespace": "White_Space",
    "javaMirrored": "Bidi_Mirrored",
    "IsAlphabetic": "Alphabetic",
    "IsLetter": "L",
    "IsDigit": "Nd",
    "IsPunctuation": "P",
    "IsWhite_Space": "White_Space",
    "IsUppercase": "Uppercase",
    "IsLowercase": "Lowercase",
}
# With Java's default flags the POSIX names are of US-ASCII only.
_ASCII_CLASSES = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7F",
    "Alpha": "A-Za-z",
    "Digit": "0-9",
    "Alnum": "A-Za-z0-9",
    "Punct": r"!-\/:-@\[-`\{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r"\x20\t",
    "Cntrl": r"\x00-\x1F\x7F",
    "XDigit": "0-9A-Fa-f",
    "Space": r"\x20\t\n\x0B\f\r",
}
_ESCAPES = {
    "e": r"\x1B",
    "z": r"\Z",
    "Z": r"(?=\r?\n?\Z)",
    "h": r"[\x20\t\xA0]",
    "H": r"[^\x20\t\xA0]",
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[A-Za-z0-9_]",
    "W": "[^A-Za-z0-9_]",
    "s": r"[\x20\t\n\x0B\f\r]",
    "S": r"[^\x20\t\n\x0B\f\r]",
}


def translate(pattern: str) -> str:
    """The same expression for Python's `regex` module (version 1 behaviour), after Java's `java.util.regex.Pattern`.

    The dialects agree on nearly everything, nested sets and `&&` included; quotations (`\\Q..\\E`), POSIX classes,
    `\\z`, `\\Z`, `\\h`, `\\x{..}` and control escapes are spelled anew.
    """
    result: list[str] = []
    position, depth = 0, 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            text, position = _escape(pattern, position + 1, depth > 0)
            result.append(text)
            continue
        if character == "[":
            depth += 1
        elif character == "]" and depth:
            depth -= 1
        elif depth and pattern.startswith(("~~", "||", "--"), position):
            # Set operators of the regex module; ordinary characters in Java.
            result.append("\\" + character)
            position += 1
            continue
        result.append(character)
        position += 1
    return "".join(result)


def _escape(pattern: str, position: int, in_set: bool) -> tuple[str, int]:
    """What stands for the escape whose letter is at `position`, and where to go on reading."""
    if position >= len(pattern):
        return "\\\\", position
    letter = pattern[position]
    if letter == "Q":
        end = pattern.find("\\E", position)
        quoted = pattern[position + 1 : end if end >= 0 else len(pattern)]
        return re.escape(quoted), (end + 2 if end >= 0 else len(pattern))
    if letter in "pP":
        return _property(pattern, position)
    if letter == "k" and (name := _REFERENCE.match(pattern, position + 1)):
        return f"(?P={name[1]})", name.end()
    if letter == "x" and pattern[position + 1 : position + 2] == "{":
        end = pattern.find("}", position)
        return rf"\U{int(pattern[position + 2 : end], 16):08x}", end + 1
    if letter == "c" and position + 1 < len(pattern):
        return rf"\x{ord(pattern[position + 1]) ^ 64:02x}", position + 2
    if letter in _ESCAPES and not (in_set and letter in "zZ"):
        return _ESCAPES[letter], position + 1
    return "\\" + letter, position + 1


def _property(pattern: str, position: int) -> tuple[str, int]:
    negated = pattern[position] == "P"
    if pattern[position + 1 : position + 2] == "{":
        end = pattern.find("}", position)
        name, following = pattern[position + 2 : end], end + 1
    else:
        name, following = pattern[position + 1 : position + 2], position + 2
    if name in _ASCII_CLASSES:
        return f"[{'^' if negated else ''}{_ASCII_CLASSES[name]}]", following
    name = _PROPERTIES.get(name, name)
    name = f"InBlock:{name[2:]}" if name.startswith("In") else name.removeprefix("Is")
    return rf"\{'P' if negated else 'p'}{{{name}}}", following


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> regex.Pattern[str]:
    # Imported when the first pattern comes: it takes longer than everything else that a server loads at its start.
    import regex

    return regex.compile(translate(pattern), regex.VERSION1)


def check_pattern(name: str, pattern: str) -> None:
    """Raise ApiError ValidationError when `pattern`, the AllowedPattern of parameter `name`, is no expression."""
    import regex

    try:
        _compiled(pattern)
    except (regex.error, ValueError) as error:
        raise invalid(
            f"Template format error: AllowedPattern of parameter '{name}' is not a valid regular expression: {error}"
        ) from error


def matches(name: str, pattern: str, value: str) -> bool:
    """Whether the whole `value` matches; an expression that runs for more than two seconds is an ApiError."""
    check_pattern(name, pattern)
    try:
        return _compiled(pattern).fullmatch(value, timeout=SECONDS_ALLOWED) is not None
    except TimeoutError as error:
        raise invalid(
            f"AllowedPattern of parameter '{name}' took more than {SECONDS_ALLOWED:.0f} seconds to match; simplify it"
        ) from error
