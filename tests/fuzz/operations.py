"""Requests to every operation that botocore knows of boatyard's services, built from the models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any
from urllib.parse import quote

from boatyard.api import models, registry
from boatyard.services import PACKAGES
from tests.fuzz import wire
from tests.fuzz.values import Values
from tests.fuzz.world import World
from tests.signing import Draft

_FORM = "application/x-www-form-urlencoded; charset=utf-8"


@dataclass(frozen=True)
class Choice:
    """An operation of a service."""

    service: str
    operation: str


@cache
def choices() -> tuple[tuple[Choice, ...], tuple[Choice, ...]]:
    """Every operation: those that boatyard does, and those that it refuses."""
    done: list[Choice] = []
    refused: list[Choice] = []
    for service in PACKAGES:
        for operation in models.service_model(service).operation_names:
            (done if registry.find(service, operation) else refused).append(Choice(service, operation))
    return tuple(done), tuple(refused)


@cache
def _protocols(service: str) -> tuple[str, ...]:
    metadata: Any = models.service_model(service).metadata
    return tuple(metadata.get("protocols") or [metadata["protocol"]])


def request(random: Random, world: World, choice: Choice, wild: float) -> tuple[Draft, str]:
    """A request, not yet signed, and its protocol. `wild` is the share of values that do not fit."""
    operation = models.operation_model(choice.service, choice.operation)
    protocol = random.choice(_protocols(choice.service))
    made = Values(random, world.hints, wild)
    shape: Any = operation.input_shape
    value = made.structure(shape) if shape is not None else {}
    if random.random() < wild * 0.2:
        value = made.anything()
    draft = Draft("POST", "/", str(operation.service_model.signing_name), {"host": world.host})
    if protocol == "json":
        _json(draft, operation, shape, value)
    elif protocol == "query":
        _query(draft, operation, shape, value)
    elif protocol == "smithy-rpc-v2-cbor":
        _cbor(draft, operation, shape, value)
    else:
        _rest(draft, operation, shape, value if isinstance(value, dict) else {"extra": value}, random, wild)
    return draft, protocol


def _json(draft: Draft, operation: Any, shape: Any, value: Any) -> None:
    metadata = operation.service_model.metadata
    draft.headers["content-type"] = f"application/x-amz-json-{metadata.get('jsonVersion', '1.1')}"
    draft.headers["x-amz-target"] = f"{metadata['targetPrefix']}.{operation.name}"
    draft.body = wire.json_body(shape, value)


def _query(draft: Draft, operation: Any, shape: Any, value: Any) -> None:
    draft.headers["content-type"] = _FORM
    pairs = [("Action", operation.name), ("Version", operation.service_model.api_version)]
    draft.body = wire.form_body(pairs + wire.form_pairs(shape, value, ""))


def _cbor(draft: Draft, operation: Any, shape: Any, value: Any) -> None:
    draft.headers |= {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    draft.target = f"/service/{operation.service_model.metadata['targetPrefix']}/operation/{operation.name}"
    draft.body = wire.cbor(shape, value)


def _rest(draft: Draft, operation: Any, shape: Any, value: dict[str, Any], random: Random, wild: float) -> None:
    draft.method = operation.http["method"]
    path, _, constant = operation.http["requestUri"].partition("?")
    query = [constant] if constant else []
    members = shape.members if shape is not None else {}
    for name, item in value.items():
        member = members.get(name)
        location = member.serialization.get("location") if member is not None else None
        wire_name = member.serialization.get("name", name) if member is not None else name
        if location == "uri":
            path = _labelled(path, wire_name, item, random, wild)
        elif location == "querystring":
            query += _parameters(wire_name, item)
        elif location == "header":
            draft.headers[wire_name.lower()] = header_text(wire.text_of(item))
        elif location == "headers" and isinstance(item, dict):
            for key, each in item.items():
                draft.headers[f"{wire_name}{_token(key)}".lower()] = header_text(wire.text_of(each))
    for label in ("{Bucket}", "{Key+}"):
        path = path.replace(label, "x")
    draft.target = quote(path, safe="/%-_.~") + (f"?{'&'.join(query)}" if query else "")
    _payload(draft, shape, members, value, str(operation.service_model.metadata["protocol"]))


def _labelled(path: str, name: str, item: Any, random: Random, wild: float) -> str:
    text = wire.text_of(item)
    for label, safe in ((f"{{{name}}}", "-_.~"), (f"{{{name}+}}", "/-_.~")):
        if label in path:
            written = wire.encoded(text, safe)
            if random.random() < wild * 0.3:
                written += random.choice(["%", "%zz", "%c0%af", "%00", "%ff", "/../", "%2f..%2f", "\u00ff"])
            path = path.replace(label, written)
    return path


def _parameters(name: str, item: Any) -> list[str]:
    if isinstance(item, list):
        return [f"{wire.encoded(name)}={wire.encoded(wire.text_of(each))}" for each in item]
    if isinstance(item, dict):
        return [f"{wire.encoded(key)}={wire.encoded(wire.text_of(each))}" for key, each in item.items()]
    return [f"{wire.encoded(name)}={wire.encoded(wire.text_of(item))}"]


def header_text(text: str) -> str:
    """A header's value: its UTF-8 bytes, each a character, without what would end the header."""
    raw = text[:4000].encode("utf-8", "surrogatepass").decode("latin-1")
    return "".join(letter if " " <= letter != "\x7f" else "?" for letter in raw).strip()


def _token(text: str) -> str:
    return "".join(letter for letter in text if letter.isascii() and letter.isalnum())[:100] or "x"


def _payload(draft: Draft, shape: Any, members: Any, value: dict[str, Any], protocol: str) -> None:
    if shape is None:
        return
    payload = shape.serialization.get("payload")
    if payload is not None:
        member, item = members[payload], value.get(payload)
        if member.type_name in ("blob", "string"):
            draft.body = item if isinstance(item, bytes) else wire.text_of(item).encode("utf-8", "surrogatepass")
            return
        if item is not None:
            draft.body = _document(member, member.serialization.get("name", payload), item, protocol)
        return
    if any(not member.serialization.get("location") for member in members.values()):
        draft.body = _document(shape, shape.name, value, protocol)


def _document(shape: Any, name: str, value: Any, protocol: str) -> bytes:
    if protocol == "rest-xml":
        return wire.as_xml(shape, name, value).encode("utf-8", "surrogatepass")
    return wire.json_body(shape, value)
