"""A user without a single permission tries every operation of every service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.identity.principals import Principal
from boatyard.identity.records import User
from boatyard.settings import Settings
from tests.unit.identity.conftest import ACCOUNT
from tests.unit.identity.test_service_authorization import operations, params_of

FREE = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}
"""What AWS gives to every user without a policy."""
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The same settings, with policies enforced."""
    return settings.model_copy(update={"authorization": "enforce"})


def test_every_operation_is_denied(call: Call, make_user: Callable[..., User], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boatyard.api.validation.validate", lambda model, params: None)
    user = make_user("stranger")
    stranger = replace(call, principal=Principal.of_user(ACCOUNT, "/", user.name, user.id))
    nobody = replace(call, principal=Principal.anonymous(ACCOUNT))
    let_in = []
    for caller in (stranger, nobody):
        for service, operation in operations():
            params = params_of(service, operation)
            try:
                caller.invoke(service, operation, **params)
                outcome = "done"
            except ApiError as error:
                outcome = error.code
            if outcome not in DENIED and (service, operation) not in FREE:
                let_in.append(f"{service}:{operation} {outcome}")
    assert let_in == []
