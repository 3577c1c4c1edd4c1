"""Git's configuration that lets unmodified CodeCommit addresses reach this server.

Used by whatever runs git for a user: notebooks, builds, and the shell that `boatyard env` sets up.
"""

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

import boatyard

# The CLI's helper answers only for amazonaws.com unless told otherwise, and only its `get` knows that option.
CLI_HELPER = '!f() { test "$1" != get || aws codecommit credential-helper get --ignore-host-check; }; f'


def own_helper() -> str:
    """Boatyard's own helper, for where this Python is: it starts faster, and takes keys from the environment only."""
    program = Path(boatyard.__file__).parent / "gateway" / "git_password.py"
    return f"!{shlex.quote(sys.executable)} -I -S {shlex.quote(str(program))}"


def git_configuration(
    endpoint: str, regions: Iterable[str] = ("us-east-1",), helper: str = CLI_HELPER
) -> list[tuple[str, str]]:
    """Key and value of each git configuration line, in order, for a server reached at `endpoint` (no trailing slash).

    Rewrites https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME, and git-remote-codecommit's addresses
    codecommit://NAME and codecommit::REGION://NAME; asks `helper` (see gitcredentials(7)) for passwords.
    """
    base = f"url.{endpoint}/v1/repos/.insteadOf"
    lines = []
    for region in regions:
        lines.append((base, f"https://git-codecommit.{region}.amazonaws.com/v1/repos/"))
        lines.append((base, f"codecommit::{region}://"))
    lines.append((base, "codecommit://"))
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


def git_file(endpoint: str, regions: Iterable[str] = ("us-east-1",), helper: str = CLI_HELPER) -> str:
    """The same lines as a git configuration file, for `git config --global include.path FILE` or /etc/gitconfig."""
    parts = []
    for key, value in git_configuration(endpoint, regions, helper):
        section, rest = key.split(".", 1)
        subsection, name = rest.rsplit(".", 1)
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        parts.append(f'[{section} "{subsection}"]\n\t{name} = "{quoted}"\n')
    return "".join(parts)
