"""What SageMaker's List operations have in common: filters, sorting and pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from boatyard.api.call import Call
from boatyard.api.paging import page_of
from boatyard.state.table import Record, Table

R = TypeVar("R", bound=Record)
ORDERS = (("account", "region", "created"), ("account", "region", "modified"))
"""The indexes of a table that is listed; one whose records have a status adds BY_STATUS."""
BY_STATUS = ("account", "region", "status", "created")
_DEFAULT_PAGE = 10
_COLUMNS = {
    "Name": ("name",),
    "CreationTime": ("created",),
    "LastModifiedTime": ("modified",),
    "Status": ("status", "created"),
}


def listed(
    call: Call,
    params: dict[str, Any],
    table: Table[R],
    describe: Callable[[R], dict[str, Any]],
    member: str,
    *,
    keep: Callable[[R], bool] = lambda _: True,
    default_sort: str = "CreationTime",
    default_order: str = "Descending",
) -> dict[str, Any]:
    """A List operation's answer: the records that pass the request's filters, sorted, one page of them."""
    where: dict[str, Any] = {"account": call.account, "region": call.region}
    if "status" in table.index and params.get("StatusEquals"):
        where["status"] = params["StatusEquals"]
    with call.installation.database.reading() as rx:
        part, token = page_of(
            rx,
            table,
            where,
            params.get("NextToken"),
            params.get("MaxResults", _DEFAULT_PAGE),
            order=_COLUMNS[params.get("SortBy", default_sort)],
            descending=params.get("SortOrder", default_order) == "Descending",
            keep=lambda record: _passes(params, record) and keep(record),
        )
    answer: dict[str, Any] = {member: [describe(record) for record in part]}
    if token:
        answer["NextToken"] = token
    return answer


def _passes(params: dict[str, Any], record: Any) -> bool:
    contains = params.get("NameContains")
    if contains is not None and contains.lower() not in record.name.lower():
        return False
    for member, value in (("CreationTime", record.created), ("LastModifiedTime", record.modified)):
        after, before = params.get(f"{member}After"), params.get(f"{member}Before")
        if (after is not None and value < after) or (before is not None and value > before):
            return False
    return True
