"""Blobs by content: each is kept once, and belongs to the repositories that got or mounted it."""

import time
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from boatyard.api.timestamps import now
from boatyard.services.ecr.records import CONTENTS, IMAGES, LAYERS, REPOSITORIES, Content, Layer, Repository
from boatyard.services.ecr.repositories import key_of, scope_of
from boatyard.state.blobs import Blob
from boatyard.state.database import Reader, Transaction

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

UNREFERENCED_AGE = timedelta(hours=24)
PROMISE_SECONDS = 3600.0
PROMISES = 10_000


def add(installation: "Installation", tx: Transaction, repository: Repository, blob: Blob) -> Layer:
    """Put a finished blob into a repository; a second copy of the same content is thrown away."""
    digest = f"sha256:{blob.sha256}"
    if CONTENTS.get(tx, digest) is None:
        CONTENTS.insert(tx, Content(digest=digest, size=blob.size, blob=blob.id))
    else:
        tx.after_commit(partial(installation.blobs.delete, blob.id))
    return link(tx, repository, digest, blob.size)


def link(tx: Transaction, repository: Repository, digest: str, size: int) -> Layer:
    """Let a repository have content that is there."""
    layer = Layer(**scope_of(repository), digest=digest, size=size, added=now())
    LAYERS.put(tx, layer)
    return layer


def find(rx: Reader, repository: Repository, digest: str) -> Layer | None:
    """A repository's blob of that digest, or None."""
    return LAYERS.get(rx, *key_of(repository), digest)


def content(rx: Reader, digest: str) -> Content | None:
    """Where the content of that digest is, or None."""
    return CONTENTS.get(rx, digest)


def promise(installation: "Installation", digest: str) -> None:
    """Note that a client was told that a blob is there: it will not push it, so that it must stay for a while."""
    moment = time.monotonic()
    promised = _promised(installation)
    promised[digest] = moment
    if len(promised) > PROMISES:
        for old in [each for each, told in list(promised.items()) if moment - told > PROMISE_SECONDS]:
            promised.pop(old, None)


def is_promised(installation: "Installation", digest: str) -> bool:
    """Whether a client was told within the last hour that the blob is there."""
    told = _promised(installation).get(digest)
    return told is not None and time.monotonic() - told < PROMISE_SECONDS


def _promised(installation: "Installation") -> dict[str, float]:
    return installation.attached("ecr.promised", dict[str, float])


def remove(installation: "Installation", tx: Transaction, repository: Repository, digests: Iterable[str]) -> None:
    """Take blobs out of a repository, and from disk where no other repository has them."""
    for digest in digests:
        if not LAYERS.delete(tx, *key_of(repository), digest):
            continue
        if tx.execute("SELECT 1 FROM ecr_layers WHERE digest = ? LIMIT 1", (digest,)).fetchone():
            continue
        stored = CONTENTS.get(tx, digest)
        if stored is not None:
            CONTENTS.delete(tx, digest)
            tx.after_commit(partial(installation.blobs.delete, stored.blob))


def forget_repository(installation: "Installation", tx: Transaction, repository: Repository) -> None:
    """Take all blobs out of a repository that is being deleted."""
    remove(installation, tx, repository, [layer.digest for layer in LAYERS.select(tx, scope_of(repository))])


def collect(installation: "Installation") -> None:
    """Remove blobs that no image of their repository has referred to for a day since they came."""
    with installation.database.reading() as rx:
        repositories = REPOSITORIES.select(rx)
    for repository in repositories:
        with installation.database.transaction() as tx:
            digests = [layer.digest for layer in _unneeded(installation, tx, repository)]
            remove(installation, tx, repository, digests)


def unneeded(installation: "Installation") -> list[Layer]:
    """What `collect` would remove."""
    with installation.database.reading() as rx:
        return [layer for one in REPOSITORIES.select(rx) for layer in _unneeded(installation, rx, one)]


def _unneeded(installation: "Installation", rx: Reader, repository: Repository) -> list[Layer]:
    needed = {digest for image in IMAGES.select(rx, scope_of(repository)) for digest in image.layers}
    limit = now() - UNREFERENCED_AGE
    return [
        layer
        for layer in LAYERS.select(rx, scope_of(repository))
        if layer.digest not in needed and layer.added < limit and not is_promised(installation, layer.digest)
    ]
