"""One request to an endpoint: a route from memory, a kept connection to the container, no database.

After the API reference of InvokeEndpoint and "Use Your Own Inference Code with Hosting Services".
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from boatyard.api.bodies import whole
from boatyard.api.call import Call, Params
from boatyard.api.errors import ApiError, not_supported
from boatyard.api.installation import Installation
from boatyard.services.sagemaker.endpoints import invocation_metrics
from boatyard.services.sagemaker.endpoints.container_http import Answer, AnswerTooLarge, ContainerUnreachable
from boatyard.services.sagemaker.endpoints.keeper import keeper_of
from boatyard.services.sagemaker.endpoints.routing import Replica, Route, VariantRoute
from boatyard.services.sagemaker.endpoints.serving import LOG_GROUP

BODY_LIMIT = 6 * 1024 * 1024  # bytes
ANSWER_SECONDS = 60.0
_MESSAGE_LIMIT = 4096  # characters of the container's answer in a ModelError
_REFUSED = ("TargetModel", "TargetContainerHostname", "InferenceComponentName", "SessionId", "EnableExplanations")
_PASSED = (
    ("ContentType", "Content-Type"),
    ("Accept", "Accept"),
    ("CustomAttributes", "X-Amzn-SageMaker-Custom-Attributes"),
    ("InferenceId", "X-Amzn-SageMaker-Inference-Id"),
)


def event_loop(installation: Installation) -> asyncio.AbstractEventLoop | None:
    """The loop on which containers are asked; None before the first request from outside."""
    loop = keeper_of(installation).routes.loop
    return None if loop is None or loop.is_closed() else loop


async def invoke_endpoint(call: Call, params: Params) -> dict[str, Any]:
    """Asks a container of the endpoint; ModelError for an answer of 4xx or 5xx, ValidationError for a bad request."""
    name = params["EndpointName"]
    body = _body(params)
    key = (call.account, call.region, name)
    routes = keeper_of(call.installation).routes
    routes.loop = asyncio.get_running_loop()
    route = routes.get(key)
    if route is None:
        raise ApiError("ValidationError", f"Endpoint {name} of account {call.account} not found.")
    variant = _variant(route, params.get("TargetVariant"), name)
    started = time.perf_counter()
    values: dict[str, float] = {"Invocation4XXErrors": 0.0, "Invocation5XXErrors": 0.0, "InvocationModelErrors": 0.0}
    try:
        answer = await _exchange(call, name, variant, _head(params, body), body)
        values["ModelLatency"] = (time.perf_counter() - started) * 1e6
        return _answered(answer, variant.name)
    except ApiError as error:
        status = int(error.members.get("OriginalStatusCode", 500)) if error.code == "ModelError" else 500
        values["Invocation4XXErrors" if status < 500 else "Invocation5XXErrors"] = 1.0
        values["InvocationModelErrors"] = float(error.code == "ModelError")
        raise
    finally:
        invocation_metrics.of(call.installation).add(key, variant.name, len(variant.replicas), values)


def _body(params: Params) -> bytes:
    for name in _REFUSED:
        if params.get(name):
            raise not_supported("sagemaker-runtime", "InvokeEndpoint", name)
    body = whole(params["Body"])
    if len(body) > BODY_LIMIT:
        raise ApiError(
            "ValidationError",
            "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less "
            f"than or equal to {BODY_LIMIT} (it has {len(body)} bytes)",
        )
    return body


def _variant(route: Route, target: str | None, name: str) -> VariantRoute:
    variant = route.variant(target)
    if variant is None:
        said = f"Variant {target} not found for Endpoint {name}." if target else f"No variant of {name} has a weight."
        raise ApiError("ValidationError", said)
    return variant


def _head(params: Params, body: bytes) -> bytes:
    lines = ["POST /invocations HTTP/1.1", "Host: localhost:8080", f"Content-Length: {len(body)}"]
    for member, header in _PASSED:
        value = params.get(member)
        if value is not None:
            if not value.isascii() or "\r" in value or "\n" in value:
                raise ApiError("ValidationError", f"{member} must be ASCII text on one line.")
            lines.append(f"{header}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def _exchange(call: Call, name: str, variant: VariantRoute, head: bytes, body: bytes) -> Answer:
    """The answer of one of the variant's containers; another one is asked when the first cannot be reached."""
    tried: list[Replica] = []
    while (replica := variant.replica(tried)) is not None:
        replica.outstanding += 1
        try:
            answer = await replica.client.request(head, body, limit=BODY_LIMIT, timeout=ANSWER_SECONDS)
        except ContainerUnreachable:
            tried.append(replica)
            keeper_of(call.installation).look_soon()
            continue
        except AnswerTooLarge:
            message = f"and could not load the entire response body: it is larger than {BODY_LIMIT} bytes"
            raise _model_error(call, name, replica, 500, message, "") from None
        except TimeoutError:
            message = f'with message "Your invocation timed out after {ANSWER_SECONDS:g} seconds"'
            raise _model_error(call, name, replica, 0, message, "") from None
        finally:
            replica.outstanding -= 1
        if answer.status >= 400:
            text = answer.body.decode("utf-8", "replace")[:_MESSAGE_LIMIT]
            raise _model_error(call, name, replica, answer.status, f'with message "{text}"', text)
        return answer
    raise ApiError(
        "ServiceUnavailable",
        f"No container of the variant {variant.name} can be reached now; those that ended are being started again. "
        f"The log group {LOG_GROUP}{name} says why.",
    )


def _answered(answer: Answer, variant: str) -> dict[str, Any]:
    answered: dict[str, Any] = {"Body": answer.body, "InvokedProductionVariant": variant}
    if "content-type" in answer.headers:
        answered["ContentType"] = answer.headers["content-type"]
    if "x-amzn-sagemaker-custom-attributes" in answer.headers:
        answered["CustomAttributes"] = answer.headers["x-amzn-sagemaker-custom-attributes"]
    return answered


def _model_error(call: Call, name: str, replica: Replica, status: int, said: str, original: str) -> ApiError:
    kind = "client" if 400 <= status < 500 else "server"
    group = f"{LOG_GROUP}{name}"
    console = f"https://{call.region}.console.aws.amazon.com/cloudwatch/home?region={call.region}"
    return ApiError(
        "ModelError",
        f"Received {kind} error ({status}) from primary {said}. See {console}#logEventViewer:group={group} in account "
        f"{call.account} for more information (here: boatyard logs {group}).",
        OriginalStatusCode=status,
        OriginalMessage=original,
        LogStreamArn=f"arn:aws:logs:{call.region}:{call.account}:log-group:{group}:log-stream:{replica.log_stream}",
    )
