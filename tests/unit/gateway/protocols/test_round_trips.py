"""Every operation of every service: botocore's serializer into our parser, and our answer into botocore's parser."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api import models
from boatyard.gateway.protocols import protocol
from boatyard.services import PACKAGES
from tests.unit.gateway.samples import parsed_by_botocore, request_for, sample


def _protocols(service: str) -> list[str]:
    metadata = models.service_model(service).metadata
    return list(metadata.get("protocols") or [metadata["protocol"]])


PAIRS = [(service, name) for service in sorted(PACKAGES) for name in _protocols(service)]
# SageMaker's model is as large as all others together: the operations that name these are enough of it.
# GetBucketLocation is read by a handler of botocore, not by its parser; the other is for Object Lambda's own hosts.
_LEFT_OUT = ("GetBucketLocation", "WriteGetObjectResponse")
_OF_SAGEMAKER = ("TrainingJob", "Endpoint", "Model", "Notebook")


def _operations(service: str) -> list[Any]:
    model = models.service_model(service)
    names = [n for n in model.operation_names if service != "sagemaker" or n.endswith(_OF_SAGEMAKER)]
    operations = [model.operation_model(name) for name in names]
    return [each for each in operations if not each.deprecated and each.name not in _LEFT_OUT]


@pytest.mark.parametrize(("service", "name"), PAIRS)
def test_requests_of_botocore_are_read_as_they_were_meant(service: str, name: str) -> None:
    for operation in _operations(service):
        if operation.input_shape is None or operation.has_event_stream_input:
            continue
        params = sample(operation.input_shape)
        read = protocol(name).parse(request_for(operation, params, name), operation)
        assert read == params, operation.name


@pytest.mark.parametrize(("service", "name"), PAIRS)
def test_answers_are_read_by_botocore_as_they_were_meant(service: str, name: str) -> None:
    for operation in _operations(service):
        shape = operation.output_shape
        if shape is None or operation.has_event_stream_output:
            continue
        output = sample(shape)
        response = protocol(name).answer(output, operation, "the-request-id")
        parsed = parsed_by_botocore(response, shape, name, streaming=operation.has_streaming_output)
        if operation.has_streaming_output:
            payload = shape.serialization["payload"]
            parsed[payload] = parsed[payload].read()
        parsed.pop("ResponseMetadata")
        assert parsed == output, operation.name
