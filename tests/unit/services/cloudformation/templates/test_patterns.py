"""AllowedPatterns are Java's regular expressions."""

from __future__ import annotations

import pytest

from boatyard.api.errors import ApiError
from boatyard.services.cloudformation.templates.patterns import matches


@pytest.mark.parametrize(
    ("pattern", "value", "wanted"),
    [
        ("[a-z]+", "abc", True),
        ("[a-z]+", "abc1", False),
        (r"\p{Alpha}[\p{Digit}_]*", "a12_3", True),
        (r"\p{Alpha}+", "é", False),
        (r"\p{L}+", "é", True),
        (r"\d+", "٣", False),
        (r"[\w&&[^_]]+", "ab1", True),
        (r"[\w&&[^_]]+", "a_b", False),
        (r"\Qa.b\E\z", "a.b", True),
        (r"\Qa.b\E", "axb", False),
        (r"(?<year>\d{4})-\k<year>", "2019-2019", True),
        (r"a++b", "aab", True),
        (r"\x{61}\h\x41", "a A", True),
        (r"[--/]+", "-./", True),
        ("^([a-z]|(d(?!d{0,2}.d{1,3})))([a-zd]|(.(?!(.|-)))|(-(?!.))){1,61}[a-zd.]$", "yourinitials", True),
    ],
)
def test_java_expressions_match_whole_values(pattern: str, value: str, wanted: bool) -> None:
    assert matches("P", pattern, value) is wanted


def test_what_is_no_expression_is_refused() -> None:
    with pytest.raises(ApiError, match="AllowedPattern of parameter 'P' is not a valid regular expression"):
        matches("P", "[a-", "a")
