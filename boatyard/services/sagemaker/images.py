"""Images of jobs and endpoints: found in ECR by the execution role, and pulled by digest."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.containers.errors import ImageNotFound, PullFailed

_ECR = re.compile(
    r"(?P<registry>(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?)/"
    r"(?P<repository>[a-z0-9][a-z0-9._/-]*?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?\Z"
)


class ImageUnavailable(Exception):
    """An image cannot be had; the text names it and says why."""


@dataclass(frozen=True)
class Image:
    """An image that is here: its id for the engine, and where it came from by digest."""

    id: str
    resolved: str


def resolve(call: Call, image: str) -> str:
    """The image's URI by digest, read from ECR as the caller's role; ImageUnavailable when there is none."""
    found = _ECR.match(image)
    if found is None:
        raise ImageUnavailable(
            f"{image} is no image of Amazon ECR. Push it to a repository and name it "
            "ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG."
        )
    name = f"{found['registry']}/{found['repository']}"
    wanted = {"imageDigest": found["digest"]} if found["digest"] else {"imageTag": found["tag"] or "latest"}
    try:
        # BatchGetImage, as SageMaker does: an execution role needs no more than what pulls.
        answer = call.invoke(
            "ecr",
            "BatchGetImage",
            registryId=found["account"],
            repositoryName=found["repository"],
            imageIds=[wanted],
        )
    except ApiError as error:
        raise ImageUnavailable(f"Cannot find image URI: {image}. ECR answered {error.code}: {error.message}") from None
    for failure in answer["failures"]:
        said = f"{failure['failureCode']}: {failure['failureReason']}"
        raise ImageUnavailable(f"Cannot find image URI: {image}. ECR answered {said}")
    return f"{name}@{answer['images'][0]['imageId']['imageDigest']}"


def pull(call: Call, image: str) -> Image:
    """Brings an image of ECR to the container engine as the caller's role; ImageUnavailable when it cannot be had."""
    resolved = resolve(call, image)
    try:
        token = call.invoke("ecr", "GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]
        username, _, password = base64.b64decode(token).decode().partition(":")
        return Image(call.installation.engine.pull(resolved, username, password), resolved)
    except ApiError as error:
        raise ImageUnavailable(f"The image {image} may not be pulled: {error.code}: {error.message}") from None
    except (ImageNotFound, PullFailed) as error:
        raise ImageUnavailable(f"Cannot pull image URI: {image}. {error}") from None
