"""Who is calling: the root of an account, a user, a session of a role, an AWS service, or nobody known."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What sort of principal a caller is; `.value` is what the policy key aws:PrincipalType says, but for service."""

    ROOT = "Account"
    USER = "User"
    SESSION = "AssumedRole"
    FEDERATED = "FederatedUser"
    SERVICE = "Service"
    ANONYMOUS = "Anonymous"


class Session(msgspec.Struct, kw_only=True, frozen=True):
    """What is particular to temporary credentials: the role behind them, the session policies, when they end."""

    role_arn: str
    role_id: str
    name: str
    issued: datetime
    expires: datetime
    policies: tuple[str, ...] = ()
    """Session policies' documents: they can only take away from what the role may do."""
    tags: dict[str, str] = {}
    transitive_tag_keys: tuple[str, ...] = ()
    source_identity: str | None = None
    source_arn: str | None = None
    """The resource on whose behalf an AWS service assumed the role (the key aws:SourceArn)."""
    service: str | None = None
    """The AWS service that assumed the role, where one did."""


class Principal(msgspec.Struct, kw_only=True, frozen=True):
    """A caller, as the IAM User Guide's "AWS JSON policy elements: Principal" knows them."""

    kind: Kind
    account: str
    arn: str
    user_id: str
    session: Session | None = None
    name: str | None = None
    """A user's name (the key aws:username), or a service's DNS name."""

    @property
    def is_root(self) -> bool:
        """Whether this is an account's root, which no policy binds."""
        return self.kind is Kind.ROOT

    @property
    def service(self) -> str | None:
        """The service principal, e.g. sagemaker.amazonaws.com, where an AWS service calls for itself."""
        return self.name if self.kind is Kind.SERVICE else None

    @property
    def policy_arn(self) -> str:
        """The ARN that identity policies hang on: the role's for a session (the key aws:PrincipalArn)."""
        if self.session is not None and self.kind is Kind.SESSION:
            return self.session.role_arn
        return self.arn

    def __str__(self) -> str:
        """The ARN: what AWS's messages name."""
        return self.arn

    @classmethod
    def root(cls, account: str) -> Principal:
        """The root of an account."""
        return cls(kind=Kind.ROOT, account=account, arn=f"arn:aws:iam::{account}:root", user_id=account)

    @classmethod
    def of_user(cls, account: str, path: str, name: str, user_id: str) -> Principal:
        """An IAM user; `path` begins and ends with a slash."""
        arn = f"arn:aws:iam::{account}:user{path}{name}"
        return cls(kind=Kind.USER, account=account, arn=arn, user_id=user_id, name=name)

    @classmethod
    def of_role(cls, account: str, role_name: str, session: Session) -> Principal:
        """A session of a role: the role's path is not part of its ARN."""
        return cls(
            kind=Kind.SESSION,
            account=account,
            arn=f"arn:aws:sts::{account}:assumed-role/{role_name}/{session.name}",
            user_id=f"{session.role_id}:{session.name}",
            session=session,
        )

    @classmethod
    def of_federation(cls, account: str, session: Session) -> Principal:
        """A session of STS GetFederationToken: a user's permissions under another name."""
        return cls(
            kind=Kind.FEDERATED,
            account=account,
            arn=f"arn:aws:sts::{account}:federated-user/{session.name}",
            user_id=f"{account}:{session.name}",
            session=session,
        )

    @classmethod
    def of_service(cls, name: str, account: str) -> Principal:
        """An AWS service (e.g. sagemaker.amazonaws.com) working in an account."""
        return cls(kind=Kind.SERVICE, account=account, arn=name, user_id=name, name=name)

    @classmethod
    def anonymous(cls, account: str) -> Principal:
        """A caller that signed nothing; only resource policies with the principal `*` allow it anything."""
        return cls(kind=Kind.ANONYMOUS, account=account, arn="anonymous", user_id="anonymous")
