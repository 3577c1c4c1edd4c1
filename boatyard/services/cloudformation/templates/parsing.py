"""Template text, JSON or YAML with CloudFormation's short-form tags, becomes plain dictionaries, lists and scalars."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable
from typing import Any

import yaml

from boatyard.services.cloudformation.templates.errors import invalid

MAXIMUM_BODY_BYTES = 51_200
MAXIMUM_STORED_BYTES = 1_048_576
MAXIMUM_DEPTH = 100

_BARE_NAMES = frozenset({"Ref", "Condition"})


class _TemplateLoader(yaml.SafeLoader):
    """YAML 1.1 as CloudFormation reads it: dates stay text, aliases and duplicate keys are refused."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise invalid("Template error: YAML aliases are not allowed in CloudFormation templates")
        return super().compose_node(parent, index)


_TemplateLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _UNRESOLVED]
    for _UNRESOLVED in [frozenset({"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge"})]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _construct_mapping(loader: _TemplateLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise invalid(f"Template format error: a key must be a scalar. {_position(key_node.start_mark)}")
        key = _key_text(key)
        if key in mapping:
            raise invalid(f"Template format error: duplicate key '{key}'. {_position(key_node.start_mark)}")
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


def _key_text(key: Hashable) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def _construct_short_form(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in _BARE_NAMES else f"Fn::{suffix}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "Fn::GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = _construct_mapping(loader, node)
    return {name: value}


def _construct_integer(loader: _TemplateLoader, node: yaml.ScalarNode) -> int | str:
    # An account id such as 000000000000 is meant as text; YAML 1.1 would read it as an octal number.
    text = str(loader.construct_scalar(node))
    if re.fullmatch(r"[+-]?(0|[1-9][0-9]*)", text):
        return int(text)
    return text


def _construct_float(loader: _TemplateLoader, node: yaml.ScalarNode) -> float | str:
    # JSON knows neither infinity nor sexagesimal numbers; such words are meant as text.
    text = str(loader.construct_scalar(node))
    if re.fullmatch(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][+-]?[0-9]+)?", text) and math.isfinite(float(text)):
        return float(text)
    return text


def _refuse_tag(_loader: _TemplateLoader, node: yaml.Node) -> Any:
    raise invalid(f"Template format error: the YAML tag {node.tag} is not supported. {_position(node.start_mark)}")


for _unsupported in ("binary", "omap", "pairs", "set", "timestamp"):
    _TemplateLoader.add_constructor(f"tag:yaml.org,2002:{_unsupported}", _refuse_tag)
_TemplateLoader.add_constructor("tag:yaml.org,2002:float", _construct_float)
_TemplateLoader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
_TemplateLoader.add_constructor("tag:yaml.org,2002:int", _construct_integer)
_TemplateLoader.add_multi_constructor("!", _construct_short_form)


def _position(mark: yaml.Mark | None) -> str:
    return f"(line {mark.line + 1}, column {mark.column + 1})" if mark else ""


def parse(text: str) -> dict[str, Any]:
    """The template in `text` as a dictionary with long-form functions.

    Follows "CloudFormation template formats" in the CloudFormation user guide. Raises ApiError ValidationError that
    names line and column where the text is not well-formed.
    """
    if not text.strip():
        raise invalid("Template format error: template is empty")
    try:
        document = _parse_json(text) if text.lstrip("\ufeff \t\r\n").startswith("{") else _parse_yaml(text)
        _check_depth(document)
    except RecursionError as error:
        raise invalid(f"Template format error: nested deeper than {MAXIMUM_DEPTH} levels") from error
    if not isinstance(document, dict):
        raise invalid("Template format error: unsupported structure.")
    return document


def _parse_yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_TemplateLoader)  # noqa: S506 - a SafeLoader, with fewer types than that
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = f" {error.problem}" if error.problem else ""
        raise invalid(f"Template format error: YAML not well-formed. {_position(mark)}{detail}") from error
    except yaml.YAMLError as error:
        raise invalid(f"Template format error: YAML not well-formed. {error}") from error


def _parse_json(text: str) -> Any:
    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in pairs:
            if key in result:
                raise invalid(f"Template format error: duplicate key '{key}'.")
            result[key] = value
        return result

    try:
        return json.loads(text.lstrip("\ufeff"), object_pairs_hook=mapping, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"(line {error.lineno}, column {error.colno})"
        raise invalid(f"Template format error: JSON not well-formed. {place} {error.msg}") from error


def _refuse_constant(name: str) -> Any:
    raise invalid(f"Template format error: JSON not well-formed. {name} is not a JSON value")


def _check_depth(value: Any, depth: int = 0) -> None:
    if depth > MAXIMUM_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        for member in value.values():
            _check_depth(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            _check_depth(member, depth + 1)
