"""What boatyard does not do goes to the server that `upstream` names, for whoever may use boatyard."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer


class _Other(http.server.BaseHTTPRequestHandler):
    """Answers as if it had one table."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"TableNames": ["%s"]}' % self.headers["X-Amz-Target"].encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def other() -> Iterator[str]:
    """The URL of another server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Other) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_address[1]}"
        made.shutdown()


def test_unknown_operations_are_forwarded(scratch: Callable[..., RunningServer], other: str) -> None:
    running = scratch(upstream=other)
    assert running.client("dynamodb").list_tables()["TableNames"] == ["DynamoDB_20120810.ListTables"]
    assert running.client("logs").describe_log_groups()["logGroups"] == []
    with pytest.raises(ClientError) as refused:
        running.client("dynamodb", aws_secret_access_key="wrong").list_tables()
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"


def test_an_upstream_that_is_gone_is_named(scratch: Callable[..., RunningServer]) -> None:
    running = scratch(upstream="http://127.0.0.1:9")
    with pytest.raises(ClientError) as refused:
        running.client("dynamodb").list_tables()
    assert "BOATYARD_UPSTREAM" in refused.value.response["Error"]["Message"]
