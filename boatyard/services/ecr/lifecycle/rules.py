"""Lifecycle policies: reading one, and which images it expires."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from boatyard.api import json_text
from boatyard.services.ecr.records import Image

STATUSES = ("tagged", "untagged", "any")
COUNT_TYPES = ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled")


class BadPolicy(Exception):
    """A policy that cannot be taken; the text says why."""


@dataclass(frozen=True)
class Rule:
    """One rule; `count` is a number of images, or of days."""

    priority: int
    status: str
    prefixes: tuple[str, ...]
    patterns: tuple[str, ...]
    count_type: str
    count: int

    def selects(self, names: Sequence[str]) -> bool:
        """Whether the rule is about an image with these tags."""
        if self.status == "untagged":
            return not names
        if self.status == "any":
            return True
        if self.prefixes:
            return all(any(name.startswith(prefix) for name in names) for prefix in self.prefixes)
        if self.patterns:
            return all(any(_matches(pattern, name) for name in names) for pattern in self.patterns)
        return False


@dataclass(frozen=True)
class Expiry:
    """An image that a rule expires."""

    image: Image
    names: tuple[str, ...]
    priority: int


def read(text: str) -> list[Rule]:
    """The rules by priority (Amazon ECR User Guide: "Lifecycle policy properties"); BadPolicy."""
    try:
        document = json_text.read(text)
    except (ValueError, RecursionError) as error:
        raise BadPolicy(f"it is not JSON: {error}") from error
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list) or not rules:
        raise BadPolicy("it must have a list of rules")
    read_rules = [_rule(rule) for rule in rules]
    if len({rule.priority for rule in read_rules}) != len(read_rules):
        raise BadPolicy("rulePriority must be different in each rule")
    return sorted(read_rules, key=lambda rule: rule.priority)


def expired(rules: Sequence[Rule], images: Sequence[tuple[Image, list[str]]], moment: datetime) -> list[Expiry]:
    """The images that the rules expire; an image belongs to the first rule that selects it."""
    left = sorted(images, key=lambda pair: pair[0].pushed, reverse=True)
    result = []
    for rule in rules:
        chosen = [pair for pair in left if rule.selects(pair[1])]
        taken = {pair[0].digest for pair in chosen}
        left = [pair for pair in left if pair[0].digest not in taken]
        old = _old(rule, moment)
        expiring = chosen[rule.count :] if rule.count_type == "imageCountMoreThan" else [p for p in chosen if old(p[0])]
        result += [Expiry(image, tuple(names), rule.priority) for image, names in expiring]
    return result


def _old(rule: Rule, moment: datetime) -> Callable[[Image], bool]:
    limit = moment - timedelta(days=rule.count)
    if rule.count_type == "sinceImagePulled":
        return lambda image: (image.pulled or image.pushed) < limit
    return lambda image: image.pushed < limit


def _rule(rule: Any) -> Rule:
    if not isinstance(rule, dict) or not isinstance(rule.get("selection"), dict):
        raise BadPolicy("each rule must be an object with a selection")
    action = rule.get("action")
    if action != {"type": "expire"}:
        raise BadPolicy("action.type must be expire: no other action is done here")
    selection = rule["selection"]
    status, kind = selection.get("tagStatus"), selection.get("countType")
    priority, count = rule.get("rulePriority"), selection.get("countNumber")
    if not isinstance(priority, int) or not isinstance(count, int) or priority < 1 or count < 1:
        raise BadPolicy("rulePriority and countNumber must be whole numbers above 0")
    if status not in STATUSES or kind not in COUNT_TYPES:
        raise BadPolicy(f"tagStatus must be one of {', '.join(STATUSES)}, countType one of {', '.join(COUNT_TYPES)}")
    if (kind != "imageCountMoreThan") != (selection.get("countUnit") == "days"):
        raise BadPolicy("countUnit must be days where countType counts time, and must not be given otherwise")
    prefixes, patterns = selection.get("tagPrefixList") or [], selection.get("tagPatternList") or []
    if (status == "tagged") != bool(prefixes or patterns) or (prefixes and patterns):
        raise BadPolicy("tagPrefixList or tagPatternList must be given where tagStatus is tagged, and only there")
    if not all(isinstance(one, str) and one for one in (*prefixes, *patterns)):
        raise BadPolicy("tagPrefixList and tagPatternList must be lists of strings")
    return Rule(priority, status, tuple(prefixes), tuple(patterns), kind, count)


def _matches(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), name) is not None
