"""boto3 as it comes, without any configuration."""

from __future__ import annotations

import json

from tests.clients.cases import BOTO3, case
from tests.clients.shell import Shell
from tests.server import unique


@case(BOTO3, "default settings: transfers in parts, checksums, streams, presigned addresses, paginators, waiters, "
             "resources, typed errors, threads")  # fmt: skip
def test_default_settings_suffice(shell: Shell) -> None:
    said = shell.script("boto3_defaults.py", "boto3", unique("defaults"))
    assert json.loads(said)["boto3"] == BOTO3.version()
