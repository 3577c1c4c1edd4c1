"""What every protocol does: read a request into parameters, write an output, write an error."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from boatyard.gateway.messages import HttpRequest, HttpResponse

Params = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """An error as the protocols write it: code, message, HTTP status and the members of its body.

    `shape` is the model's error shape, where the service's model has one of this code.
    """

    code: str
    message: str
    status: int
    members: dict[str, Any]
    shape: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def sender(self) -> bool:
        """Whether the caller is at fault (AWS's Type Sender), not the server (Receiver)."""
        return self.status < 500


class Protocol(ABC):
    """One wire protocol. `operation` and `service` are botocore's OperationModel and ServiceModel."""

    name: str

    @abstractmethod
    def parse(self, request: HttpRequest, operation: Any) -> Params:
        """The operation's parameters; raises `values.Malformed` where the request cannot be read."""

    @abstractmethod
    def answer(self, output: dict[str, Any], operation: Any, request_id: str) -> HttpResponse:
        """The modelled output as a response."""

    @abstractmethod
    def refuse(self, fault: Fault, service: Any, request_id: str, *, resource: str = "") -> HttpResponse:
        """An error as a response; `resource` is the path that was asked for."""


def error_code(fault: Fault) -> str:
    """The code as the query protocol has it: the model's `error.code`, where it differs from the shape's name."""
    if fault.shape is not None:
        return str(fault.shape.metadata.get("error", {}).get("code") or fault.code)
    return fault.code
