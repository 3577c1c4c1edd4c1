"""Git's configuration that lets unmodified CodeCommit addresses reach this server.

Used by whatever runs git for a user: notebooks, builds, and the shell that `boatyard env` sets up.
"""

import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import boatyard
from boatyard.api.addresses import server_url
from boatyard.api.call import Call

# The CLI's helper answers only for amazonaws.com unless told otherwise, and only its `get` knows that option.
CLI_HELPER = '!f() { test "$1" != get || aws codecommit credential-helper get --ignore-host-check; }; f'


LOOPBACK = ("127.0.0.1", "localhost")
_CODECOMMIT = re.compile(
    r"^(https://git-codecommit\.[a-z0-9-]+\.amazonaws\.com|https?://(127\.0\.0\.1|localhost)(:\d+)?)/v1/repos/"
)


def aws_address(call: Call, address: str) -> str:
    """A clone address of this server as AWS's own, which git configured as here leads back; others as they are.

    For what AWS takes by its https form only, such as SageMaker's code repositories.
    """
    for server in (server_url(call), call.installation.gateway_url):
        if address.startswith(f"{server}/v1/repos/"):
            return f"https://git-codecommit.{call.region}.amazonaws.com{address.removeprefix(server)}"
    return address


def own_helper() -> str:
    """Boatyard's own helper, for where this Python is: it starts faster, and takes keys from the environment only."""
    program = Path(boatyard.__file__).parent / "identity" / "git_password.py"
    return f"!{shlex.quote(sys.executable)} -I -S {shlex.quote(str(program))}"


def git_configuration(
    endpoint: str, regions: Iterable[str] = ("us-east-1",), helper: str = CLI_HELPER
) -> list[tuple[str, str]]:
    """Key and value of each git configuration line, in order, for a server reached at `endpoint` (no trailing slash).

    Rewrites https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME, git-remote-codecommit's addresses
    codecommit://NAME and codecommit::REGION://NAME, and in containers the machine's own addresses; asks `helper`
    (see gitcredentials(7)) for passwords.
    """
    base = f"url.{endpoint}/v1/repos/.insteadOf"
    lines = []
    for region in regions:
        lines.append((base, f"https://git-codecommit.{region}.amazonaws.com/v1/repos/"))
        lines.append((base, f"codecommit::{region}://"))
    lines.append((base, "codecommit://"))
    host, _, port = endpoint.partition("://")[2].partition(":")
    if host not in LOOPBACK:
        # Stacks give the address at which the machine itself reaches the server; in a container it leads nowhere.
        lines += [(base, f"http://{name}{port and ':'}{port}/v1/repos/") for name in LOOPBACK]
    # An empty helper forgets those that system and user configuration name for every host.
    lines.append((f"credential.{endpoint}.helper", ""))
    lines.append((f"credential.{endpoint}.helper", helper))
    lines.append((f"credential.{endpoint}.useHttpPath", "true"))
    return lines


def git_environment(endpoint: str, regions: Iterable[str] = ("us-east-1",), helper: str = CLI_HELPER) -> dict[str, str]:
    """The same lines as environment variables (git-config(1), GIT_CONFIG_COUNT): no file is touched."""
    lines = git_configuration(endpoint, regions, helper)
    result = {"GIT_CONFIG_COUNT": str(len(lines))}
    for position, (key, value) in enumerate(lines):
        result[f"GIT_CONFIG_KEY_{position}"] = key
        result[f"GIT_CONFIG_VALUE_{position}"] = value
    return result


def git_file(
    endpoint: str,
    regions: Iterable[str] = ("us-east-1",),
    helper: str = CLI_HELPER,
    mirrors: Mapping[str, str] | None = None,
) -> str:
    """The same lines as a git configuration file, for `git config --global include.path FILE` or /etc/gitconfig.

    `mirrors`: what stands in for the addresses that begin so; a mirror may be a CodeCommit repository.
    """
    lines = git_configuration(endpoint, regions, helper)
    # Git rewrites an address once only, so that a mirror in CodeCommit is named as this server reaches it.
    lines += [
        (f"url.{_CODECOMMIT.sub(lambda _: f'{endpoint}/v1/repos/', mirror)}.insteadOf", address)
        for address, mirror in (mirrors or {}).items()
    ]
    parts = []
    for key, value in lines:
        section, rest = key.split(".", 1)
        subsection, name = rest.rsplit(".", 1)
        parts.append(f'[{section} "{_escaped(subsection)}"]\n\t{name} = "{_escaped(value)}"\n')
    return "".join(parts)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
