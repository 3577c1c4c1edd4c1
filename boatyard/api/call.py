"""A call: who calls, in which account and region, under which request id, and the doors open to it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from boatyard.api import models
from boatyard.api.errors import OperationNotSupported
from boatyard.api.invoke import invoke

if TYPE_CHECKING:
    from boatyard.api.installation import Installation
    from boatyard.identity.principals import Principal

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One caller's present request; operations get it first and do everything through it."""

    installation: Installation
    principal: Principal
    account: str
    region: str
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    source_ip: str = "127.0.0.1"
    host: str | None = None
    user_agent: str = ""
    secure: bool = False
    source_arn: str | None = None
    via: tuple[str, ...] = ()
    """The services, by their short names, that this call came through on the caller's behalf, the outermost first."""
    token: str = ""
    """Of a resource that a stack creates or updates: the same for every try. What would be made twice for want of a
    name (a key, an access key, a version of a layer or parameter) is found again by it after a crash."""

    def invoke(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Do another operation as the present caller; ApiError as AWS words it."""
        return invoke(self, service, operation, params)

    def client(self, service: str) -> Client:
        """The same as invoke, spelled as boto3 spells it."""
        return Client(self, service)

    def within(self, service: str) -> Call:
        """The call as a service's operation gets it: what it calls on the caller's behalf comes through the service."""
        return Call(  # dataclasses.replace takes many times as long
            self.installation,
            self.principal,
            self.account,
            self.region,
            self.request_id,
            self.source_ip,
            self.host,
            self.user_agent,
            self.secure,
            self.source_arn,
            (*self.via, service),
            self.token,
        )

    def authorize(self, service: str, operation: str, params: Params) -> None:
        """ApiError (AccessDenied as the service words it) when policies do not let this caller."""
        from boatyard.identity.authorization import authorize

        authorize(self, service, operation, params)

    def assume(
        self,
        role_arn: str,
        service: str,
        *,
        session_name: str | None = None,
        policy: str | None = None,
        source_arn: str | None = None,
    ) -> Call:
        """A call as a role that a service takes on, such as codepipeline.amazonaws.com.

        ApiError (AccessDenied) when the role is not there or its trust policy does not name the service.
        """
        from boatyard.identity.sessions import assume_for_service

        principal = assume_for_service(
            self.installation,
            service,
            role_arn,
            session_name=session_name,
            policy=policy,
            source_arn=source_arn,
        )
        return replace(
            self,
            principal=principal,
            account=principal.account,
            request_id=str(uuid.uuid4()),
            source_arn=source_arn,
            via=(),
            token="",
        )

    def as_service(self, service: str, *, account: str | None = None, region: str | None = None) -> Call:
        """A call as an AWS service itself."""
        return self.installation.service_call(service, account or self.account, region or self.region)


class Client:
    """boto3's spelling of invoke: client.create_bucket(Bucket=...)."""

    def __init__(self, call: Call, service: str) -> None:
        self._call = call
        self._service = service

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        operation = models.method_names(self._service).get(method)
        if operation is None:
            raise OperationNotSupported(self._service, method)

        def invoke_operation(**params: Any) -> dict[str, Any]:
            return invoke(self._call, self._service, operation, params)

        return invoke_operation
