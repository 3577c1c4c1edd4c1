"""AWS's published protocol tests, taken from the source distribution of botocore, which carries them.

Nothing of them is kept in this repository: see `published_signatures`, which fetches the distribution.
"""

from __future__ import annotations

import base64
import json
import tarfile
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.model import OperationModel, ServiceModel

from tests.published_signatures import distribution

_FOLDER = "/tests/unit/protocols/"
PROTOCOLS = ("query", "json", "json_1_0", "rest-json", "rest-xml", "smithy-rpc-v2-cbor")


@dataclass(frozen=True)
class Case:
    """One case: an operation of a made-up service, and what its client sends or reads on the wire (`wire`)."""

    name: str
    protocol: str
    operation: Any
    values: dict[str, Any]
    wire: dict[str, Any]

    @property
    def body(self) -> bytes:
        """The body as bytes: those of CBOR are kept in base64."""
        text = self.wire.get("body") or ""
        return base64.b64decode(text) if self.protocol == "smithy-rpc-v2-cbor" else text.encode()


@cache
def cases(direction: str, name: str) -> tuple[Case, ...]:
    """The cases of "input" or "output" of a file that are no errors."""
    found = []
    for suite in json.loads(_files()[f"{direction}/{name}.json"]):
        document = {key: suite[key] for key in ("metadata", "shapes")}
        document["operations"] = {each["given"]["name"]: each["given"] for each in suite["cases"]}
        for case in suite["cases"]:
            if "params" not in case and "result" not in case:
                continue
            operation = OperationModel(case["given"], ServiceModel(document, "made-up"), case["given"]["name"])
            protocol = suite["metadata"]["protocol"]
            values, wire = (
                (case["params"], case["serialized"]) if direction == "input" else (case["result"], case["response"])
            )
            found.append(Case(case["id"], protocol, operation, values, wire))
    return tuple(found)


@cache
def _files() -> dict[str, bytes]:
    found = {}
    with tarfile.open(distribution()) as archive:
        for member in archive:
            _, inside, name = member.name.partition(_FOLDER)
            if inside and name.endswith(".json"):
                content = archive.extractfile(member)
                assert content is not None
                found[name] = content.read()
    return found
