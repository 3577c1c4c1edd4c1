"""The OCI distribution registry at /v2/: who asks, may they, and which part of the protocol it is."""

import asyncio
import base64
import binascii
import logging
import re
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.services.ecr import tokens
from boatyard.services.ecr.records import Repository
from boatyard.services.ecr.registry import blobs, manifests, uploading
from boatyard.services.ecr.registry.exchange import Exchange, RegistryError, Response, from_api
from boatyard.services.ecr.repositories import find as find_repository
from boatyard.state import space

if TYPE_CHECKING:
    from boatyard.api.installation import Installation
    from boatyard.services.ecr.registry.exchange import Receive, Scope, Send

log = logging.getLogger(__name__)
HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\Z")

Action = Callable[[Exchange], Awaitable[Response]]


class Route:
    """One address of the distribution specification: per method, the ECR operation to authorise and what to do."""

    def __init__(self, pattern: str, **methods: tuple[str, Action]) -> None:
        self.pattern = re.compile(pattern + r"\Z")
        self.methods = methods


ADDRESSES = (
    Route(r"/v2/(?P<name>.+)/tags/list", GET=("ListImages", manifests.list_tags)),
    Route(
        r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)",
        GET=("BatchGetImage", manifests.get),
        HEAD=("BatchGetImage", manifests.get),
        PUT=("PutImage", manifests.put),
        DELETE=("BatchDeleteImage", manifests.delete),
    ),
    Route(r"/v2/(?P<name>.+)/referrers/(?P<reference>[^/]+)", GET=("ListImageReferrers", manifests.referrers)),
    Route(r"/v2/(?P<name>.+)/blobs/uploads/?", POST=("InitiateLayerUpload", uploading.begin)),
    Route(
        r"/v2/(?P<name>.+)/blobs/uploads/(?P<reference>[^/]+)",
        GET=("UploadLayerPart", uploading.status),
        PATCH=("UploadLayerPart", uploading.append),
        PUT=("CompleteLayerUpload", uploading.finish),
        DELETE=("UploadLayerPart", uploading.cancel),
    ),
    Route(
        r"/v2/(?P<name>.+)/blobs/(?P<reference>[^/]+)",
        GET=("GetDownloadUrlForLayer", blobs.get),
        HEAD=("BatchCheckLayerAvailability", blobs.get),
        DELETE=("BatchDeleteImage", blobs.delete),
    ),
)


async def handle(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """One request of the OCI Distribution Specification 1.1."""
    installation: Installation = scope["installation"]
    exchange = Exchange(scope, receive, send, installation)
    try:
        exchange.call = await asyncio.to_thread(authenticate, installation, exchange)
        scope["principal"] = exchange.call.principal.arn
        response = await _dispatch(exchange)
    except RegistryError as error:
        response = error.response(exchange.host)
    except ApiError as error:
        response = from_api(error).response(exchange.host)
    except (OSError, sqlite3.Error) as error:
        if not space.is_full(error):
            raise
        response = RegistryError(507, "DENIED", space.no_space(installation.data_directory)).response(exchange.host)
    await exchange.answer(response)


async def _dispatch(exchange: Exchange) -> Response:
    path = exchange.path.rstrip("/")
    if path == "/v2":
        return Response(200, {"Content-Type": "application/json"}, b"{}")
    if path == "/v2/_catalog":
        exchange.call.authorize("ecr", "DescribeRepositories", {})
        return await manifests.catalog(exchange)
    for route in ADDRESSES:
        match = route.pattern.match(exchange.path)
        if match is None:
            continue
        if exchange.method not in route.methods:
            raise RegistryError(405, "UNSUPPORTED", f"The operation is unsupported: {exchange.method} {path}")
        operation, action = route.methods[exchange.method]
        name = match["name"]
        exchange.reference = match.groupdict().get("reference") or ""
        exchange.repository = await asyncio.to_thread(_open, exchange.call, operation, name)
        return await action(exchange)
    raise RegistryError(404, "NAME_UNKNOWN", f"{exchange.path[:200]} is not an address of the registry")


def _open(call: Call, operation: str, name: str) -> Repository:
    call.authorize("ecr", operation, {"repositoryName": name, "registryId": call.account})
    with call.installation.database.reading() as rx:
        return find_repository(rx, call.account, call.region, name)


def authenticate(installation: "Installation", exchange: Exchange) -> Call:
    """The call of whoever was given this password by GetAuthorizationToken."""
    query = parse_qs(exchange.query)
    limited = query.get("token", [""])[0]
    token = tokens.read(installation, limited or _password(exchange.headers.get("authorization", "")))
    if token is None or (token.resource is not None) != bool(limited):
        raise RegistryError(401, "UNAUTHORIZED", "Not Authorized: the password is none that this registry gave")
    if token.resource is not None and (token.resource != exchange.path or exchange.method not in ("GET", "HEAD")):
        raise RegistryError(403, "DENIED", "The address's token is for another address")
    if token.expired:
        raise RegistryError(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
    match = HOST.match(exchange.host.partition(":")[0])
    account = match["account"] if match else token.principal.account
    return Call(
        installation,
        token.principal,
        account,
        match["region"] if match else token.region,
        source_ip=(exchange.scope.get("client") or ("127.0.0.1", 0))[0],
        host=exchange.host,
        user_agent=exchange.headers.get("user-agent", ""),
    )


def _password(header: str) -> str:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        raise RegistryError(401, "UNAUTHORIZED", "Not Authorized: log in with the user AWS and a token")
    try:
        username, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise RegistryError(401, "UNAUTHORIZED", "Not Authorized: the Authorization header cannot be read") from None
    if username != tokens.USER:
        raise RegistryError(401, "UNAUTHORIZED", f"Not Authorized: the user name must be {tokens.USER}")
    return password


ROUTES = {"/v2/": handle}
