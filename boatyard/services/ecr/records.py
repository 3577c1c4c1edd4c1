"""What ECR stores: repositories, images (manifests), tags, and layers by their content."""

from datetime import datetime

from boatyard.state.schema import Schema
from boatyard.state.table import Record, Table

SCHEMA = Schema("ecr", ())


class Repository(Record, kw_only=True, frozen=True):
    """One repository of images."""

    account: str
    region: str
    name: str
    created: datetime
    mutability: str = "MUTABLE"
    exclusions: list[str] = []
    scan_on_push: bool = False
    policy: str | None = None
    lifecycle: str | None = None
    lifecycle_evaluated: datetime | None = None
    tags: dict[str, str] = {}


class Image(Record, kw_only=True, frozen=True):
    """One manifest: of an image, an index of images, or an artifact."""

    account: str
    region: str
    repository: str
    digest: str
    media_type: str
    artifact_type: str | None = None
    manifest: bytes
    size: int
    pushed: datetime
    pulled: datetime | None = None
    subject: str | None = None
    layers: list[str] = []
    children: list[str] = []
    annotations: dict[str, str] = {}


class Tag(Record, kw_only=True, frozen=True):
    """A name of an image."""

    account: str
    region: str
    repository: str
    tag: str
    digest: str
    tagged: datetime


class Layer(Record, kw_only=True, frozen=True):
    """A blob (layer or configuration) that is in a repository."""

    account: str
    region: str
    repository: str
    digest: str
    size: int
    added: datetime


class Content(Record, kw_only=True, frozen=True):
    """Where the one copy of a blob is, however many repositories have it."""

    digest: str
    size: int
    blob: str


SCOPE = ("account", "region", "repository")
REPOSITORIES = Table(
    SCHEMA, "ecr_repositories", Repository, key=("account", "region", "name"), counted=("account", "region")
)
IMAGES = Table(SCHEMA, "ecr_images", Image, key=(*SCOPE, "digest"), index=("subject",))
TAGS = Table(SCHEMA, "ecr_tags", Tag, key=(*SCOPE, "tag"), index=("digest",))
LAYERS = Table(SCHEMA, "ecr_layers", Layer, key=(*SCOPE, "digest"))
CONTENTS = Table(SCHEMA, "ecr_contents", Content, key=("digest",))
