"""What the unit tests of services that run containers share: a role that a service may assume, zips, waiting."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

from boatyard.api.call import Call


def service_role(call: Call, service: str, name: str) -> str:
    """The ARN of a new role that a service such as "lambda" may assume."""
    trusted = {"Service": f"{service}.amazonaws.com"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}],
    }
    answer = call.invoke("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return str(answer["Role"]["Arn"])


def zipped(files: dict[str, str]) -> bytes:
    """A zip with these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def eventually(ready: Callable[[], Any], timeout: float = 120.0) -> Any:
    """What `ready` answers once it is true."""
    deadline = time.monotonic() + timeout
    while not (answer := ready()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
    return answer
