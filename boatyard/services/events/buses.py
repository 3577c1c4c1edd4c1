"""Event buses: create, describe, list, delete."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from boatyard.api import tags as tagging
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.names import check_pattern
from boatyard.api.paging import page
from boatyard.api.timestamps import now
from boatyard.services.events import lookup, quotas
from boatyard.services.events.records import BUSES, DEFAULT_BUS, RULES, EventBus

_NAME = r"[\.\-_A-Za-z0-9]+"


def create_event_bus(call: Call, params: Params) -> dict[str, Any]:
    """Creates a custom bus. EventBridge API Reference: CreateEventBus."""
    name = params["Name"]
    for member in ("EventSourceName", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"):
        if member in params:
            raise not_supported("EventBridge", "CreateEventBus", member)
    check_pattern(name, _NAME, "name")
    tags = tagging.to_dict(params.get("Tags"))
    tagging.check(tags)
    bus = EventBus(
        account=call.account,
        region=call.region,
        name=name,
        created=now(),
        modified=now(),
        description=params.get("Description"),
        tags=tags,
    )
    with call.installation.database.transaction() as tx:
        if name == DEFAULT_BUS or BUSES.get(tx, call.account, call.region, name) is not None:
            raise ApiError("ResourceAlreadyExistsException", f"Event bus {name} already exists.")
        BUSES.insert(tx, bus)
        quotas.BUSES.check_new(call, tx, BUSES)
    return lookup.present(EventBusArn=lookup.bus_arn(call.account, call.region, name), Description=bus.description)


def update_event_bus(call: Call, params: Params) -> dict[str, Any]:
    """Changes a custom bus's description. EventBridge API Reference: UpdateEventBus."""
    for member in ("KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"):
        if member in params:
            raise not_supported("EventBridge", "UpdateEventBus", member)
    with call.installation.database.transaction() as tx:
        bus = BUSES.get(tx, call.account, call.region, lookup.bus_name(call, tx, params.get("Name")))
        if bus is None:
            raise ApiError("ValidationException", "Cannot update event bus default.", status=400)
        BUSES.put(tx, replace(bus, description=params.get("Description"), modified=now()))
    return lookup.present(
        Arn=lookup.bus_arn(call.account, call.region, bus.name), Name=bus.name, Description=params.get("Description")
    )


def describe_event_bus(call: Call, params: Params) -> dict[str, Any]:
    """One bus. EventBridge API Reference: DescribeEventBus."""
    with call.installation.database.reading() as rx:
        name = lookup.bus_name(call, rx, params.get("Name"))
        bus = BUSES.get(rx, call.account, call.region, name)
    return _shown(call, name, bus)


def list_event_buses(call: Call, params: Params) -> dict[str, Any]:
    """The buses of the account and region. EventBridge API Reference: ListEventBuses."""
    prefix = params.get("NamePrefix", "")
    with call.installation.database.reading() as rx:
        custom = BUSES.select(rx, {"account": call.account, "region": call.region}, prefix=("name", prefix))
    shown = [_shown(call, bus.name, bus) for bus in custom]
    if DEFAULT_BUS.startswith(prefix):
        shown.insert(0, _shown(call, DEFAULT_BUS, None))
    shown.sort(key=lambda bus: str(bus["Name"]))
    chosen, token = page(shown, params.get("NextToken"), params.get("Limit", 100), lambda bus: str(bus["Name"]))
    return {"EventBuses": chosen, "NextToken": token}


def _shown(call: Call, name: str, bus: EventBus | None) -> dict[str, Any]:
    return lookup.present(
        Name=name,
        Arn=lookup.bus_arn(call.account, call.region, name),
        Description=bus.description if bus else None,
        CreationTime=bus.created if bus else None,
        LastModifiedTime=bus.modified if bus else None,
    )


def delete_event_bus(call: Call, params: Params) -> dict[str, Any]:
    """Deletes a custom bus without rules. EventBridge API Reference: DeleteEventBus."""
    name = params["Name"]
    if name == DEFAULT_BUS:
        raise ApiError("ValidationException", "Cannot delete event bus default.", status=400)
    with call.installation.database.transaction() as tx:
        if RULES.count(tx, {"account": call.account, "region": call.region, "bus": name}):
            raise ApiError("ValidationException", f"Event bus {name} can't be deleted since it has rules.", status=400)
        BUSES.delete(tx, call.account, call.region, name)
    return {}
