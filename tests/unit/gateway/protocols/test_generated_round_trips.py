"""Every operation that boatyard does, in every protocol its service speaks: what a botocore client sends is what the
operation is given, and what the operation returns is what the client reads, for values that the models allow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard.services import PACKAGES
from tests.unit.gateway.forms import as_read, as_received, different
from tests.unit.gateway.generated import Side, requests, structures
from tests.unit.gateway.in_process import PAIRS, InProcess, operations

EXAMPLES = max(3, settings().max_examples // 6)


def _outputs(operation: Any, protocol: str) -> st.SearchStrategy[dict[str, Any]]:
    if operation.output_shape is None:
        return st.just({})
    return structures(operation.output_shape, Side(protocol, request=False)).map(
        lambda output: _answerable(operation, output)
    )


def _answerable(operation: Any, output: dict[str, Any]) -> dict[str, Any]:
    """As generated, but for what is no free choice: the status, and the length of the body."""
    for name, member in operation.output_shape.members.items():
        if member.serialization.get("location") == "statusCode":
            output[name] = 202
    output.pop("EncodingType", None)  # botocore would decode every key, and fail where there is none
    if operation.has_streaming_output:
        payload = operation.output_shape.serialization["payload"]
        output.setdefault(payload, b"")
        if "ContentLength" in output:
            output["ContentLength"] = len(output[payload])
    return output


@pytest.mark.parametrize(("service", "protocol"), PAIRS)
def test_what_is_sent_is_received_and_what_is_returned_is_read(wire: InProcess, service: str, protocol: str) -> None:
    for operation in operations(service):
        _round_trips(wire, operation, protocol)


def _round_trips(wire: InProcess, operation: Any, protocol: str) -> None:
    service = operation.service_model.service_name
    # S3's client sends trailers to an https address only.
    schemes = ["http", "https"] if service == "s3" else ["http"]

    @settings(max_examples=EXAMPLES)
    @given(requests(operation, protocol), _outputs(operation, protocol), st.sampled_from(schemes))
    def round_trip(params: dict[str, Any], output: dict[str, Any], scheme: str) -> None:
        wire.answer = output
        client = wire.client(service, protocol, scheme)
        result = client._make_api_call(operation.name, params)
        last = wire.last
        assert last.sent is not None
        assert last.received is not None
        assert last.read is not None
        if operation.name == "GetBucketLocation":
            # botocore's parser takes nothing out of this one: a handler of its own does.
            last.read = {"LocationConstraint": result["LocationConstraint"] or ""}
            output = {"LocationConstraint": "", **output}
        assert not different(as_received(operation, protocol, last.sent, last.received), last.received)
        assert not different(as_read(operation, protocol, output, last.read), last.read)

    round_trip()


def test_a_header_beyond_ascii_is_signed_for_and_received_to_its_last_byte(wire: InProcess) -> None:
    # In UTF-8 this ends with the byte 0xA0, which Python takes for a blank where bytes are read as latin-1.
    wire.answer = {}
    wire.client("s3", "rest-xml").put_object(Bucket="a-bucket", Key="k", ContentDisposition="à voilà", Body=b"")
    assert wire.last.received is not None
    assert wire.last.received["ContentDisposition"].encode("latin-1").decode() == "à voilà"


def test_a_token_that_the_caller_leaves_out_is_made_by_the_client_and_received(wire: InProcess) -> None:
    wire.answer = {}
    wire.client("codepipeline", "json").start_pipeline_execution(name="p")
    assert wire.last.received is not None
    assert len(wire.last.received["clientRequestToken"]) == 36


def test_no_operation_streams_events() -> None:
    for service in PACKAGES:
        for operation in operations(service):
            assert not operation.has_event_stream_input, operation.name
            assert not operation.has_event_stream_output, operation.name
