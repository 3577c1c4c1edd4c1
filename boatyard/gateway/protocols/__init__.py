"""The wire protocols of AWS's services, driven by botocore's models: requests in, responses and errors out."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from boatyard.gateway.protocols.base import Protocol

_CLASSES = {
    "query": ("query", "QueryProtocol"),
    "json": ("json", "JsonProtocol"),
    "rest-json": ("rest_json", "RestJsonProtocol"),
    "rest-xml": ("rest_xml", "RestXmlProtocol"),
    "smithy-rpc-v2-cbor": ("cbor", "CborProtocol"),
}


@cache
def protocol(name: str) -> Protocol:
    """The protocol of this name, as botocore's models spell it."""
    module, attribute = _CLASSES[name]
    made: Protocol = getattr(import_module(f"boatyard.gateway.protocols.{module}"), attribute)()
    return made
