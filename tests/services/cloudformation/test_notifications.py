"""A stack's SNS topics are told of its events."""

from __future__ import annotations

import json
import queue
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.server import unique

Messages = queue.Queue[dict[str, Any]]


@pytest.fixture
def listener() -> Iterator[tuple[str, Messages]]:
    """A program on this machine that SNS can post to: its address and what it got."""
    received: Messages = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is written."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", received
    server.shutdown()
    server.server_close()


def test_topics_are_told(client: Callable[..., Any], listener: tuple[str, Messages]) -> None:
    address, received = listener
    topic = client("sns").create_topic(Name=unique("stacks"))["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=address)
    urllib.request.urlopen(received.get(timeout=120)["SubscribeURL"], timeout=120).close()
    name = unique("told")
    client("cloudformation").create_stack(
        StackName=name,
        TemplateBody="Resources: {G: {Type: AWS::Logs::LogGroup}}",
        NotificationARNs=[topic],
    )
    # A topic's messages arrive in any order, so that of the stack may overtake that of its resource.
    missing = {f"LogicalResourceId='{name}'\n", "ResourceType='AWS::Logs::LogGroup'\n"}
    while missing:
        message = received.get(timeout=120)["Message"]
        if "ResourceStatus='CREATE_COMPLETE'\n" in message:
            missing -= {line for line in missing if line in message}
