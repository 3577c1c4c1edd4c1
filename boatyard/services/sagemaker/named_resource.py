"""What SageMaker's CloudFormation resource types have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from boatyard.api import tags as tag_lists
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import ResourceRequest, ResourceState, ResourceType
from boatyard.state.table import Table
from boatyard.workflows.work import Interrupted

_POLL_SECONDS = 0.1


class NamedResource(ResourceType):
    """A resource that a table keeps by name: Ref is its ARN, and GetAtt gives its name."""

    noun = ""
    table: Table[Any]
    name_member = ""
    arn_member = ""

    def create(self, call: Call, request: ResourceRequest) -> ResourceState:
        """Create it; one that the same create made before a crash is taken up."""
        given = request.properties.get(self.name_member)
        name = given or request.name(63)
        params = self.params(request) | {self.name_member: name}
        wanted = request.tags | tag_lists.to_dict(request.properties.get("Tags"))
        if wanted:
            params["Tags"] = tag_lists.to_list(wanted)
        try:
            arn = call.invoke("sagemaker", f"Create{self.noun}", **params)[self.arn_member]
        except ApiError:
            found = self.record(call, name=name) if request.resumed or not given else None
            if found is None:
                raise
            arn = found.arn
        try:
            self.settle(call, name)
        except ApiError:
            self.discard(call, arn)  # CloudFormation does not know it yet, and would leave it behind
            raise
        return self.state(arn, name)

    def delete(self, call: Call, request: ResourceRequest) -> None:
        """Delete it; not being there is success."""
        self.discard(call, str(request.physical_id))

    def discard(self, call: Call, arn: str) -> None:
        """Delete what has that ARN, if it is there."""
        found = self.record(call, arn=arn)
        if found is not None:
            call.invoke("sagemaker", f"Delete{self.noun}", **{self.name_member: found.name})

    def params(self, request: ResourceRequest) -> dict[str, Any]:
        """The properties as the operation takes them."""
        return {name: value for name, value in request.properties.items() if name != "Tags"}

    def settle(self, call: Call, name: str) -> None:
        """Waits until it is there, where that takes a while."""

    def state(self, arn: str, name: str) -> ResourceState:
        """What it has become."""
        return ResourceState(arn, {self.name_member: name})

    def record(self, call: Call, **where: Any) -> Any:
        """What is stored of it, found by name or ARN; None when it is not there."""
        with call.installation.database.reading() as rx:
            found = self.table.select(rx, {"account": call.account, "region": call.region, **where}, limit=1)
        return found[0] if found else None

    def retag(self, call: Call, request: ResourceRequest, arn: str) -> None:
        """Brings the tags to what the template says."""
        wanted = request.tags | tag_lists.to_dict(request.properties.get("Tags"))
        there = tag_lists.to_dict(call.invoke("sagemaker", "ListTags", ResourceArn=arn)["Tags"])
        if gone := sorted(set(there) - set(wanted)):
            call.invoke("sagemaker", "DeleteTags", ResourceArn=arn, TagKeys=gone)
        if wanted:
            call.invoke("sagemaker", "AddTags", ResourceArn=arn, Tags=tag_lists.to_list(wanted))


def until(call: Call, ready: Callable[[], Any]) -> Any:
    """What `ready` answers once it is true; the server's stop interrupts the wait."""
    while not (answer := ready()):
        if call.installation.workflows.stopping:
            raise Interrupted
        time.sleep(_POLL_SECONDS)
    return answer
