"""A model and its endpoint from a stack, changed by an update of the stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.server import RunningServer, unique
from tests.services.sagemaker.conftest import eventually, model_of


def template(image: str, role: str, data: str) -> str:
    """A stack that serves one model."""
    return json.dumps(
        {
            "Resources": {
                "Model": {
                    "Type": "AWS::SageMaker::Model",
                    "Properties": {
                        "ExecutionRoleArn": role,
                        "PrimaryContainer": {"Image": image, "ModelDataUrl": data, "Environment": {"WORKERS": 1}},
                    },
                },
                "Config": {
                    "Type": "AWS::SageMaker::EndpointConfig",
                    "Properties": {
                        "ProductionVariants": [
                            {
                                "VariantName": "all",
                                "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
                                "InstanceType": "ml.t2.medium",
                                "InitialInstanceCount": "1",
                                "InitialVariantWeight": "1.0",
                            }
                        ]
                    },
                },
                "Endpoint": {
                    "Type": "AWS::SageMaker::Endpoint",
                    "Properties": {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
                },
            },
            "Outputs": {"Endpoint": {"Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}}},
        }
    )


def test_a_stack_serves_a_model_and_then_another(
    client: Callable[..., Any], server: RunningServer, sagemaker: Any, image: str, role: str, bucket: str
) -> None:
    cloudformation, runtime, stack = client("cloudformation"), client("sagemaker-runtime"), unique("serving")

    def settled() -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
            return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

        found: dict[str, Any] = eventually(look)
        return found

    first, second = model_of(server, bucket, "first"), model_of(server, bucket, "second")
    cloudformation.create_stack(StackName=stack, TemplateBody=template(image, role, first))
    made = settled()
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    assert made["StackStatus"] == "CREATE_COMPLETE", [event.get("ResourceStatusReason") for event in events]
    name = made["Outputs"][0]["OutputValue"]
    assert runtime.invoke_endpoint(EndpointName=name, Body=b"x")["Body"].read() == b"first:x"
    cloudformation.update_stack(StackName=stack, TemplateBody=template(image, role, second))
    assert settled()["StackStatus"] == "UPDATE_COMPLETE"
    assert runtime.invoke_endpoint(EndpointName=name, Body=b"x")["Body"].read() == b"second:x"
    cloudformation.delete_stack(StackName=stack)
    eventually(lambda: not sagemaker.list_endpoints(NameContains=name)["Endpoints"])
    eventually(lambda: not sagemaker.list_models(NameContains=stack)["Models"])
