"""Filter patterns: terms and JSON properties (AWS: "Filter pattern syntax for metric filters...")."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Any

from boatyard.api import json_text
from boatyard.api.errors import ApiError
from boatyard.api.expressions import Expression, InvalidExpression, TooSlow

# For one request, over all the messages that it searches.
SEARCH_SECONDS = 2.0
# Parentheses within parentheses: each costs a few calls on Python's stack.
DEEPEST = 50
Matcher = Callable[[str], bool]
TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|([^\s"]+))')
TOKEN = re.compile(
    r"\s*(?:(?P<punctuation>&&|\|\||\(|\))"
    r"|(?P<selector>\$(?:\.[\w\-]+|\[\d+\]|\['[^']+'\])+)"
    r"|(?P<operator>!=|<=|>=|=|<|>)"
    r'|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<word>[^\s()&|=<>!]+))"
)


def compile_pattern(pattern: str) -> Matcher:
    """What decides whether a message matches; InvalidParameterException for what cannot be understood."""
    pattern = pattern.strip()
    if not pattern:
        return lambda message: True
    if pattern.startswith("{"):
        if not pattern.endswith("}"):
            raise _invalid(pattern)
        condition = _Json(pattern[1:-1]).parse()
        return lambda message: _matches_json(condition, message)
    if pattern.startswith("["):
        raise ApiError(
            "InvalidParameterException",
            "boatyard does not understand space-delimited filter patterns ([a, b]); use terms or JSON properties.",
            status=400,
        )
    return _terms(pattern)


def _invalid(pattern: str) -> ApiError:
    return ApiError("InvalidParameterException", f"Invalid filter pattern: {pattern[:200]}", status=400)


def _terms(pattern: str) -> Matcher:
    needed: list[Matcher] = []
    optional: list[Matcher] = []
    excluded: list[Matcher] = []
    position = 0
    while position < len(pattern):
        found = TERM.match(pattern, position)
        if found is None:
            if pattern[position:].strip():
                raise _invalid(pattern)
            break
        sign, quoted, expression, word = found.groups()
        {"": needed, "?": optional, "-": excluded}[sign].append(_term(quoted, expression, word, pattern))
        position = found.end()

    def matches(message: str) -> bool:
        try:
            if any(term(message) for term in excluded):
                return False
            if optional and not needed:
                return any(term(message) for term in optional)
            return all(term(message) for term in needed)
        except TooSlow:
            text = f"The regular expression in the filter pattern takes too long; simplify it: {pattern[:200]}"
            raise ApiError("InvalidParameterException", text, status=400) from None

    return matches


def _term(quoted: str | None, expression: str | None, word: str | None, pattern: str) -> Matcher:
    if expression is not None:
        try:
            return Expression(expression, SEARCH_SECONDS).found_in
        except InvalidExpression:
            raise _invalid(pattern) from None
    text = quoted.replace('\\"', '"') if quoted is not None else word or ""
    return lambda message: text in message


def _matches_json(condition: Callable[[Any], bool], message: str) -> bool:
    start = message.find("{")
    if start < 0:
        return False
    try:
        document = json_text.read(message[start:])
    except ValueError:
        return False
    return condition(document)


class _Json:
    """Parses `$.a = "b" && ($.c > 3 || $.d IS NULL)`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text):
            found = TOKEN.match(text, position)
            if found is None:
                if text[position:].strip():
                    raise _invalid(text)
                break
            self._tokens.append((str(found.lastgroup), str(found.group(found.lastgroup or 0))))
            position = found.end()
        self._at = 0
        self._depth = 0

    def parse(self) -> Callable[[Any], bool]:
        condition = self._either()
        if self._at != len(self._tokens):
            raise _invalid(self._text)
        return condition

    def _next(self, kind: str | None = None, value: str | None = None) -> str:
        if self._at >= len(self._tokens):
            raise _invalid(self._text)
        found_kind, found = self._tokens[self._at]
        if (kind and found_kind != kind) or (value and found != value):
            raise _invalid(self._text)
        self._at += 1
        return found

    def _peek(self, value: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][1].upper() == value

    def _either(self) -> Callable[[Any], bool]:
        conditions = [self._both()]
        while self._peek("||"):
            self._next()
            conditions.append(self._both())
        return lambda document: any(each(document) for each in conditions)

    def _both(self) -> Callable[[Any], bool]:
        conditions = [self._comparison()]
        while self._peek("&&"):
            self._next()
            conditions.append(self._comparison())
        return lambda document: all(each(document) for each in conditions)

    def _comparison(self) -> Callable[[Any], bool]:
        if self._peek("("):
            self._next()
            self._depth += 1
            if self._depth > DEEPEST:
                raise _invalid(self._text)
            condition = self._either()
            self._depth -= 1
            self._next("punctuation", ")")
            return condition
        selector = self._next("selector")
        if self._peek("NOT"):
            self._next()
            if self._next("word").upper() != "EXISTS":
                raise _invalid(self._text)
            return lambda document: not _select(document, selector)
        if self._peek("IS"):
            self._next()
            wanted = {"TRUE": True, "FALSE": False, "NULL": None}.get(self._next("word").upper(), ...)
            if wanted is ...:
                raise _invalid(self._text)
            return lambda document: any(value is wanted for value in _select(document, selector))
        operator = self._next("operator")
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        if kind not in ("text", "word"):
            raise _invalid(self._text)
        self._at += 1
        literal = text[1:-1] if kind == "text" else text
        return lambda document: any(_compare(value, operator, literal) for value in _select(document, selector))


def _select(document: Any, selector: str) -> list[Any]:
    values = [document]
    for name, index, quoted in re.findall(r"\.([\w\-]+)|\[(\d+)\]|\['([^']+)'\]", selector):
        found: list[Any] = []
        for value in values:
            if index and isinstance(value, list) and int(index) < len(value):
                found.append(value[int(index)])
            elif not index and isinstance(value, dict) and (name or quoted) in value:
                found.append(value[name or quoted])
        values = found
    return values


def _compare(value: Any, operator: str, literal: str) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(literal)
        except ValueError:
            return operator == "!="
        return {
            "=": value == number,
            "!=": value != number,
            "<": value < number,
            ">": value > number,
            "<=": value <= number,
            ">=": value >= number,
        }[operator]
    if operator not in ("=", "!="):
        return False
    equal = fnmatch.fnmatchcase(str(value), literal.replace("[", "[[]").replace("?", "[?]"))
    return equal == (operator == "=")
