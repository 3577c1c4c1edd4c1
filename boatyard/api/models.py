"""botocore's service models, loaded once each and only when asked for."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel


@cache
def _loader() -> Loader:
    return Loader()


@cache
def service_model(service: str) -> ServiceModel:
    """The newest model of a service, by botocore's name of it; UnknownServiceError when there is none."""
    document: dict[str, Any] = _loader().load_service_model(service, "service-2")
    return ServiceModel(document, service_name=service)


@lru_cache(maxsize=4096)
def operation_model(service: str, operation: str) -> OperationModel:
    """The model of an operation; OperationNotFoundError when the service has none of that name."""
    return service_model(service).operation_model(operation)


@cache
def method_names(service: str) -> dict[str, str]:
    """boto3's method name of each operation of a service, to the operation's name."""
    return {xform_name(name): name for name in service_model(service).operation_names}
