"""Quotas: how much of a kind there may be; AWS's defaults, its own errors, and the setting that changes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boatyard.api import registry
from boatyard.api.errors import ApiError
from boatyard.services import PACKAGES

if TYPE_CHECKING:
    from boatyard.api.call import Call
    from boatyard.api.installation import Installation
    from boatyard.state.database import Reader, Transaction
    from boatyard.state.table import Table


@dataclass(frozen=True)
class Quota:
    """One quota: `name` is SERVICE.KIND in the setting `quotas`, `what` says what is counted.

    `code` and `message` are the service's own words; the message may name {limit}, {used}, {more}.
    """

    name: str
    default: int
    what: str
    code: str
    message: str
    status: int = 400

    def limit(self, installation: Installation) -> int:
        """What holds now: the setting's value, else AWS's default."""
        return installation.settings.quotas.get(self.name, self.default)

    def check(self, installation: Installation, used: int, more: int = 1) -> None:
        """The service's error when `more` on top of what is `used` would be too many."""
        limit = self.limit(installation)
        if used + more > limit:
            text = self.message.format(limit=limit, used=used, more=more)
            raise ApiError(self.code, f"{text} (boatyard's setting quotas: {self.name} = {limit})", status=self.status)

    def check_count(
        self, installation: Installation, rx: Reader, table: Table[Any], where: Mapping[str, Any], more: int = 1
    ) -> None:
        """The same for the records of a table that have those values."""
        self.check(installation, table.count(rx, where, limit=self.limit(installation) + 1), more)

    def check_new(self, call: Call, tx: Transaction, table: Table[Any], **where: Any) -> None:
        """The same after a record of the caller's account and region was inserted: the error takes it back."""
        place = {"account": call.account, "region": call.region}
        where |= {column: value for column, value in place.items() if column in table.columns}
        self.check_count(call.installation, tx, table, where, more=0)


def all_quotas() -> dict[str, Quota]:
    """Every quota of every service, by name."""
    found: dict[str, Quota] = {}
    for service in PACKAGES:
        for module in registry.modules(service, "QUOTA_MODULES", ("quotas",)):
            found |= {each.name: each for each in vars(module).values() if isinstance(each, Quota)}
    return found


def check_setting(quotas: Mapping[str, int]) -> None:
    """ValueError when the setting names a quota that there is not, or gives one below 0."""
    known = all_quotas()
    for name, limit in quotas.items():
        if name not in known:
            raise ValueError(f"The setting quotas names {name!r}, which is no quota. There are: {', '.join(known)}.")
        if limit < 0:
            raise ValueError(f"The setting quotas gives {name} as {limit}: it must be 0 or more.")
