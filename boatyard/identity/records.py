"""What identity keeps: users, groups, roles, policies, access keys, temporary credentials, workloads and use."""

from __future__ import annotations

from datetime import datetime

from boatyard.identity.principals import Principal
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("identity", ())


class Identity(Record, kw_only=True, frozen=True):
    """What users, groups and roles have in common.

    `folded` is the name in lower case: no two of an account differ by case alone.
    """

    account: str
    folded: str
    name: str
    path: str
    id: str
    created: datetime
    tags: dict[str, str] = {}
    inline: dict[str, str] = {}
    """Inline policies' documents by name."""
    attached: list[str] = []
    """ARNs of the managed policies, in the order of attachment."""
    boundary: str | None = None

    def arn_of(self, kind: str) -> str:
        """The ARN, given what kind of identity this is."""
        return f"arn:aws:iam::{self.account}:{kind}{self.path}{self.name}"


class User(Identity, kw_only=True, frozen=True):
    """An IAM user."""

    groups: list[str] = []
    """Names of the groups it is a member of."""

    @property
    def arn(self) -> str:
        """The user's ARN."""
        return self.arn_of("user")


class Group(Identity, kw_only=True, frozen=True):
    """An IAM group: policies that its members share."""

    @property
    def arn(self) -> str:
        """The group's ARN."""
        return self.arn_of("group")


class Role(Identity, kw_only=True, frozen=True):
    """An IAM role."""

    trust_policy: str
    description: str | None = None
    max_session_duration: int = 3600
    """Seconds."""

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return self.arn_of("role")


class PolicyVersion(Record, kw_only=True, frozen=True):
    """One version of a managed policy."""

    id: str
    document: str
    created: datetime


class ManagedPolicy(Record, kw_only=True, frozen=True):
    """A customer's managed policy, with its versions, oldest first."""

    account: str
    folded: str
    name: str
    path: str
    id: str
    created: datetime
    updated: datetime
    description: str | None = None
    tags: dict[str, str] = {}
    versions: list[PolicyVersion]
    default_version: str = "v1"
    next_version: int = 2

    @property
    def arn(self) -> str:
        """The policy's ARN."""
        return f"arn:aws:iam::{self.account}:policy{self.path}{self.name}"

    @property
    def document(self) -> str:
        """The default version's document."""
        return next(version.document for version in self.versions if version.id == self.default_version)


class InstanceProfile(Record, kw_only=True, frozen=True):
    """An instance profile: a role's wrapping for an EC2 instance."""

    account: str
    folded: str
    name: str
    path: str
    id: str
    created: datetime
    role: str | None = None
    tags: dict[str, str] = {}

    @property
    def arn(self) -> str:
        """The instance profile's ARN."""
        return f"arn:aws:iam::{self.account}:instance-profile{self.path}{self.name}"


class AccessKey(Record, kw_only=True, frozen=True):
    """A user's access key; the secret is sealed."""

    id: str
    account: str
    user: str
    """The user's folded name."""
    secret: bytes
    status: str = "Active"
    created: datetime
    token: str = ""
    """Of the stack resource's creation that made it; see Call.token."""


class ServiceCredential(Record, kw_only=True, frozen=True):
    """A user's name and password for one service, such as git over HTTPS to CodeCommit; the password is sealed."""

    id: str
    account: str
    user: str
    service: str
    login: str
    secret: bytes
    status: str = "Active"
    created: datetime


class TemporaryCredential(Record, kw_only=True, frozen=True):
    """Temporary credentials of a principal; `secret` seals the secret key and the session token."""

    id: str
    secret: bytes
    principal: Principal
    expires: datetime
    expires_at: int
    """The same moment as seconds since 1970."""


class Workload(Record, kw_only=True, frozen=True):
    """A container's claim to a role's credentials; `id` is the SHA-256 of the secret in its address."""

    id: str
    identity: str
    """What the container runs for, e.g. a training job's ARN."""
    account: str
    region: str
    role_arn: str
    service: str
    session_name: str
    secret: bytes
    source: str | None = None
    """The network (CIDR) or address that may ask."""
    source_arn: str | None = None


class Use(Record, kw_only=True, frozen=True):
    """How often an action on a resource was allowed to, or denied to, a role or a user; see identity.recorded_use."""

    identity: str
    """The role's or user's unique id: one that is made later under the same name has another."""
    allowed: bool
    action: str
    resource: str
    """The ARN that was asked about; ends in `*` where many resources are told as one."""
    principal: str
    """The role's or user's ARN."""
    times: int
    first: datetime
    last: datetime
    spellings: list[str] = []
    """Further ARNs of the same resource, which policies may use."""
    reason: str | None = None
    """The last denial's message."""
    by_resource: bool = False
    """Whether the resource's own policy alone gave it: the principal's need not grant it."""


USERS = Table(SCHEMA, "identity_users", User, key=("account", "folded"), counted=("account",))
GROUPS = Table(SCHEMA, "identity_groups", Group, key=("account", "folded"))
ROLES = Table(SCHEMA, "identity_roles", Role, key=("account", "folded"), counted=("account",))
POLICIES = Table(SCHEMA, "identity_policies", ManagedPolicy, key=("account", "folded"))
INSTANCE_PROFILES = Table(SCHEMA, "identity_instance_profiles", InstanceProfile, key=("account", "folded"))
ACCESS_KEYS = Table(SCHEMA, "identity_access_keys", AccessKey, key=("id",), index=("account", "user"))
SERVICE_CREDENTIALS = Table(
    SCHEMA, "identity_service_credentials", ServiceCredential, key=("id",), index=("account", "user", "login")
)
TEMPORARY_CREDENTIALS = Table(
    SCHEMA, "identity_temporary_credentials", TemporaryCredential, key=("id",), index=("expires_at",)
)
WORKLOADS = Table(SCHEMA, "identity_workloads", Workload, key=("id",), index=("identity",))
USES = Table(SCHEMA, "identity_uses", Use, key=("identity", "allowed", "action", "resource"))
