"""An instance whose container has ended keeps no request open."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.containers.container import Container
from boatyard.services.lambda_.invocations.instance import Instance
from boatyard.services.lambda_.records import Function, Package


def test_the_request_for_the_next_event_ends_with_the_container(installation: Installation) -> None:
    function = Function(
        account="000000000000",
        region="us-east-1",
        name="train",
        version="$LATEST",
        role="arn:aws:iam::000000000000:role/train",
        runtime="python3.11",
        handler="main.handler",
        package=Package(blob="", size=0, sha256=""),
        modified=now(),
        revision="1",
    )
    instance = Instance(installation, function)
    instance._container = Mock(spec=Container)

    async def ask() -> object:
        asked = asyncio.ensure_future(instance.next())
        await asyncio.sleep(0)
        await asyncio.to_thread(instance._watch)
        return await asyncio.wait_for(asked, 60)

    assert asyncio.run(ask()) is None
    assert instance.broken
