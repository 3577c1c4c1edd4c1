"""What SageMaker has on disk: what of it is needed, and what becomes of jobs that were under way elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from boatyard.api.installation import Installation
from boatyard.api.keeping import Garbage, Policy, size_of, untouched
from boatyard.services.sagemaker.endpoints import serving
from boatyard.services.sagemaker.endpoints.records import ENDPOINTS, Endpoint, Variant
from boatyard.services.sagemaker.notebook_instances.records import NOTEBOOKS
from boatyard.services.sagemaker.training_jobs.container import container_name
from boatyard.services.sagemaker.training_jobs.records import IN_PROGRESS, JOBS
from boatyard.state.database import Reader, Transaction
from boatyard.workflows.records import forget_steps

_KIND = {"boatyard.kind": "endpoint"}


def moved(tx: Transaction) -> None:
    """After an import: training jobs that were under way begin again, for their containers are on another machine."""
    for job in JOBS.select(tx, {"status": IN_PROGRESS}):
        forget_steps(tx, job.arn)
        JOBS.put(tx, msgspec.structs.replace(job, started=None, ended=None, metrics=()))


def images_in_use(rx: Reader) -> set[str]:
    """The images of endpoints and of jobs under way, by id and by digest."""
    found = {part for job in JOBS.select(rx, {"status": IN_PROGRESS}) for part in _digest(job.image_digest)}
    for endpoint in ENDPOINTS.select(rx):
        for variant in _variants(endpoint):
            found |= {variant.image_id, *_digest(variant.resolved_image)}
    return found


def _digest(resolved: str | None) -> list[str]:
    return [resolved.rpartition("@")[2]] if resolved else []


def _variants(endpoint: Endpoint) -> list[Variant]:
    fleets = (endpoint.fleet, endpoint.target, endpoint.retiring)
    return [variant for fleet in fleets if fleet is not None for variant in fleet.variants]


def garbage(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """Folders of jobs that are over, of deleted endpoints and notebook instances, and containers of former fleets."""
    base = installation.data_directory / "sagemaker"
    needed = _needed(installation)
    for folder in _folders(base, "training-jobs/*", "endpoints/*", "endpoints/*/*-*", "notebook-instances/*"):
        if str(folder.relative_to(base)) not in needed and untouched(folder, policy.unused_seconds):
            what = f"what a deleted or ended resource left ({folder.relative_to(base)})"
            yield Garbage("jobs and endpoints", what, size_of(folder), partial(_remove, installation, base, folder))
    yield from _containers(installation)


def _folders(base: Path, *patterns: str) -> list[Path]:
    return [folder for pattern in patterns for folder in sorted(base.glob(pattern))]


def _needed(installation: Installation) -> set[str]:
    with installation.database.reading() as rx:
        jobs = JOBS.select(rx, {"status": IN_PROGRESS})
        endpoints, notebooks = ENDPOINTS.select(rx), NOTEBOOKS.select(rx)
    found = {f"training-jobs/{container_name(job)}" for job in jobs}
    found |= {f"notebook-instances/{notebook.uid}" for notebook in notebooks}
    for endpoint in endpoints:
        found.add(f"endpoints/{endpoint.uid}")
        found |= {f"endpoints/{endpoint.uid}/{each.generation}-{each.position}" for each in _variants(endpoint)}
    return found


def _remove(installation: Installation, base: Path, folder: Path) -> None:
    if str(folder.relative_to(base)) not in _needed(installation):
        shutil.rmtree(folder, ignore_errors=True)


def _containers(installation: Installation) -> Iterator[Garbage]:
    """Endpoints' containers that no fleet has: every fleet is on record before its containers are made."""
    if not installation.has_engine:
        return
    for container in installation.engine.containers(labels=_KIND):
        if container.name not in _places(installation):
            yield Garbage("containers", f"the container {container.name} of a former endpoint", 0, container.remove)


def _places(installation: Installation) -> set[str]:
    with installation.database.reading() as rx:
        endpoints = ENDPOINTS.select(rx)
    return {
        place.container
        for endpoint in endpoints
        for fleet in (endpoint.fleet, endpoint.target, endpoint.retiring)
        for place in serving.places(endpoint, fleet)
    }
