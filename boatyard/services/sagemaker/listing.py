"""What SageMaker's List operations have in common: filters, sorting and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from boatyard.api.paging import page


class Listed(Protocol):
    """A record that can be listed."""

    @property
    def name(self) -> str: ...

    @property
    def created(self) -> Any: ...

    @property
    def modified(self) -> Any: ...


T = TypeVar("T", bound=Listed)
_DEFAULT_PAGE = 10
_ATTRIBUTES = {"Name": "name", "CreationTime": "created", "LastModifiedTime": "modified", "Status": "status"}


def listed(
    params: dict[str, Any],
    records: Iterable[T],
    describe: Callable[[T], dict[str, Any]],
    member: str,
    *,
    default_sort: str = "CreationTime",
    default_order: str = "Descending",
) -> dict[str, Any]:
    """A List operation's answer: the records that pass the request's filters, sorted, one page of them."""
    chosen = [record for record in records if _passes(params, record)]
    attribute = _ATTRIBUTES[params.get("SortBy", default_sort)]
    chosen.sort(key=lambda record: record.name)
    chosen.sort(
        key=lambda record: getattr(record, attribute),
        reverse=params.get("SortOrder", default_order) == "Descending",
    )
    part, token = _page(chosen, params)
    answer: dict[str, Any] = {member: [describe(record) for record in part]}
    if token:
        answer["NextToken"] = token
    return answer


def _page(chosen: Sequence[T], params: dict[str, Any]) -> tuple[Sequence[T], str | None]:
    return page(chosen, params.get("NextToken"), params.get("MaxResults", _DEFAULT_PAGE))


def _passes(params: dict[str, Any], record: Listed) -> bool:
    wanted = params.get("StatusEquals")
    if wanted is not None and getattr(record, "status", None) != wanted:
        return False
    contains = params.get("NameContains")
    if contains is not None and contains.lower() not in record.name.lower():
        return False
    for member, value in (("CreationTime", record.created), ("LastModifiedTime", record.modified)):
        after, before = params.get(f"{member}After"), params.get(f"{member}Before")
        if (after is not None and value < after) or (before is not None and value > before):
            return False
    return True
