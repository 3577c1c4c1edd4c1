"""What a target gets: the event, a part of it, a constant, or a template filled from it."""

from __future__ import annotations

import json
import re
from typing import Any

from boatyard.api.errors import ApiError
from boatyard.api.timestamps import iso, now

_STEP = re.compile(r"\.([A-Za-z0-9_\-]+)|\[(\d+|\*)\]|\['([^']+)'\]")
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")
_RESERVED = "aws.events."


def check_path(path: str) -> None:
    """ValidationException unless the text is a JSON path that EventBridge knows."""
    if not path.startswith("$") or "".join(found.group(0) for found in _STEP.finditer(path)) != path[1:]:
        raise ApiError("ValidationException", f"Invalid InputPath: {path}")


def at_path(event: Any, path: str) -> Any:
    """The value at a JSON path of the event, None where there is none."""
    value = event
    for step in _STEP.finditer(path):
        name, index = step.group(1) or step.group(3), step.group(2)
        if name is not None:
            value = value.get(name) if isinstance(value, dict) else None
        elif index == "*":
            value = value if isinstance(value, list) else None
        else:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
        if value is None:
            return None
    return value


def of_target(target: dict[str, Any], event: dict[str, Any], rule_name: str, rule_arn: str) -> str:
    """The text that a target gets for an event.

    Follows the EventBridge user guide, "Amazon EventBridge input transformation".
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(at_path(event, target["InputPath"]))
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        values = {name: at_path(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
        values |= {
            "aws.events.rule-arn": rule_arn,
            "aws.events.rule-name": rule_name,
            "aws.events.event.ingestion-time": iso(now()),
            "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
            "aws.events.event.json": event,
        }
        return fill(transformer["InputTemplate"], values)
    return json.dumps(event)


def fill(template: str, values: dict[str, Any]) -> str:
    """A template with its placeholders replaced: as JSON outside of quotes, as text inside them."""
    filled, place, quoted = [], 0, False
    for found in _PLACEHOLDER.finditer(template):
        between = template[place : found.start()]
        quoted ^= len(re.findall(r'(?<!\\)"', between)) % 2 == 1
        filled.append(between)
        name = found.group(1)
        filled.append(_inserted(values[name], quoted) if name in values else found.group(0))
        place = found.end()
    return "".join(filled) + template[place:]


def _inserted(value: Any, quoted: bool) -> str:
    if not quoted:
        return json.dumps("" if value is None else value)
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text)[1:-1] if isinstance(value, str) else text.replace("\\", "\\\\").replace('"', '\\"')


def check_transformer(target_id: str, transformer: dict[str, Any]) -> None:
    """ValidationException for paths that are none, or placeholders that no path defines."""
    paths = transformer.get("InputPathsMap", {})
    for name, path in paths.items():
        check_path(path)
        if name.startswith("AWS"):
            raise ApiError("ValidationException", f"InputPathsMap of target {target_id}: keys must not start with AWS")
    for name in _PLACEHOLDER.findall(transformer["InputTemplate"]):
        if name not in paths and not name.startswith(_RESERVED):
            raise ApiError(
                "ValidationException",
                f"InputTemplate for target {target_id} contains invalid placeholder {name}.",
            )
