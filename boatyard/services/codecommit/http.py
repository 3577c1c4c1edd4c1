"""Git over smart HTTP at /v1/repos/NAME: who asks, may they, is it there; then git's own http-backend answers."""

import asyncio
import base64
import binascii
import hmac
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.regions import REGIONS
from boatyard.identity import credentials, git_password
from boatyard.services.codecommit import push_commands, references
from boatyard.services.codecommit.backend import GitRequest, Receive, Scope, Send, serve
from boatyard.services.codecommit.checks import find_repository
from boatyard.services.codecommit.records import Repository
from boatyard.services.codecommit.references import repository_git
from boatyard.state import space

if TYPE_CHECKING:
    from boatyard.api.installation import Installation

log = logging.getLogger(__name__)
SERVICE = "codecommit.amazonaws.com"
PREFIX = "/v1/repos/"
PATH = re.compile(r"/v1/repos/(?P<name>[^/]+?)(?:\.git)?(?P<rest>/(?:info/refs|git-upload-pack|git-receive-pack))\Z")
AWS_HOST = re.compile(r"git-codecommit\.([a-z0-9-]+)\.amazonaws\.com\Z")


class Refused(Exception):
    """A request that is answered with a status and a message, which git shows as `remote: ...`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def handle(scope: Scope, receive: Receive, send: Send) -> None:
    """One git request (gitprotocol-http(5)), authenticated as CodeCommit's user guide has it."""
    installation: Installation = scope["installation"]
    try:
        name, rest = _parts(scope)
        writes = _is_push(scope, rest)
        call = await asyncio.to_thread(authenticate, installation, scope, name)
        scope["principal"] = call.principal.arn
        repository = await asyncio.to_thread(_open, call, name, writes)
        if writes and space.free_bytes(installation.data_directory) < space.ROOM_BYTES:
            raise Refused(507, space.no_space(installation.data_directory))
    except Refused as refused:
        await _refuse(send, refused)
        return
    request = GitRequest(repository_git(installation, repository).directory, rest, call.principal.arn)
    if not (writes and scope["method"] == "POST"):
        await serve(scope, receive, send, request, None)
        return
    admitted = await _admit(call, repository, scope, receive, send)
    if admitted is None:
        return
    receive = admitted
    change = await asyncio.to_thread(references.begin, installation, repository, call.principal.arn)
    recorded = False

    async def record() -> None:
        nonlocal recorded
        await asyncio.to_thread(references.record, installation, repository, call.principal.arn, change)
        recorded = True

    try:
        await serve(scope, receive, send, request, record)
    finally:
        if not recorded:
            await record()


async def _admit(call: Call, repository: Repository, scope: Scope, receive: Receive, send: Send) -> Receive | None:
    """The body of a push whose branches the caller may change; None when it was refused, in words that git shows."""
    if call.installation.settings.authorization == "off" or call.principal.is_root:
        return receive
    try:
        if any(name.lower() == b"content-encoding" for name, _ in scope["headers"]):
            raise push_commands.BadRequest("its body is compressed")
        push, receive = await push_commands.read(receive)
    except push_commands.BadRequest as bad:
        await _refuse(send, Refused(400, f"The push cannot be read: {bad}"))
        return None
    try:
        await asyncio.to_thread(_authorize_branches, call, repository, push.references)
    except ApiError as error:
        await _drain(receive)
        body = push_commands.refusal(push, error.message)
        head = [(b"content-type", b"application/x-git-receive-pack-result"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        return None
    return receive


def _authorize_branches(call: Call, repository: Repository, names: list[str]) -> None:
    for name in names:
        if name.startswith("refs/heads/"):
            asked = {"repositoryName": repository.name, "branchName": name.removeprefix("refs/heads/")}
            call.authorize("codecommit", "GitPush", asked)


async def _drain(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return


def authenticate(installation: "Installation", scope: Scope, name: str) -> Call:
    """The call of whoever sent these Basic credentials; Refused with 401 without any, with 403 for wrong ones."""
    headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
    host = headers.get("host", "").rpartition("@")[2].partition(":")[0].lower()
    username, password = _basic(headers.get("authorization", ""))
    user = git_password.split_user(username)
    found = credentials.find(installation, user.access_key)
    match = AWS_HOST.match(host)
    near = [match.group(1)] if match else [installation.settings.region]
    if found is None:
        principal = credentials.check_service_password(installation, SERVICE, username, password)
        if principal is None:
            raise Refused(403, "The user name is not a known access key or git user name.")
        region: str | None = near[0]
    else:
        principal = found.principal
        if found.expired:
            raise Refused(403, "The security token included in the request is expired.")
        if not hmac.compare_digest((found.session_token or "").encode(), (user.session_token or "").encode()):
            raise Refused(403, "The security token included in the request is invalid.")
        regions = [*near, *(each for each in REGIONS if each not in near)]
        paths = (f"{PREFIX}{name}", f"{PREFIX}{name}.git", f"{PREFIX}{name}/")
        signed = (git_password.verify(password, found.secret_access_key, path, [host], regions) for path in paths)
        region = next((each for each in signed if each), None)
    if region is None:
        raise Refused(
            403,
            "The password is not a valid signature for this repository, or it is older than 15 minutes. Check the "
            "credential helper, the key pair it uses, and that credential.UseHttpPath is true.",
        )
    client = scope.get("client") or ("127.0.0.1", 0)
    return Call(
        installation,
        principal,
        principal.account,
        region,
        source_ip=client[0],
        host=headers.get("host"),
        user_agent=headers.get("user-agent", ""),
        secure=scope.get("scheme") == "https",
    )


def _basic(header: str) -> tuple[str, str]:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        raise Refused(401, "Authentication is required: set up the AWS CLI's credential helper for git.")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Refused(401, "The Authorization header cannot be read.") from None
    username, _, password = text.partition(":")
    # Some clients percent-encode the % between access key and session token, and what is in the token.
    return (unquote(username) if "%25" in username else username), password


def _parts(scope: Scope) -> tuple[str, str]:
    raw = unquote((scope.get("raw_path") or scope["path"].encode()).decode("latin-1").split("?", 1)[0])
    match = PATH.match(raw)
    if match is None:
        raise Refused(404, f"{raw[:200]!r} is not a path of a git repository: it must be {PREFIX}NAME")
    rest = match["rest"]
    expected = "GET" if rest == "/info/refs" else "POST"
    if scope["method"] != expected:
        raise Refused(405, f"{rest} is asked with {expected}")
    return match["name"], rest


def _is_push(scope: Scope, rest: str) -> bool:
    if rest == "/info/refs":
        service = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("service", [""])[0]
        if service not in ("git-upload-pack", "git-receive-pack"):
            raise Refused(403, "The dumb HTTP protocol is not served: use a git newer than 1.7.9")
        return bool(service == "git-receive-pack")
    return rest == "/git-receive-pack"


def _open(call: Call, name: str, writes: bool) -> Repository:
    try:
        call.authorize("codecommit", "GitPush" if writes else "GitPull", {"repositoryName": name})
        return find_repository(call, name)
    except ApiError as error:
        missing = error.code in ("RepositoryDoesNotExistException", "InvalidRepositoryNameException")
        message = f"Repository {name} does not exist in region {call.region}" if missing else error.message
        raise Refused(404 if missing else 403, message) from None


async def _refuse(send: Send, refused: Refused) -> None:
    body = (refused.message + "\n").encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-cache"),
    ]
    if refused.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="AWS CodeCommit"'))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


ROUTES = {PREFIX: handle}
