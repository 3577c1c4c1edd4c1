"""Which environment stands in for an image in FROM where no registry can be reached: configured, never silent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boatyard.containers.environments import ENVIRONMENTS, Environments
from boatyard.containers.errors import EngineError

_HUBS = ("docker.io/library", "public.ecr.aws/docker/library", "public.ecr.aws/debian", "public.ecr.aws/ubuntu")
_NAMES = ("debian", "ubuntu", "python")
DEFAULT = {f"{hub}/{name}": "base" for hub in _HUBS for name in _NAMES}
# Where AWS runs services with repositories of its own.
REGIONS = [
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-south-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "me-south-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
]


def mapping(configured: Mapping[str, str] | None = None) -> dict[str, str]:
    """Pattern of an image's full name (with or without tag, `*` allowed) to environment, the configured first.

    Raises EngineError when a configured environment does not exist.
    """
    for pattern, name in (configured or {}).items():
        if name not in ENVIRONMENTS:
            raise EngineError(
                f"base_images maps {pattern!r} to {name!r}, which is no environment: use one of "
                f"{', '.join(ENVIRONMENTS)}."
            )
    return {**(configured or {}), **{key: value for key, value in DEFAULT.items() if key not in (configured or {})}}


def registry_names(account: str, region: str) -> list[str]:
    """The names of an account's registries in all regions."""
    return [f"{account}.dkr.ecr.{name}.amazonaws.com" for name in dict.fromkeys([region, *REGIONS])]


def build_settings(
    environments: Environments, configured: Mapping[str, str] | None, account: str, region: str
) -> dict[str, Any]:
    """What the build environment's docker command reads from /etc/boatyard/build.json."""
    stand_ins = [
        {
            "pattern": pattern,
            "environment": name,
            "image": environments.reference(name),
            "description": environments.description(name),
        }
        for pattern, name in mapping(configured).items()
        if environments.complete(name)
    ]
    return {"base_images": stand_ins, "registries": registry_names(account, region)}


def write_settings(path: Path, content: dict[str, Any]) -> None:
    """Keep the file for the containers in step with the configuration."""
    text = json.dumps(content, indent=1)
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
