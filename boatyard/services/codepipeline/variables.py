"""Pipeline variables: `#{namespace.key}` references in action configurations, found and replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

REFERENCE = re.compile(r"#\{([^{}]*)\}")
_FORM = re.compile(r"[A-Za-z0-9@\-_]+\.[A-Za-z0-9@\-_]+")
RESERVED = ("codepipeline", "variables")


def references(text: str) -> Iterator[tuple[str, str, str]]:
    """Every reference of a configuration value: its text, namespace and key (both empty if ill-formed).

    Follows CodePipeline's user guide, "Variables": a reference is `#{namespace.key}`.
    """
    for found in REFERENCE.finditer(text):
        inner = found.group(1).strip()
        if _FORM.fullmatch(inner):
            namespace, _, key = inner.partition(".")
            yield found.group(0), namespace, key
        else:
            yield found.group(0), "", ""


def resolve(text: str, namespaces: Mapping[str, Mapping[str, str]]) -> str:
    """The value with every reference replaced; raises KeyError with the text of one that cannot be."""

    def value_of(found: re.Match[str]) -> str:
        namespace, _, key = found.group(1).strip().partition(".")
        try:
            return namespaces[namespace][key]
        except KeyError:
            raise KeyError(found.group(0)) from None

    return REFERENCE.sub(value_of, text)
