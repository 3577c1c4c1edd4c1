"""The global condition keys of a request (IAM User Guide, "AWS global condition context keys")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING

from boatyard.api.timestamps import iso, now
from boatyard.identity.lookup import principal_tags
from boatyard.identity.principals import Kind, Principal
from boatyard.identity.resource_tags import object_tags, resource_tags, tag_prefixes

if TYPE_CHECKING:
    from boatyard.api.call import Call
    from boatyard.api.installation import Installation
    from boatyard.identity.actions.model import Need

Keys = dict[str, str | tuple[str, ...]]


def principal_context(installation: Installation, principal: Principal) -> Keys:
    """What the caller alone tells: who it is, its tags, its session, and the time."""
    moment = now()
    keys: Keys = {
        "aws:principalarn": principal.policy_arn,
        "aws:principalaccount": principal.account,
        "aws:principaltype": principal.kind.value,
        "aws:userid": principal.user_id,
        "aws:currenttime": iso(moment),
        "aws:epochtime": str(int(moment.timestamp())),
        "aws:principalisawsservice": "true" if principal.service else "false",
    }
    if principal.service:
        keys["aws:principalservicename"] = principal.service
        keys["aws:principalservicenameslist"] = (principal.service,)
        keys["aws:sourceaccount"] = principal.account
    if principal.kind is Kind.USER and principal.name:
        keys["aws:username"] = principal.name
    keys |= {f"aws:principaltag/{key.lower()}": value for key, value in principal_tags(installation, principal).items()}
    if principal.session:
        keys["aws:tokenissuetime"] = iso(principal.session.issued)
        if principal.session.service is None:
            keys["aws:multifactorauthpresent"] = "false"
        if principal.session.source_identity:
            keys["aws:sourceidentity"] = principal.session.source_identity
    return keys


_TOLD_AS_CALLED_VIA = ("cloudformation", "kms")
"""Of boatyard's services those that the key aws:CalledVia names on AWS."""


def call_context(call: Call, service: str) -> Keys:
    """What a call to a service tells besides its caller: address, region, transport, the services it came through.

    Nothing that reaches the server leaves the machine, so the transport counts as secure.
    """
    keys = principal_context(call.installation, call.principal)
    keys["aws:sourceip"] = call.source_ip
    keys["aws:requestedregion"] = "us-east-1" if service == "iam" else call.region
    keys["aws:securetransport"] = "true"
    if call.user_agent:
        keys["aws:useragent"] = call.user_agent
    if call.source_arn and call.principal.service:
        keys["aws:sourcearn"] = call.source_arn
    through = tuple(each for each in call.via if each != service)
    keys["aws:viaawsservice"] = "true" if through else "false"
    told = tuple(f"{each}.amazonaws.com" for each in through if each in _TOLD_AS_CALLED_VIA)
    if told:
        keys |= {"aws:calledvia": told, "aws:calledviafirst": told[0], "aws:calledvialast": told[-1]}
    if through:
        keys["kms:viaservice"] = f"{through[-1]}.{call.region}.amazonaws.com"
    return keys


class RequestKeys(Mapping[str, str | tuple[str, ...]]):
    """The condition keys of one action on one resource, gathered when a policy asks for the first of them.

    Those of tags are looked up when a policy asks for one.
    """

    def __init__(self, call: Call, need: Need, given: Callable[[], Keys]) -> None:
        self._call = call
        self._need = need
        self._given = given
        self._tags: dict[str, Mapping[str, str]] = {}

    @property
    def asked(self) -> bool:
        """Whether any key was looked for."""
        return "_known" in self.__dict__

    @cached_property
    def _known(self) -> Keys:
        keys: Keys = {**self._given(), **self._need.context}
        if self._need.action.startswith("kms:"):
            keys.setdefault("kms:calleraccount", self._call.principal.account)
        return keys

    @cached_property
    def _late(self) -> dict[str, Callable[[], Mapping[str, str]]]:
        call, need = self._call, self._need
        service = need.action.partition(":")[0]
        late: dict[str, Callable[[], Mapping[str, str]]] = dict.fromkeys(
            tag_prefixes(service), cache(lambda: resource_tags(call, need.resource))
        )
        if service == "s3" and "/" in need.resource:
            bucket, _, key = need.resource.removeprefix("arn:aws:s3:::").partition("/")
            version = self._known.get("s3:versionid")
            wanted = version if isinstance(version, str) else None
            late["s3:existingobjecttag"] = lambda: object_tags(call, bucket, key, wanted)
        return late

    def __getitem__(self, key: str) -> str | tuple[str, ...]:
        if key in self._known:
            return self._known[key]
        prefix, slash, name = key.partition("/")
        if not slash or prefix not in self._late:
            raise KeyError(key)
        if prefix not in self._tags:
            self._tags[prefix] = self._late[prefix]()
        return self._tags[prefix][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
