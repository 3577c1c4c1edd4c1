"""What is stored of CloudWatch Logs, and the only code that reads or writes it."""

from __future__ import annotations

import msgspec

from boatyard.state.database import Reader, Transaction
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema(
    "logs",
    (
        """
        CREATE TABLE logs_events (
            id INTEGER PRIMARY KEY AUTOINCREMENT, grp TEXT NOT NULL, stream TEXT NOT NULL,
            timestamp INTEGER NOT NULL, ingestion INTEGER NOT NULL, message TEXT NOT NULL
        );
        CREATE INDEX logs_events_stream ON logs_events (grp, stream, timestamp, id);
        CREATE INDEX logs_events_group ON logs_events (grp, timestamp, id);
        """,
    ),
)


class LogGroup(Record, frozen=True, kw_only=True):
    """A log group; times are milliseconds since 1970."""

    account: str
    region: str
    name: str
    created: int
    retention_days: int | None = None
    tags: dict[str, str] = {}
    group_class: str = "STANDARD"
    bytes: int | None = None
    """What its streams hold; None in a group of an older release, whose streams were not added up yet."""

    @property
    def id(self) -> str:
        """What its events are stored under."""
        return f"{self.account}/{self.region}/{self.name}"

    @property
    def arn(self) -> str:
        """The group's ARN without the :* that DescribeLogGroups adds."""
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.name}"


class LogStream(Record, frozen=True, kw_only=True):
    """A log stream of a group; times are milliseconds since 1970, bytes are counted as CloudWatch counts them."""

    group: str
    name: str
    created: int
    first: int | None = None
    last: int | None = None
    ingested: int | None = None
    bytes: int = 0
    arn: str = ""

    @property
    def last_event(self) -> int:
        """When its last event was, 0 while it has none: what DescribeLogStreams can order by."""
        return self.last or 0


GROUPS = Table(SCHEMA, "logs_groups", LogGroup, key=("account", "region", "name"), counted=("account", "region"))
STREAMS = Table(SCHEMA, "logs_streams", LogStream, key=("group", "name"), index=(("group", "last_event"),))


def stored_bytes(rx: Reader, group: LogGroup) -> int:
    """How much a group's streams hold."""
    return sum(each.bytes for each in STREAMS.walk(rx, {"group": group.id})) if group.bytes is None else group.bytes


def grow_group(tx: Transaction, group: LogGroup, size: int) -> None:
    """Count what a stream of the group is about to take on, or to give back."""
    GROUPS.put(tx, msgspec.structs.replace(group, bytes=stored_bytes(tx, group) + size))


class LogEvent(Record, frozen=True, kw_only=True):
    """One line."""

    id: int
    stream: str
    timestamp: int
    ingestion: int
    message: str

    @property
    def event_id(self) -> str:
        """The 56 digits by which FilterLogEvents names an event."""
        return f"{self.timestamp:020d}{self.id:036d}"


def add_events(tx: Transaction, group: str, stream: str, events: list[tuple[int, str]], ingestion: int) -> None:
    """Store lines, each a time and a message."""
    tx.executemany(
        "INSERT INTO logs_events (grp, stream, timestamp, ingestion, message) VALUES (?, ?, ?, ?, ?)",
        [(group, stream, timestamp, ingestion, message) for timestamp, message in events],
    )


def select_events(
    rx: Reader,
    group: str,
    *,
    streams: list[str] | None = None,
    start: int | None = None,
    end: int | None = None,
    after: tuple[int, int] | None = None,
    before: tuple[int, int] | None = None,
    limit: int,
    descending: bool = False,
) -> list[LogEvent]:
    """Events ordered by time and then arrival; `end` is exclusive; `after` and `before` are (time, id)."""
    clauses, values = ["grp = ?"], [group]
    parameters: list[object] = list(values)
    if streams is not None:
        clauses.append(f"stream IN ({', '.join('?' * len(streams))})")
        parameters += streams
    if start is not None:
        clauses.append("timestamp >= ?")
        parameters.append(start)
    if end is not None:
        clauses.append("timestamp < ?")
        parameters.append(end)
    for bound, sign in ((after, ">"), (before, "<")):
        if bound is not None:
            clauses.append(f"(timestamp, id) {sign} (?, ?)")
            parameters += bound
    direction = "DESC" if descending else "ASC"
    rows = rx.execute(
        "SELECT id, stream, timestamp, ingestion, message FROM logs_events WHERE "
        + " AND ".join(clauses)
        + f" ORDER BY timestamp {direction}, id {direction} LIMIT ?",
        [*parameters, limit],
    )
    return [LogEvent(**dict(row)) for row in rows]


def delete_events(tx: Transaction, group: str, stream: str | None = None, before: int | None = None) -> int:
    """Delete a group's events, of one stream or older than a time; how many there were."""
    clauses, values = ["grp = ?"], [group]
    parameters: list[object] = list(values)
    if stream is not None:
        clauses.append("stream = ?")
        parameters.append(stream)
    if before is not None:
        clauses.append("timestamp < ?")
        parameters.append(before)
    return tx.execute("DELETE FROM logs_events WHERE " + " AND ".join(clauses), parameters).rowcount
