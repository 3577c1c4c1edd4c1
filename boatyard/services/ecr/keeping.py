"""What ECR keeps: that each layer and manifest is what its digest says, and which images have it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

from boatyard.api.installation import Installation
from boatyard.api.keeping import Garbage, Looked, Policy, problem
from boatyard.services.ecr.layers import store
from boatyard.services.ecr.lifecycle import operations as lifecycle
from boatyard.services.ecr.records import CONTENTS, IMAGES, LAYERS, TAGS, Content, Image
from boatyard.state.database import Reader

_AGAIN = "Delete the image (aws ecr batch-delete-image) and push it again."


def verify(installation: Installation) -> Iterator[Looked]:
    """Works every digest out anew, and looks that images have all their parts."""
    with installation.database.reading() as rx:
        contents = CONTENTS.select(rx)
        missing = _missing(rx)
    yield from missing
    for content in contents:
        yield _content(installation, content)


def _name(rx: Reader, image: Image) -> str:
    where = {"account": image.account, "region": image.region, "repository": image.repository}
    tags = [each.tag for each in TAGS.select(rx, {**where, "digest": image.digest})]
    return f"ecr {image.repository}@{image.digest}" + (f" ({', '.join(tags)})" if tags else "")


def _missing(rx: Reader) -> list[Looked]:
    found = []
    layers = {(each.account, each.region, each.repository, each.digest) for each in LAYERS.select(rx)}
    there = {each.digest for each in CONTENTS.select(rx)}
    images = {(each.account, each.region, each.repository, each.digest): each for each in IMAGES.select(rx)}
    for (*scope, digest), image in images.items():
        if f"sha256:{hashlib.sha256(image.manifest).hexdigest()}" != digest:
            found.append(problem(_name(rx, image), "has a damaged manifest", _AGAIN))
        lacking = [each for each in image.layers if (*scope, each) not in layers or each not in there]
        lacking += [each for each in image.children if (*scope, each) not in images]
        if lacking:
            found.append(problem(_name(rx, image), f"lacks {', '.join(lacking)}", _AGAIN))
        found.append(Looked(_name(rx, image), len(image.manifest)))
    for tag in TAGS.select(rx):
        if (tag.account, tag.region, tag.repository, tag.digest) not in images:
            text = f"names {tag.digest}, which is not there"
            found.append(problem(f"ecr {tag.repository}:{tag.tag}", text, _AGAIN))
    return found


def _content(installation: Installation, content: Content) -> Looked:
    path = installation.blobs.path(content.blob)
    try:
        digest = f"sha256:{installation.blobs.sha256(content.blob).hex()}"
        said = "" if digest == content.digest else f"is damaged: {path} has the digest {digest}"
    except FileNotFoundError:
        said = f"is lost: {path} is missing"
    except OSError as error:
        said = f"cannot be read: {error}"
    if not said:
        return Looked(f"ecr {content.digest}", content.size)
    with installation.database.reading() as rx:
        if CONTENTS.get(rx, content.digest) != content:
            return Looked(f"ecr {content.digest}")
        images = [_name(rx, image) for image in IMAGES.select(rx) if content.digest in image.layers]
        repositories = sorted({each.repository for each in LAYERS.select(rx) if each.digest == content.digest})
    whose = f"of {', '.join(images)}" if images else f"in {', '.join(repositories)} (of no image yet)"
    return problem(f"ecr layer {content.digest} {whose}", said, _AGAIN, content.size)


def blobs_in_use(rx: Reader) -> set[str]:
    """The files that layers and configurations are in."""
    return {content.blob for content in CONTENTS.select(rx)}


def garbage(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """Images that lifecycle policies expire, and layers that no image has needed for a day."""
    images = lifecycle.find_expired(installation)
    if images:
        what = f"{len(images)} images that lifecycle policies expire: {', '.join(images[:5])}"
        yield Garbage("lifecycle", what, 0, partial(lifecycle.carry_out, installation))
    layers = store.unneeded(installation)
    if layers:
        size = sum(layer.size for layer in layers)
        yield Garbage("layers", f"{len(layers)} layers that no image has", size, partial(store.collect, installation))
