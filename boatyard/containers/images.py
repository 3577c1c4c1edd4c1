"""Images out of boatyard's own registry, by the names that AWS gives them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from boatyard.containers.connection import Connection
from boatyard.containers.errors import EngineError, EngineUnavailable, ImageNotFound, PullFailed

LIBPOD = "/v4.0.0/libpod"
ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?")
REPOSITORY = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Reference(NamedTuple):
    """An ECR image reference in its parts; one of tag and digest is set."""

    account: str
    region: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def suffix(self) -> str:
        """What follows the repository: `:tag` or `@digest`."""
        return f"@{self.digest}" if self.digest else f":{self.tag}"


def parse(reference: str) -> Reference | None:
    """The parts of ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY[:TAG|@DIGEST]; None when it is not one."""
    host, _, rest = reference.partition("/")
    matched = ECR_HOST.fullmatch(host)
    if matched is None:
        return None
    path, _, digest = rest.partition("@")
    repository, _, tag = path.partition(":")
    if not REPOSITORY.fullmatch(repository) or (tag and not TAG.fullmatch(tag)):
        return None
    if digest and not DIGEST.fullmatch(digest):
        return None
    return Reference(
        matched["account"], matched["region"], repository, None if digest else tag or "latest", digest or None
    )


class PulledImage(NamedTuple):
    """An image in the engine that came from boatyard's own registry."""

    id: str
    names: tuple[str, ...]
    digests: frozenset[str]
    size: int


_PULLED = re.compile(r"127\.0\.0\.1:(\d+)/")


def pulled(entry: Mapping[str, Any], port: int, *, own: bool) -> PulledImage | None:
    """An entry of ImageList, if it was pulled from boatyard; `own`: the engine is, so that former ports count too."""
    names = [str(name) for name in entry.get("RepoTags") or () if name != "<none>:<none>"]
    digests = [str(name) for name in entry.get("RepoDigests") or () if name != "<none>@<none>"]
    ports = [found[1] if (found := _PULLED.match(name)) else None for name in (*names, *digests)]
    if not ports or None in ports or (not own and set(ports) != {str(port)}):
        return None
    parts = frozenset(name.rpartition("@")[2] for name in digests)
    return PulledImage(str(entry["Id"]), tuple(names), parts, int(entry.get("Size") or 0))


def pull_image(connection: Connection, reference: str, port: int, username: str, password: str) -> str:
    """Pull from the registry on loopback and give the image its AWS name; the image's id."""
    parts = parse(reference)
    if parts is None:
        raise ImageNotFound(
            f"{reference} is not an image of this account's registry: "
            "expected ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG or @sha256:DIGEST."
        )
    local = f"127.0.0.1:{port}/{parts.repository}"
    whole = f"{local}{parts.suffix}"

    def pull(api: Any) -> str:
        _pull(api, whole, username, password, f"127.0.0.1:{port}", own=connection.own)
        return str(api.inspect_image(whole)["Id"])

    try:
        return connection.call(pull, patient=True)
    except EngineUnavailable:
        raise
    except EngineError as error:
        said = str(error)
        if any(sign in said for sign in ("manifest unknown", "name unknown", "not found", "NAME_UNKNOWN")):
            raise ImageNotFound(f"The image {reference} does not exist in the registry.") from error
        raise PullFailed(f"The image {reference} cannot be pulled: {said}") from error


def _pull(api: Any, image: str, username: str, password: str, registry: str, *, own: bool) -> None:
    """Podman's own ImagePull without TLS, which the registry on loopback does not speak; or Docker's ImageCreate.

    The engine answers 200 before it pulls: what goes wrong is told in the stream.
    """
    credentials = {"username": username, "password": password, "serveraddress": registry}
    if own:
        address = f"{api.base_url}{LIBPOD}/images/pull"
        params = {"reference": image, "tlsVerify": "false", "policy": "missing"}
    else:
        address, params = api._url("/images/create"), {"fromImage": image}
    answer = api.post(
        address,
        params=params,
        headers={"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(credentials).encode()).decode()},
        stream=True,
        timeout=None,
    )
    api._raise_for_status(answer)
    for line in answer.iter_lines():
        said = json.loads(line) if line else {}
        if said.get("error"):
            raise EngineError(str(said["error"]))
