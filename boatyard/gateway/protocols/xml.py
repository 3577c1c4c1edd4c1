"""XML each way after a shape: used by the query and rest-xml protocols."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from boatyard.gateway.protocols import values
from boatyard.gateway.protocols.values import Malformed

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def text(value: str) -> str:
    """Text for XML; control characters become numeric references, as S3 writes them."""
    return _CONTROL.sub(lambda found: f"&#x{ord(found.group()):x};", escape(value))


def readable(value: str) -> str:
    """Text that every XML parser takes: a message may quote what XML 1.0 cannot hold."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", value)


def _replaced(value: str) -> str:
    return text(readable(value))


def _attribute(value: str) -> str:
    return text(value).replace('"', "&quot;")


def decode(body: bytes) -> ET.Element:
    """The root element of a document; document type declarations are refused, so no entity is ever expanded."""
    try:
        # As text: no other encoding counts, whatever the declaration says, so that a DTD cannot hide in one.
        document = body.decode("utf-8-sig")
        if "<!DOCTYPE" in document or "<!ENTITY" in document:
            raise ValueError("a document type declaration")
        return ET.fromstring(document)  # noqa: S314 - without a DTD there are no entities to expand
    except (ET.ParseError, ValueError, LookupError):
        raise Malformed(
            "The XML you provided was not well-formed or did not validate against our published schema"
        ) from None


def local_name(element: ET.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rsplit("}", 1)[-1]


def parse(shape: Any, nodes: list[ET.Element], timestamp_style: str) -> Any:
    """The value that these elements (more than one only for a flattened list or map) hold."""
    kind = shape.type_name
    if kind == "structure":
        return parse_structure(shape, nodes[0], timestamp_style)
    if kind == "list":
        items = nodes if shape.serialization.get("flattened") else list(nodes[0])
        return [parse(shape.member, [item], timestamp_style) for item in items]
    if kind == "map":
        entries = nodes if shape.serialization.get("flattened") else list(nodes[0])
        return dict(_parse_entry(shape, entry, timestamp_style) for entry in entries)
    return values.parse_text(shape, nodes[0].text or "", timestamp_style=timestamp_style)


def _parse_entry(shape: Any, entry: ET.Element, timestamp_style: str) -> tuple[str, Any]:
    parts = {local_name(child): child for child in entry}
    key = parts.get(shape.key.serialization.get("name", "key"))
    value = parts.get(shape.value.serialization.get("name", "value"))
    if key is None or value is None:
        raise Malformed("A map's entry needs a key and a value")
    return key.text or "", parse(shape.value, [value], timestamp_style)


def parse_structure(shape: Any, node: ET.Element, timestamp_style: str) -> dict[str, Any]:
    """The members of a structure that are elements or attributes below `node`."""
    children: dict[str, list[ET.Element]] = {}
    for child in node:
        children.setdefault(local_name(child), []).append(child)
    attributes = {name.rsplit("}", 1)[-1]: value for name, value in node.attrib.items()}
    found = {}
    for name, member in shape.members.items():
        if member.serialization.get("location"):
            continue
        wire = member_name(member, name)
        if member.serialization.get("xmlAttribute"):
            value = attributes.get(wire.rsplit(":", 1)[-1])
            if value is not None:
                found[name] = value
        elif wire in children:
            found[name] = parse(member, children[wire], timestamp_style)
    return found


def member_name(member: Any, name: str) -> str:
    """The element's name of a member: a flattened list's elements have the name of the list's member."""
    if member.type_name == "list" and member.serialization.get("flattened"):
        inner = member.member.serialization.get("name")
        if inner is not None:
            return str(inner)
    return str(member.serialization.get("name", name))


class Writer:
    """Writes shapes as XML text; `milliseconds` writes timestamps always with them.

    `exact` writes characters that XML 1.0 cannot hold as references, as S3 does; else they are replaced.
    """

    def __init__(self, timestamp_style: str = "iso8601", *, milliseconds: bool = False, exact: bool = True) -> None:
        self.parts: list[str] = []
        self._text = text if exact else _replaced
        self._style = timestamp_style
        self._milliseconds = milliseconds

    def result(self) -> bytes:
        """All that was written, as UTF-8."""
        return "".join(self.parts).encode()

    def element(self, name: str, content: str) -> None:
        """A plain element with text."""
        self.parts.append(f"<{name}>{self._text(content)}</{name}>")

    def value(self, shape: Any, name: str, value: Any) -> None:
        """A value as the element (or elements, when flattened) of this name."""
        kind = shape.type_name
        if kind == "structure":
            self.structure(shape, name, value)
        elif kind == "list":
            self._list(shape, name, value)
        elif kind == "map":
            self._map(shape, name, value)
        else:
            written = values.format_text(
                shape, value, timestamp_style=self._style, always_milliseconds=self._milliseconds
            )
            self.element(name, written)

    def structure(self, shape: Any, name: str, value: dict[str, Any], attributes: str = "") -> None:
        """A structure as an element with its members below it."""
        for member_key, member in shape.members.items():
            if member.serialization.get("xmlAttribute") and value.get(member_key) is not None:
                attribute = member.serialization.get("name", member_key)
                attributes += f' {attribute}="{_attribute(str(value[member_key]))}"'
        namespace = shape.serialization.get("xmlNamespace")
        if isinstance(namespace, dict) and "xmlns" not in attributes:
            prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
            attributes = f' xmlns{prefix}="{namespace["uri"]}"{attributes}'
        self.parts.append(f"<{name}{attributes}>")
        self.members(shape, value)
        self.parts.append(f"</{name}>")

    def members(self, shape: Any, value: dict[str, Any]) -> None:
        """A structure's members that are in the body."""
        for name, member in shape.members.items():
            item = value.get(name)
            serialization = member.serialization
            if item is None or serialization.get("location") or serialization.get("xmlAttribute"):
                continue
            self.value(member, member_name(member, name), item)

    def _list(self, shape: Any, name: str, items: Any) -> None:
        member = shape.member
        if shape.serialization.get("flattened"):
            for item in items:
                self.value(member, name, item)
            return
        inner = member.serialization.get("name", "member")
        self.parts.append(f"<{name}>")
        for item in items:
            self.value(member, inner, item)
        self.parts.append(f"</{name}>")

    def _map(self, shape: Any, name: str, items: dict[str, Any]) -> None:
        flattened = shape.serialization.get("flattened")
        entry = name if flattened else "entry"
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        if not flattened:
            self.parts.append(f"<{name}>")
        for key, item in items.items():
            self.parts.append(f"<{entry}>")
            self.element(key_name, str(key))
            self.value(shape.value, value_name, item)
            self.parts.append(f"</{entry}>")
        if not flattened:
            self.parts.append(f"</{name}>")
