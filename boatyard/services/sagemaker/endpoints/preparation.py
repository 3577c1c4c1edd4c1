"""What a variant's containers need on this machine: the image in the engine, the model in its folder."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.services.sagemaker import images, roles
from boatyard.services.sagemaker.endpoints import serving
from boatyard.services.sagemaker.endpoints.model_data import ModelDataUnavailable, definition, fetch
from boatyard.services.sagemaker.endpoints.records import Endpoint, Variant


class NotPrepared(Exception):
    """The image or the model cannot be had; the text says which and why."""


def _marker(installation: Installation, endpoint: Endpoint, variant: Variant) -> Path:
    return serving.model_directory(installation, endpoint, variant).with_name("prepared.json")


def is_prepared(installation: Installation, endpoint: Endpoint, variant: Variant) -> bool:
    """Whether the variant's image and model were brought here."""
    return _marker(installation, endpoint, variant).exists()


def prepare(installation: Installation, endpoint: Endpoint, variant: Variant) -> dict[str, str]:
    """Brings them here: the image's `id` for the engine and its `resolved` URI. NotPrepared when one is not to be had.

    The model is fetched once: after a crash its containers may be running already, and see the folder.
    """
    marker = _marker(installation, endpoint, variant)
    if marker.exists():
        found: dict[str, str] = json.loads(marker.read_text())
        return found
    try:
        call = roles.assume(installation, endpoint.account, endpoint.region, variant.model["ExecutionRoleArn"])
        # A variant that was deployed before keeps its image, although the tag may name another one by now.
        image = images.pull(call, variant.resolved_image or definition(variant.model)["Image"])
        fetch(call, variant.model, marker.with_name("model"))
    except (images.ImageUnavailable, ModelDataUnavailable) as error:
        raise NotPrepared(str(error)) from None
    except OSError as error:
        raise NotPrepared(f"the model could not be written: {error}") from None
    marker.write_text(json.dumps({"id": image.id, "resolved": image.resolved}))
    return {"id": image.id, "resolved": image.resolved}


def restore(installation: Installation, endpoint: Endpoint, variant: Variant) -> Variant:
    """A variant in service whose image or model is not on this machine (any more), with both brought here again.

    So after `boatyard import`, and when the engine's storage was lost. NotPrepared when one is not to be had.
    """
    try:
        image = prepare(installation, endpoint, variant)
        if not installation.engine.has_image(image["id"]):
            call = roles.assume(installation, endpoint.account, endpoint.region, variant.model["ExecutionRoleArn"])
            image = {"id": images.pull(call, image["resolved"]).id}
    except images.ImageUnavailable as error:
        raise NotPrepared(str(error)) from None
    except ApiError as error:
        raise NotPrepared(error.message) from None
    return msgspec.structs.replace(variant, image_id=image["id"])
