"""What S3 keeps: buckets, object versions, multipart uploads and their parts, and which blobs these use."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from boatyard.state.database import Reader, Transaction
from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema(
    "s3",
    (
        """
        CREATE TABLE s3_objects (
            id INTEGER PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, version_id TEXT NOT NULL,
            latest INTEGER NOT NULL, delete_marker INTEGER NOT NULL, record BLOB NOT NULL,
            segments BLOB NOT NULL, content BLOB
        );
        CREATE INDEX s3_objects_versions ON s3_objects (bucket, key, id DESC);
        CREATE INDEX s3_objects_current ON s3_objects (bucket, key) WHERE latest = 1 AND delete_marker = 0;
        CREATE TABLE s3_blobs (blob TEXT PRIMARY KEY, uses INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE s3_uploads (
            upload_id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, record BLOB NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX s3_uploads_keys ON s3_uploads (bucket, key, upload_id);
        CREATE TABLE s3_parts (
            upload_id TEXT NOT NULL, number INTEGER NOT NULL, record BLOB NOT NULL,
            PRIMARY KEY (upload_id, number)
        ) WITHOUT ROWID;
        """,
    ),
)
NULL_VERSION = "null"


class Encryption(Record, kw_only=True, frozen=True):
    """How an object is encrypted, and its data key, which only the key named here opens."""

    algorithm: str = "AES256"
    wrapped: bytes
    kms_key: str | None = None
    """The KMS key's ARN."""
    kms_ciphertext: bytes | None = None
    """What kms:Decrypt turns into the key that opens `wrapped`."""
    context: dict[str, str] = {}
    bucket_key: bool = False


class Segment(Record, kw_only=True, frozen=True):
    """One stretch of an object's bytes: a blob, or (blob None) the content column; a part, when multipart."""

    size: int
    salt: bytes
    blob: str | None = None
    number: int = 0
    checksum: str | None = None


class Bucket(Record, kw_only=True, frozen=True):
    """A bucket and its configurations, as their Put operations gave them."""

    name: str
    account: str
    region: str
    created: datetime
    versioning: str = ""
    tags: dict[str, str] = {}
    policy: str | None = None
    ownership: str | None = "BucketOwnerEnforced"
    acl: str = "private"
    encryption: dict[str, Any] | None = None
    public_access_block: dict[str, bool] | None = None
    cors: list[dict[str, Any]] | None = None
    lifecycle: list[dict[str, Any]] | None = None
    lifecycle_minimum_size: str = "all_storage_classes_128K"
    event_bridge: bool = False

    @property
    def arn(self) -> str:
        """The bucket's ARN."""
        return f"arn:aws:s3:::{self.name}"


class ObjectVersion(Record, kw_only=True, frozen=True):
    """One version of an object, or a delete marker."""

    bucket: str
    key: str
    modified: datetime
    version_id: str = NULL_VERSION
    delete_marker: bool = False
    size: int = 0
    etag: str = ""
    headers: dict[str, str] = {}
    """Content headers by member name (ContentType, CacheControl, ...); Expires as the HTTP date given."""
    metadata: dict[str, str] = {}
    storage_class: str = "STANDARD"
    tags: dict[str, str] = {}
    encryption: Encryption | None = None
    checksums: dict[str, str] = {}
    checksum_type: str = "FULL_OBJECT"
    parts: int = 0
    """How many parts a multipart object was made of; 0 for any other."""


class Upload(Record, kw_only=True, frozen=True):
    """A multipart upload under way; `draft` is the object that it will become."""

    upload_id: str
    initiated: datetime
    initiator: str
    draft: ObjectVersion
    algorithm: str | None = None
    """The checksum algorithm that the upload was created with."""
    checksum_type: str = "FULL_OBJECT"


class Part(Record, kw_only=True, frozen=True):
    """One uploaded part."""

    number: int
    modified: datetime
    etag: str
    segment: Segment
    checksums: dict[str, str] = {}

    @property
    def size(self) -> int:
        """In bytes."""
        return self.segment.size


@dataclass(frozen=True, slots=True)
class Stored:
    """An object version with where its bytes are."""

    row: int
    version: ObjectVersion
    latest: bool
    segments: Sequence[Segment] = ()
    content: bytes | None = None


BUCKETS = Table(SCHEMA, "s3_buckets", Bucket, key=("name",), index=("account",))
_encode = msgspec.json.Encoder().encode
_decode_version = msgspec.json.Decoder(ObjectVersion).decode
_decode_segments = msgspec.json.Decoder(list[Segment]).decode
_decode_upload = msgspec.json.Decoder(Upload).decode
_decode_part = msgspec.json.Decoder(Part).decode
_COLUMNS = "id, latest, record, segments, content"


def _stored(row: Any) -> Stored:
    return Stored(
        row=row[0],
        latest=bool(row[1]),
        version=_decode_version(row[2]),
        segments=_decode_segments(row[3]),
        content=row[4],
    )


def new_version_id() -> str:
    """A version id: 32 characters that need no quoting anywhere and never begin with a dash."""
    return secrets.token_urlsafe(24).replace("-", ".")


def new_upload_id() -> str:
    """An upload id; later ones sort after earlier ones."""
    return f"{time.time_ns():016x}{secrets.token_hex(24)}"


def latest(rx: Reader, bucket: str, key: bytes) -> Stored | None:
    """The newest version of a key, which may be a delete marker."""
    row = rx.execute(
        f"SELECT {_COLUMNS} FROM s3_objects WHERE bucket = ? AND key = ? ORDER BY id DESC LIMIT 1", (bucket, key)
    ).fetchone()
    return _stored(row) if row else None


def find_version(rx: Reader, bucket: str, key: bytes, version_id: str) -> Stored | None:
    """The version of a key with that id."""
    row = rx.execute(
        f"SELECT {_COLUMNS} FROM s3_objects WHERE bucket = ? AND key = ? AND version_id = ?",
        (bucket, key, version_id),
    ).fetchone()
    return _stored(row) if row else None


def add_version(
    tx: Transaction, version: ObjectVersion, segments: Sequence[Segment] = (), content: bytes | None = None
) -> None:
    """Stores a version as its key's newest. Its blobs are counted as used once more."""
    key = version.key.encode()
    tx.execute("UPDATE s3_objects SET latest = 0 WHERE bucket = ? AND key = ? AND latest = 1", (version.bucket, key))
    tx.execute(
        "INSERT INTO s3_objects (bucket, key, version_id, latest, delete_marker, record, segments, content) "
        "VALUES (?, ?, ?, 1, ?, ?, ?, ?)",
        (
            version.bucket,
            key,
            version.version_id,
            int(version.delete_marker),
            _encode(version),
            _encode(segments),
            content,
        ),
    )
    use_blobs(tx, segments)


def change_version(tx: Transaction, stored: Stored, version: ObjectVersion) -> None:
    """Stores a version's changed record (its tags)."""
    tx.execute("UPDATE s3_objects SET record = ? WHERE id = ?", (_encode(version), stored.row))


def remove_version(tx: Transaction, stored: Stored) -> list[str]:
    """Removes a version; the one before it becomes the newest. Answers the blobs that nothing uses any more."""
    tx.execute("DELETE FROM s3_objects WHERE id = ?", (stored.row,))
    if stored.latest:
        tx.execute(
            "UPDATE s3_objects SET latest = 1 WHERE id = (SELECT id FROM s3_objects "
            "WHERE bucket = ? AND key = ? ORDER BY id DESC LIMIT 1)",
            (stored.version.bucket, stored.version.key.encode()),
        )
    return drop_blobs(tx, stored.segments)


def use_blobs(tx: Transaction, segments: Iterable[Segment]) -> None:
    """Counts one more use of every blob in the segments."""
    for segment in segments:
        if segment.blob is not None:
            tx.execute(
                "INSERT INTO s3_blobs VALUES (?, 1) ON CONFLICT (blob) DO UPDATE SET uses = uses + 1",
                (segment.blob,),
            )


def drop_blobs(tx: Transaction, segments: Iterable[Segment]) -> list[str]:
    """Counts one use less of every blob in the segments; answers those that nothing uses any more."""
    unused = []
    for segment in segments:
        if segment.blob is None:
            continue
        row = tx.execute(
            "UPDATE s3_blobs SET uses = uses - 1 WHERE blob = ? RETURNING uses", (segment.blob,)
        ).fetchone()
        if row is not None and row[0] <= 0:
            tx.execute("DELETE FROM s3_blobs WHERE blob = ?", (segment.blob,))
            unused.append(segment.blob)
    return unused


def known_blobs(rx: Reader, ids: list[str]) -> set[str]:
    """Which of these blobs something uses."""
    marks = ", ".join("?" * len(ids))
    return {row[0] for row in rx.execute(f"SELECT blob FROM s3_blobs WHERE blob IN ({marks})", ids)}


def blob_uses(rx: Reader) -> tuple[dict[str, int], Counter[str]]:
    """How often each blob is used: as it was counted, and as the objects and parts of this snapshot say."""
    counted = {str(row[0]): int(row[1]) for row in rx.execute("SELECT blob, uses FROM s3_blobs")}
    used: Counter[str] = Counter()
    for row in rx.execute("SELECT segments FROM s3_objects"):
        used.update(segment.blob for segment in _decode_segments(row[0]) if segment.blob is not None)
    for row in rx.execute("SELECT record FROM s3_parts"):
        blob = _decode_part(row[0]).segment.blob
        used.update([blob] if blob is not None else [])
    return counted, used


def scan_all(rx: Reader, after: int, limit: int) -> list[Stored]:
    """Versions of every bucket, in the order of their rows, those after a row."""
    return [
        _stored(row)
        for row in _rows(rx, f"SELECT {_COLUMNS} FROM s3_objects WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
    ]


def is_there(rx: Reader, row: int) -> bool:
    """Whether a version's row has not been deleted."""
    return rx.execute("SELECT 1 FROM s3_objects WHERE id = ?", (row,)).fetchone() is not None


def all_uploads(rx: Reader) -> list[Upload]:
    """Every upload under way."""
    return [_decode_upload(row[0]) for row in _rows(rx, "SELECT record FROM s3_uploads ORDER BY upload_id", ())]


def has_objects(rx: Reader, bucket: str) -> bool:
    """Whether a bucket holds any version or delete marker."""
    return rx.execute("SELECT 1 FROM s3_objects WHERE bucket = ? LIMIT 1", (bucket,)).fetchone() is not None


def scan_current(rx: Reader, bucket: str, start: bytes, stop: bytes | None, limit: int) -> list[ObjectVersion]:
    """Objects in the order of their keys, from `start` on, up to (and without) `stop`; no delete markers."""
    bound, values = ("AND key < ? ", (stop,)) if stop is not None else ("", ())
    rows = _rows(
        rx,
        "SELECT record FROM s3_objects INDEXED BY s3_objects_current WHERE bucket = ? AND key >= ? "
        f"{bound}AND latest = 1 AND delete_marker = 0 ORDER BY key LIMIT ?",
        (bucket, start, *values, limit),
    )
    return [_decode_version(row[0]) for row in rows]


def scan_versions(
    rx: Reader, bucket: str, start: tuple[bytes, int | None], stop: bytes | None, limit: int
) -> list[Stored]:
    """Versions by key, newest first; `start` is a key and the row after which to go on within it (None: all)."""
    bound, values = ("AND key < ? ", (stop,)) if stop is not None else ("", ())
    key, row = start
    if row is not None:
        bound, values = f"AND (key > ? OR id < ?) {bound}", (key, row, *values)
    rows = _rows(
        rx,
        f"SELECT id, latest, record FROM s3_objects WHERE bucket = ? AND key >= ? {bound}ORDER BY key, id DESC LIMIT ?",
        (bucket, key, *values, limit),
    )
    return [Stored(row=each[0], latest=bool(each[1]), version=_decode_version(each[2])) for each in rows]


def _rows(rx: Reader, sql: str, values: Sequence[Any]) -> list[Any]:
    """All rows of a query."""
    return rx.execute(sql, values).fetchall()


def add_upload(tx: Transaction, upload: Upload) -> None:
    """Stores a new multipart upload."""
    tx.execute(
        "INSERT INTO s3_uploads VALUES (?, ?, ?, ?)",
        (upload.upload_id, upload.draft.bucket, upload.draft.key.encode(), _encode(upload)),
    )


def find_upload(rx: Reader, upload_id: str) -> Upload | None:
    """The upload of that id."""
    row = rx.execute("SELECT record FROM s3_uploads WHERE upload_id = ?", (upload_id,)).fetchone()
    return _decode_upload(row[0]) if row else None


def scan_uploads(rx: Reader, bucket: str, start: tuple[bytes, str], stop: bytes | None, limit: int) -> list[Upload]:
    """Uploads by key and age, those after `start`."""
    bound, values = ("AND key < ? ", (stop,)) if stop is not None else ("", ())
    rows = _rows(
        rx,
        "SELECT record FROM s3_uploads WHERE bucket = ? AND (key, upload_id) > (?, ?) "
        f"{bound}ORDER BY key, upload_id LIMIT ?",
        (bucket, *start, *values, limit),
    )
    return [_decode_upload(row[0]) for row in rows]


def put_part(tx: Transaction, upload_id: str, part: Part) -> list[str]:
    """Stores a part in place of an earlier one of its number; answers the blobs that nothing uses any more."""
    unused = []
    row = tx.execute(
        "SELECT record FROM s3_parts WHERE upload_id = ? AND number = ?", (upload_id, part.number)
    ).fetchone()
    if row is not None:
        unused = drop_blobs(tx, [_decode_part(row[0]).segment])
    tx.execute("INSERT OR REPLACE INTO s3_parts VALUES (?, ?, ?)", (upload_id, part.number, _encode(part)))
    use_blobs(tx, [part.segment])
    return unused


def parts(rx: Reader, upload_id: str, after: int = 0, limit: int = -1) -> list[Part]:
    """An upload's parts by number."""
    rows = _rows(
        rx,
        "SELECT record FROM s3_parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?",
        (upload_id, after, limit),
    )
    return [_decode_part(row[0]) for row in rows]


def remove_upload(tx: Transaction, upload_id: str) -> list[str]:
    """Removes an upload and its parts; answers the blobs that nothing uses any more."""
    unused = drop_blobs(tx, [part.segment for part in parts(tx, upload_id)])
    tx.execute("DELETE FROM s3_parts WHERE upload_id = ?", (upload_id,))
    tx.execute("DELETE FROM s3_uploads WHERE upload_id = ?", (upload_id,))
    return unused
