"""`boatyard gc`, and the same once an hour: what nothing needs any more is removed, what may be needed is not.

A file is removed only when nothing refers to it and it was not touched for `retention_unused_hours`: what is under way
writes first and refers to it afterwards. Whatever is removed is looked at once more before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

from boatyard.api import registry
from boatyard.api.installation import Installation
from boatyard.api.keeping import Garbage, Policy, size_of, untouched
from boatyard.containers.errors import EngineError
from boatyard.keeping import snapshot
from boatyard.services import PACKAGES

log = logging.getLogger(__name__)
MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR
_KINDS = {
    "database": ("state.db", "state.db-wal", "state.db-shm"),
    "objects": ("blobs/s3-objects",),
    "images and packages": ("blobs",),
    "git": ("git",),
    "code": ("lambda",),
    "builds and their caches": ("codebuild",),
    "jobs, endpoints, notebooks": ("sagemaker",),
    "container engine": ("engine",),
    "log files": ("logs",),
}


def policy_of(installation: Installation) -> Policy:
    """What the settings say."""
    settings = installation.settings
    return Policy(
        unused_seconds=settings.retention_unused_hours * HOUR,
        build_cache_seconds=settings.retention_build_cache_days * DAY,
        history_seconds=settings.retention_history_days * DAY,
    )


def sizes(data_directory: Path) -> dict[str, int]:
    """The bytes of each kind of thing in a data directory."""
    found = {kind: sum(size_of(data_directory / name) for name in names) for kind, names in _KINDS.items()}
    found["images and packages"] -= found["objects"]
    return found


def start(installation: Installation) -> None:
    """Clean up once an hour, counted over restarts: a server that never runs for an hour does so too.

    What a killed server has left of container networks goes at once, and what comes up of it later within a minute:
    the engine finishes what it was asked for when nobody waits for it any more.
    """
    installation.workflows.every(HOUR / 2, "housekeeping", lambda: clean_when_due(installation))
    installation.workflows.every(MINUTE, "container networks", lambda: tidy_networks(installation))
    threading.Thread(target=tidy_networks, args=(installation,), name="container networks", daemon=True).start()


def tidy_networks(installation: Installation) -> None:
    """Remove the bridges of container networks that are no more; what cannot be removed is tried again."""
    if installation.has_engine:
        try:
            installation.engine.tidy_networks()
        except (EngineError, OSError) as error:
            log.warning("Not all bridges of removed container networks could be removed: %s", error)


def clean_when_due(installation: Installation) -> None:
    """Clean up unless that was done within the last hour."""
    mark = installation.data_directory / "cleaned"
    if not mark.exists() or untouched(mark, HOUR):
        mark.touch()
        clean(installation)


def clean(installation: Installation) -> None:
    """Remove all that may go; what cannot be removed is logged and tried again the next hour."""
    count = size = 0
    for each in garbage(installation):
        if remove(each):
            count, size = count + 1, size + each.size
    installation.workflows.prune()
    if count:
        log.info("Removed %d things that nothing needed, %.1f MiB", count, size / (1 << 20))


def remove(each: Garbage) -> bool:
    """Remove one thing; False, and why in the log, where that fails."""
    try:
        each.remove()
    except (OSError, EngineError) as error:
        log.warning("Not removed: %s: %s", each.what, error)
        return False
    return True


def garbage(installation: Installation) -> Iterator[Garbage]:
    """All that may go, as each service names it; a service that fails is logged and does not hinder the others."""
    policy = policy_of(installation)
    sources: list[Callable[[], Iterator[Garbage]]] = [
        partial(module.garbage, installation, policy) for module in _modules() if hasattr(module, "garbage")
    ]
    sources += [partial(each, installation, policy) for each in (_blobs, _images, _leftovers)]
    for source in sources:
        try:
            yield from source()
        except (EngineError, OSError) as error:
            log.warning("Not all that may go was found: %s", error)


def _modules() -> Iterator[ModuleType]:
    for service in PACKAGES:
        yield from registry.modules(service, "KEEPING_MODULES", ("keeping",))


def _blobs(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """Files in the store that the services share: packages of functions that were replaced, layers cut off."""

    def known(ids: list[str]) -> set[str]:
        with installation.database.reading() as rx:
            return {blob for each in _modules() if hasattr(each, "blobs_in_use") for blob in each.blobs_in_use(rx)}

    def remove_if_unknown(blob_id: str) -> None:
        if blob_id not in known([blob_id]):
            installation.blobs.delete(blob_id)

    for blob_id, size in installation.blobs.unknown(known, time.time() - policy.unused_seconds):
        path = str(installation.blobs.path(blob_id))
        yield Garbage("files", path, size, partial(remove_if_unknown, blob_id))


def _images(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """Images in the engine that no endpoint, job or container has, for as long as this server knows."""
    if not installation.has_engine:
        return
    seen = installation.attached("keeping.images", dict[str, float])

    def needed(image: frozenset[str]) -> bool:
        with installation.database.reading() as rx:
            used = {name for each in _modules() if hasattr(each, "images_in_use") for name in each.images_in_use(rx)}
        return not image.isdisjoint(used)

    unused = [image for image in installation.engine.pulled_images() if not needed(image.digests | {image.id})]
    for known in seen.keys() - {image.id for image in unused}:
        del seen[known]
    for image in unused:
        since = seen.setdefault(image.id, time.monotonic())
        if time.monotonic() - since >= policy.unused_seconds:
            what = f"the image {', '.join(image.names) or image.id} in the engine"
            yield Garbage("images", what, image.size, partial(installation.engine.remove_pulled, image))


def _leftovers(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """What exports left that were killed."""
    data = installation.data_directory
    for folder in snapshot.leftovers(data):
        yield Garbage(
            "exports", f"what a cut off export left ({folder.name})", 0, partial(snapshot.remove_leftovers, data)
        )
