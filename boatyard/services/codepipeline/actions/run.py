"""One running action: its configuration, role, artifacts and waits, as the code of its provider sees it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from msgspec.structs import replace

from boatyard.api.call import Call
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.identity.sessions import assume_role
from boatyard.services.codepipeline import naming
from boatyard.services.codepipeline.records import ACTIONS, ActionExecution
from boatyard.workflows import Work

T = TypeVar("T")
SERVICE = "codepipeline.amazonaws.com"


class ActionFailed(Exception):
    """The action failed: a code of CodePipeline's FailureType list and a message that a person can use."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message[:5000]


class ActionAbandoned(Exception):
    """The action's execution was stopped or deleted while it ran; its record says so already."""


@dataclass
class Outcome:
    """What a successful action leaves: a summary, output variables, and a source's revision."""

    summary: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    revision: dict[str, Any] | None = None


class ActionRun:
    """What a provider's function works with; everything that must survive a crash is in the record."""

    def __init__(self, work: Work, action: ActionExecution, pipeline: dict[str, Any], overrides: list[Any]) -> None:
        self.work = work
        self.action = action
        self.pipeline = pipeline
        self.overrides: dict[str, str] = {
            item["revisionType"]: item["revisionValue"] for item in overrides if item["actionName"] == action.action
        }
        self._call: Call | None = None

    @property
    def installation(self) -> Installation:
        """The running server's things."""
        return self.work.installation

    @property
    def configuration(self) -> dict[str, str]:
        """The action's configuration with its variables replaced."""
        return self.action.configuration

    @property
    def role_arn(self) -> str:
        """The action's own role, else the pipeline's."""
        return str(self.action.declaration.get("roleArn") or self.pipeline["roleArn"])

    @property
    def call(self) -> Call:
        """A call as the action's role; AccessDenied where the role cannot be assumed."""
        if self._call is None:
            self._call = self.role_call()
        return self._call

    def role_call(self) -> Call:
        """A fresh call as the action's role, which the pipeline's role takes on where it is another one."""
        service = self.installation.service_call(SERVICE, self.action.account, self.action.region)
        arn = naming.pipeline_arn(self.action.account, self.action.region, self.action.pipeline)
        name = self.action.id.replace("-", "")
        call = service.assume(self.pipeline["roleArn"], SERVICE, session_name=name, source_arn=arn)
        if self.role_arn == self.pipeline["roleArn"]:
            return call
        principal = assume_role(self.installation, call.principal, self.role_arn, name, source_arn=arn)
        return dataclasses.replace(call, principal=principal, account=principal.account)

    @property
    def store(self) -> dict[str, Any]:
        """The pipeline's artifact store."""
        return dict(self.pipeline["artifactStore"])

    def encryption(self) -> dict[str, str]:
        """The members of PutObject and CopyObject that encrypt an artifact: by the store's key, else by aws/s3."""
        key = self.store.get("encryptionKey")
        if key:
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key["id"]}
        return {"ServerSideEncryption": "aws:kms"}

    def update(self, **changes: Any) -> None:
        """Changes the action's record; raises ActionAbandoned if it is no longer running."""
        with self.installation.database.transaction() as tx:
            record = ACTIONS.get(tx, self.action.account, self.action.region, self.action.id)
            if record is None or record.status != "InProgress":
                raise ActionAbandoned
            self.action = replace(record, updated=now(), **changes)
            ACTIONS.put(tx, self.action)

    def reload(self) -> ActionExecution:
        """The action's record as it is now; raises ActionAbandoned if it is no longer running."""
        with self.installation.database.reading() as rx:
            record = ACTIONS.get(rx, self.action.account, self.action.region, self.action.id)
        if record is None or record.status != "InProgress":
            raise ActionAbandoned
        self.action = record
        return record

    def wait(self, ready: Callable[[], T], deadline: float, *keys: Hashable) -> T | None:
        """Blocks till ready() is truthy; None once `deadline` seconds since the action's start have passed.

        Woken by the action's own key and by `keys`; raises ActionAbandoned when the action was stopped.
        """

        def alive_and_ready() -> T:
            self.reload()
            return ready()

        left = deadline - (now() - self.action.started).total_seconds()
        return self.work.wait([naming.action_key(self.action.id), *keys], ready=alive_and_ready, timeout=max(0.0, left))

    def timeout(self, default: float) -> float:
        """Seconds that the action may take: its timeoutInMinutes, else the provider's default."""
        minutes = self.action.declaration.get("timeoutInMinutes")
        return default if minutes is None else float(minutes) * 60
