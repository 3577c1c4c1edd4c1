"""Secrets are compared in constant time: nowhere in boatyard is one compared with == or looked for with `in`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import boatyard

_SOURCE = Path(boatyard.__file__).parent
_SECRET = re.compile(r"signature|password|secret|token|hmac", re.IGNORECASE)
_NO_SECRETS = re.compile(r"next_?token|client_token|call\.token", re.IGNORECASE)
"""Where a list goes on, and what makes a repeated request harmless: they authenticate nobody."""
_KNOWN = {
    # The name of a module or a constant, a word of a pattern, whether there is a restriction at all.
    ("gateway/authentication.py", "declared == signature.UNSIGNED_PAYLOAD"),
    ("services/ecr/http.py", "(token.resource is not None) != bool(limited)"),
    ("services/ecr/http.py", "username != tokens.USER"),
    ("services/logs/patterns.py", "self._tokens[self._at][1].upper() == value"),
    # What a password that was opened and found genuine says of itself.
    ("services/ecr/http.py", "token.resource != exchange.path"),
    # Such tokens again.
    ("services/codebuild/builds/log.py", "following == token"),
    ("services/codebuild/builds/operations.py", "build.token == token"),
    ("services/codepipeline/executions.py", "execution.request_token == token"),
    ("services/codepipeline/listeners.py", "execution.request_token == token"),
}


def _named(node: ast.expr) -> str:
    """What a side of a comparison is called: its variables, attributes and subscripts."""
    names = []
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            names.append(part.id)
        elif isinstance(part, ast.Attribute):
            names.append(part.attr)
        elif isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Constant):
            names.append(str(part.slice.value))
    return " ".join(names)


def _known_to_all(side: ast.expr) -> bool:
    """Whether a side is a constant or a length."""
    return isinstance(side, ast.Constant) or (isinstance(side, ast.Call) and ast.unparse(side.func) == "len")


def _compared(tree: ast.Module) -> Iterator[str]:
    """Comparisons of two things of which one is named like a secret; what is compared with a constant is no secret."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if not isinstance(operator, ast.Eq | ast.NotEq):
                continue
            if _known_to_all(left) or _known_to_all(right):
                continue
            named = f"{_named(left)} {_named(right)}"
            if _SECRET.search(named) and not _NO_SECRETS.search(ast.unparse(node)):
                yield ast.unparse(node)


def test_no_secret_is_compared_but_in_constant_time() -> None:
    found = {
        (str(path.relative_to(_SOURCE)), text)
        for path in _SOURCE.rglob("*.py")
        for text in _compared(ast.parse(path.read_text()))
    }
    assert found - _KNOWN == set(), "use hmac.compare_digest, or say in _KNOWN why it is no secret"
    assert _KNOWN - found == set(), "these are gone: take them out"
