"""SageMaker Runtime: requests to endpoints, answered by their containers."""

OPERATION_MODULES = ("operations",)
ASYNC_OPERATIONS = {"InvokeEndpoint": "asynchronous"}

NOTES = (
    "InvokeEndpoint takes and gives bodies of at most 6 MiB, and waits 60 seconds for the container.",
    "InvokeEndpointAsync and InvokeEndpointWithResponseStream answer 501. TargetModel, TargetContainerHostname, "
    "InferenceComponentName and SessionId are refused.",
)
