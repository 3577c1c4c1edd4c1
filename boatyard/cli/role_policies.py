"""A role or user with its policies and its recorded use, read from a running server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boatyard.cli.failures import Failure

if TYPE_CHECKING:
    from boatyard.cli.servers import Running
    from boatyard.identity.least_privilege.grants import Grant
    from boatyard.identity.records import Use


_LONGEST_NAME = 64


@dataclass(frozen=True)
class Holder:
    """A role or a user: what policies grant it and what it used."""

    kind: str
    name: str
    arn: str
    grants: list[Grant]
    uses: list[Use]

    @property
    def spelled(self) -> str:
        """How the command names it: a role by its name, a user as user/NAME."""
        return self.name if self.kind == "role" else f"user/{self.name}"


def recorded(server: Running, arn: str | None = None) -> list[Use]:
    """The recorded use, of one principal where its ARN is given. Failure where policies are not enforced."""
    import msgspec

    from boatyard.identity.records import Use

    told = server.ask("/_boatyard/permissions", **({"principal": arn} if arn else {}))
    uses = msgspec.convert(told["uses"], list[Use], strict=False)
    if told["authorization"] != "enforce" and not uses:
        raise Failure(
            "Nothing is recorded: the setting authorization is off, so no policy is asked. Start the server with "
            "BOATYARD_AUTHORIZATION=enforce, and run what is to be looked at."
        )
    return uses


def find_holder(server: Running, named: str, since: float = 0.0) -> Holder:
    """The role that has this name or ARN, or the user (user/NAME), with its use since a time (seconds since 1970)."""
    client = server.client("iam")
    resource = named.split(":", 5)[5] if named.startswith("arn:") and named.count(":") >= 5 else named
    kind, _, name = resource.rpartition("/")
    kind = "user" if kind.startswith("user") else "role"
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise Failure(f"{named!r} names no role: give its name or ARN, or user/NAME.")
    get = client.get_user if kind == "user" else client.get_role
    try:
        found = get(**{f"{kind.title()}Name": name})[kind.title()]
    except client.exceptions.NoSuchEntityException:
        raise Failure(f"There is no {kind} {name}. 'boatyard permissions' lists those that are there.") from None
    identity = found[f"{kind.title()}Id"]
    uses = [use for use in recorded(server, found["Arn"]) if use.identity == identity and use.last.timestamp() >= since]
    return Holder(kind, name, found["Arn"], _grants(client, kind, name), uses)


def _grants(client: Any, kind: str, name: str) -> list[Grant]:
    """Every statement that allows, of inline policies, then of managed ones, then of a user's groups."""
    from boatyard.identity.least_privilege.grants import grants_of

    holder = {f"{kind.title()}Name": name}
    found: list[Grant] = []
    for policy in getattr(client, f"list_{kind}_policies")(**holder)["PolicyNames"]:
        document = getattr(client, f"get_{kind}_policy")(**holder, PolicyName=policy)["PolicyDocument"]
        found += grants_of(policy, document)
    for attached in getattr(client, f"list_attached_{kind}_policies")(**holder)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        found += grants_of(attached["PolicyName"], document)
    if kind == "user":
        for group in client.list_groups_for_user(**holder)["Groups"]:
            found += _grants(client, "group", group["GroupName"])
    return found
