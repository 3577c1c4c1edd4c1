"""Finding buses and rules by what requests call them, with EventBridge's errors for what is not there."""

from __future__ import annotations

import re

from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError
from boatyard.services.events.records import BUSES, DEFAULT_BUS, RULES, Rule
from boatyard.state.database import Reader

_BUS_ARN = re.compile(r"arn:aws[\w-]*:events:([a-z0-9-]+):(\d{12}):event-bus/(.+)")


def bus_name(call: Call, rx: Reader, given: str | None) -> str:
    """The name of a bus given by name or ARN, `default` if none is; ResourceNotFoundException."""
    name = given or DEFAULT_BUS
    arn = _BUS_ARN.fullmatch(name)
    if arn is not None:
        name = arn.group(3)
        if (arn.group(1), arn.group(2)) != (call.region, call.account):
            raise ApiError("ResourceNotFoundException", f"Event bus {given} does not exist.")
    if name != DEFAULT_BUS and BUSES.get(rx, call.account, call.region, name) is None:
        raise ApiError("ResourceNotFoundException", f"Event bus {name} does not exist.")
    return name


def bus_arn(account: str, region: str, name: str) -> str:
    """The ARN of a bus."""
    return f"arn:aws:events:{region}:{account}:event-bus/{name}"


def rule(call: Call, rx: Reader, params: Params, member: str = "Name") -> Rule:
    """The rule that a request names; ResourceNotFoundException."""
    bus = bus_name(call, rx, params.get("EventBusName"))
    found = RULES.get(rx, call.account, call.region, bus, params[member])
    if found is None:
        raise ApiError("ResourceNotFoundException", f"Rule {params[member]} does not exist on EventBus {bus}.")
    return found


def present(**members: object) -> dict[str, object]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}
