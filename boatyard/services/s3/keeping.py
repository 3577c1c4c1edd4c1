"""What S3 keeps: that each object's bytes are those that were written, and whose they are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.keeping import Garbage, Looked, Policy, notice, problem
from boatyard.api.timestamps import now
from boatyard.services.s3 import encryption, lifecycle, records
from boatyard.services.s3.content import read
from boatyard.services.s3.lookup import AREA
from boatyard.services.s3.records import NULL_VERSION, Segment, Stored, Upload
from boatyard.services.s3.sealing import DamagedContent

_BATCH = 200
_ORPHAN_SECONDS = 3600.0


def verify(installation: Installation) -> Iterator[Looked]:
    """Opens every object, every version and every part of an upload: each chunk has its authentication tag."""
    yield from _objects(installation)
    yield from _parts(installation)
    yield from _files(installation)


def _objects(installation: Installation) -> Iterator[Looked]:
    row = 0
    while True:
        with installation.database.reading() as rx:
            found = records.scan_all(rx, row, _BATCH)
        for stored in found:
            row = stored.row
            if not stored.version.delete_marker:
                yield _object(installation, stored)
        if len(found) < _BATCH:
            return


def name_of(stored: Stored) -> str:
    """An object's version as a person writes it."""
    version = stored.version
    which = "" if version.version_id == NULL_VERSION else f" (version {version.version_id})"
    return f"s3://{version.bucket}/{version.key}{which}"


def _object(installation: Installation, stored: Stored) -> Looked:
    looked = _opened(installation, name_of(stored), stored.version.encryption, list(stored.segments), stored.content)
    if looked.level == "ok":
        return looked
    with installation.database.reading() as rx:
        # Deleted while it was read: then its files may be gone.
        return looked if records.is_there(rx, stored.row) else Looked(looked.subject)


def _opened(
    installation: Installation,
    name: str,
    sealed: records.Encryption | None,
    segments: list[Segment],
    content: bytes | None,
) -> Looked:
    size = sum(segment.size for segment in segments)
    blobs = installation.blobs.area(AREA)
    again = "Upload it again, or delete it; an export from before the damage has it whole."
    try:
        if sealed is None:
            return problem(name, "has no key in its record", again)
        key = encryption.open_key(installation.root_call(), sealed)
        for _ in read(blobs, key, segments, content, 0, size):
            pass
    except DamagedContent as error:
        files = ", ".join(str(blobs.path(each.blob)) for each in segments if each.blob) or "its row in state.db"
        return problem(name, f"is damaged: {error} ({files})", again, size)
    except FileNotFoundError as error:
        return problem(name, f"has lost its content: {error.filename} is missing", again, size)
    except OSError as error:
        return problem(name, f"cannot be read: {error}", "Look at the disk: the system's log tells more.", size)
    except ApiError as error:
        return notice(name, f"was not looked at: its KMS key {sealed.kms_key if sealed else ''} cannot be used "
                            f"({error.code}: {error.message})")  # fmt: skip
    return Looked(name, size)


def _parts(installation: Installation) -> Iterator[Looked]:
    with installation.database.reading() as rx:
        uploads = records.all_uploads(rx)
    for upload in uploads:
        with installation.database.reading() as rx:
            parts = records.parts(rx, upload.upload_id)
        for part in parts:
            name = f"s3://{upload.draft.bucket}/{upload.draft.key} (part {part.number} of upload {upload.upload_id})"
            looked = _opened(installation, name, upload.draft.encryption, [part.segment], None)
            if looked.level != "ok":
                with installation.database.reading() as rx:
                    if part not in records.parts(rx, upload.upload_id):
                        continue
            yield looked


def _files(installation: Installation) -> Iterator[Looked]:
    """The files that nothing refers to, and the counts of those that something does."""
    blobs = installation.blobs.area(AREA)
    orphans, size, before = 0, 0, time.time() - _ORPHAN_SECONDS
    with installation.database.reading() as rx:
        counted, used = records.blob_uses(rx)
    for blob_id in blobs.ids():
        if blob_id not in counted:
            try:
                status = blobs.path(blob_id).stat()
            except FileNotFoundError:
                continue
            if status.st_mtime < before:
                orphans, size = orphans + 1, size + status.st_size
    if orphans:
        text = f"{orphans} files ({size / (1 << 20):.1f} MiB) that no object refers to"
        yield notice(str(blobs.directory), text, "'boatyard gc' removes them.")
    for blob_id in sorted(used):
        if counted.get(blob_id) != used[blob_id]:
            yield problem(
                str(blobs.path(blob_id)),
                f"is used {used[blob_id]} times and counted {counted.get(blob_id, 0)} times",
                "Copy the objects that share it (aws s3 cp onto another key), then delete the old ones.",
            )


def garbage(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """What the buckets' lifecycle rules end, and files that no object refers to."""
    ended, size = 0, 0
    for each in lifecycle.find_over(installation, now()):
        ended, size = ended + 1, size + (0 if isinstance(each, Upload) else each.version.size)
    if ended:
        what = f"{ended} objects and uploads that lifecycle rules end"
        yield Garbage("lifecycle", what, size, partial(lifecycle.carry_out, installation))
    blobs = installation.blobs.area(AREA)

    def known(ids: list[str]) -> set[str]:
        with installation.database.reading() as rx:
            return records.known_blobs(rx, ids)

    for blob_id, bytes_ in blobs.unknown(known, time.time() - policy.unused_seconds):
        yield Garbage("files", str(blobs.path(blob_id)), bytes_, partial(blobs.delete, blob_id))
