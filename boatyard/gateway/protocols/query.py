"""The query protocol: a form with Action and Version in, XML out (Smithy's awsQuery)."""

from __future__ import annotations

from typing import Any

from boatyard.gateway.messages import HttpRequest, HttpResponse, split_query
from boatyard.gateway.protocols import values, xml
from boatyard.gateway.protocols.base import Fault, Params, Protocol, error_code
from boatyard.gateway.protocols.values import Malformed

Tree = dict[str, Any]
_LEAF = "."  # No part of a name can be this one: names are split at it.


def form_pairs(request: HttpRequest) -> list[tuple[str, str]]:
    """The pairs of the query string, then those of the form in the body."""
    pairs = list(request.query_pairs)
    if isinstance(request.body, bytes) and request.body:
        try:
            pairs += split_query(request.body.decode("utf-8"))
        except UnicodeDecodeError:
            raise Malformed("The request's body is not UTF-8") from None
    return pairs


def _tree(pairs: list[tuple[str, str]]) -> Tree:
    root: Tree = {}
    for name, value in pairs:
        node = root
        for part in name.split("."):
            node = node.setdefault(part, {})
        node.setdefault(_LEAF, value)
    return root


class QueryProtocol(Protocol):
    """The query protocol."""

    name = "query"

    def parse(self, request: HttpRequest, operation: Any) -> Params:
        """The form's parameters after the operation's input shape."""
        if operation.input_shape is None:
            return {}
        return _structure(operation.input_shape, _tree(form_pairs(request)))

    def answer(self, output: dict[str, Any], operation: Any, request_id: str) -> HttpResponse:
        """<OperationResponse><OperationResult>...</OperationResult><ResponseMetadata/></OperationResponse>."""
        writer = xml.Writer(exact=False)
        service = operation.service_model
        root = f"{operation.name}Response"
        writer.parts.append(f'{xml.DECLARATION}<{root} xmlns="{service.metadata.get("xmlNamespace", "")}">')
        shape = operation.output_shape
        if shape is not None:
            wrapper = shape.serialization.get("resultWrapper")
            if wrapper:
                writer.parts.append(f"<{wrapper}>")
            writer.members(shape, output)
            if wrapper:
                writer.parts.append(f"</{wrapper}>")
        writer.parts.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{root}>")
        return HttpResponse(200, [("Content-Type", "text/xml")], writer.result())

    def refuse(self, fault: Fault, service: Any, request_id: str, *, resource: str = "") -> HttpResponse:
        """<ErrorResponse><Error><Type/><Code/><Message/>...</Error><RequestId/></ErrorResponse>."""
        code = error_code(fault)
        writer = xml.Writer(exact=False)
        namespace = service.metadata.get("xmlNamespace", "")
        writer.parts.append(f'{xml.DECLARATION}<ErrorResponse xmlns="{namespace}"><Error>')
        writer.element("Type", "Sender" if fault.sender else "Receiver")
        writer.element("Code", code)
        writer.element("Message", fault.message)
        if fault.shape is not None:
            extra = {key: value for key, value in fault.members.items() if key.lower() != "message"}
            writer.members(fault.shape, extra)
        writer.parts.append(f"</Error><RequestId>{request_id}</RequestId></ErrorResponse>")
        headers = [("Content-Type", "text/xml"), *fault.headers]
        return HttpResponse(fault.status, headers, writer.result(), error_code=code)


def _structure(shape: Any, tree: Tree) -> Params:
    found = {}
    for name, member in shape.members.items():
        wire = xml.member_name(member, name)
        if wire not in tree and wire != member.serialization.get("name", name):
            wire = member.serialization.get("name", name)
        if wire in tree:
            found[name] = _value(member, tree[wire], name)
    return found


def _value(shape: Any, tree: Tree, name: str) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, tree)
    if kind == "list":
        inner = tree if shape.serialization.get("flattened") else _list_entries(shape, tree)
        return [_value(shape.member, item, name) for item in _numbered(inner, name)]
    if kind == "map":
        return _map(shape, tree, name)
    if _LEAF not in tree:
        raise Malformed(f"The parameter {name} is not a structure or a list")
    try:
        return values.parse_text(shape, tree[_LEAF], timestamp_style="iso8601")
    except Malformed as wrong:
        raise Malformed(f"Invalid value for the parameter {name}: {wrong}") from None


def _list_entries(shape: Any, tree: Tree) -> Tree:
    for inner in (shape.member.serialization.get("name", "member"), "member"):
        if inner in tree:
            entries: Tree = tree[inner]
            return entries
    return {key: value for key, value in tree.items() if key.isdigit()}


_DIGITS = 12


def _numbered(tree: Tree, name: str) -> list[Tree]:
    entries = [(key, value) for key, value in tree.items() if key != _LEAF]
    if not all(key.isascii() and key.isdigit() and len(key) <= _DIGITS for key, _ in entries):
        raise Malformed(f"The members of the list {name} must be numbered")
    return [value for _, value in sorted(entries, key=lambda entry: int(entry[0]))]


def _map(shape: Any, tree: Tree, name: str) -> dict[str, Any]:
    entries = tree if shape.serialization.get("flattened") else tree.get("entry", {})
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    found = {}
    for entry in _numbered(entries, name):
        if key_name not in entry or value_name not in entry:
            raise Malformed(f"Each entry of the map {name} needs a {key_name} and a {value_name}")
        found[str(entry[key_name].get(_LEAF, ""))] = _value(shape.value, entry[value_name], name)
    return found
