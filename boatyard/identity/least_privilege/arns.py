"""Resource ARNs compared: whether a policy's resource covers one that was used, and how much it leaves open."""

from __future__ import annotations

import re

from boatyard.identity.patterns import arn_matches
from boatyard.identity.records import Use

_UNTYPED = ("sns", "codecommit", "codepipeline")
"""Services whose ARNs have the resource's name alone behind the account (but for a few rarer kinds)."""
_VARIABLE = re.compile(r"\$\{[^}]*\}")


def fields(arn: str) -> tuple[str, str] | None:
    """The service of an ARN and what stands behind its account; None for what is no whole ARN."""
    parts = arn.split(":", 5)
    return (parts[2], parts[5]) if len(parts) == 6 else None


def covers(pattern: str, use: Use) -> bool:
    """Whether a policy's resource is or includes one that was used, in any of its spellings.

    Policy variables stand for any text. Of many resources that are told as one (`prefix/*`) one suffices.
    """
    pattern = _VARIABLE.sub("*", pattern)
    if any(arn_matches(pattern, each) for each in (use.resource, *use.spellings)):
        return True
    return use.resource.endswith("*") and fields(use.resource) is not None and arn_matches(use.resource, pattern)


def shape(arn: str) -> tuple[str, str]:
    """What kind of thing an ARN names, as far as one action is about one kind: a bucket or an object, a role, a key."""
    found = fields(arn)
    if found is None:
        return "*", ""
    service, rest = found
    if service == "s3":
        return service, "object" if "/" in rest else "bucket"
    if service == "logs":
        group = rest.endswith(":log-stream:") or ":" not in rest.removeprefix("log-group:")
        return service, "log-group" if group else "log-stream"
    if service in _UNTYPED:
        return service, str(rest.count("/"))
    return service, re.split("[:/]", rest, maxsplit=1)[0]


def unbounded(arn: str) -> bool:
    """Whether a resource names nothing of its kind: `*`, `arn:aws:s3:::*`, `.../role/*`."""
    found = fields(arn)
    if found is None:
        return arn.strip("*") == ""
    service, rest = found
    if service == "s3" or service in _UNTYPED:
        return rest.strip("*/") == ""
    _, _, name = re.split("([:/])", rest, maxsplit=1) if re.search("[:/]", rest) else ("", "", rest)
    return name.strip("*/:") == ""
