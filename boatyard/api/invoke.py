"""The one door: every operation, from HTTP or from inside, is validated, authorised, done and recorded here."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, OperationNotFoundError

from boatyard.api import models, registry, validation
from boatyard.api.bodies import as_body
from boatyard.api.errors import ApiError, OperationNotSupported
from boatyard.api.registry import Operation

if TYPE_CHECKING:
    from boatyard.api.call import Call

log = logging.getLogger("boatyard.calls")


def invoke(call: Call, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Do an operation as the caller: validated against the model, authorised, recorded.

    Raises ApiError as the service words it; OperationNotSupported (501) for what boatyard does not do.
    """
    return admit(call, service, operation, params)()


@dataclass(frozen=True, slots=True)
class Admitted:
    """An operation that its caller may do, with the parameters as it gets them; it is done when this is called."""

    function: Operation
    call: Call
    service: str
    operation: str
    params: dict[str, Any]

    def __call__(self) -> dict[str, Any]:
        """What the operation answers; ApiError as the service words it."""
        started = time.perf_counter()
        outcome = "ok"
        try:
            return self.function(self.call.within(self.service), self.params) or {}
        except ApiError as error:
            outcome = error.code
            raise
        finally:
            _tell(self.call, self.service, self.operation, outcome, started)


def admit(call: Call, service: str, operation: str, params: dict[str, Any]) -> Admitted:
    """Validates and authorises; raises as `invoke` does."""
    try:
        model = models.operation_model(service, operation)
    except (UnknownServiceError, OperationNotFoundError):
        raise OperationNotSupported(service, operation) from None
    function = registry.find(service, operation)
    if function is None:
        raise OperationNotSupported(service, operation)
    params = validated(model, params)
    try:
        call.authorize(service, operation, params)
    except ApiError as error:
        _tell(call, service, operation, error.code, time.perf_counter())
        raise
    return Admitted(function, call, service, operation, params)


def _tell(call: Call, service: str, operation: str, outcome: str, started: float) -> None:
    if log.isEnabledFor(logging.DEBUG):
        spent = (time.perf_counter() - started) * 1000
        log.debug("%s %s:%s %s %.1f ms", call.principal.arn, service, operation, outcome, spent)


def validated(model: OperationModel, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters as an operation gets them; ApiError for what breaks the model."""
    params = {name: value for name, value in params.items() if value is not None}
    _wrap_body(model, params)
    validation.validate(model, params)
    return validation.checked(model, params)


def _wrap_body(model: OperationModel, params: dict[str, Any]) -> None:
    """Streaming members are always a Body for the operation, whoever calls."""
    if not model.has_streaming_input or model.input_shape is None:
        return
    payload = model.input_shape.serialization.get("payload")
    if payload in params:
        params[payload] = as_body(params[payload])
