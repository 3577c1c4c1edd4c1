"""What happens after an endpoint is created, updated or deleted: containers come up, traffic moves, old ones go."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.containers.errors import EngineError
from boatyard.services.sagemaker import tags
from boatyard.services.sagemaker.endpoints import changes, preparation, serving
from boatyard.services.sagemaker.endpoints.keeper import NotServing, keeper_of
from boatyard.services.sagemaker.endpoints.records import ENDPOINTS, Endpoint, Fleet, Variant
from boatyard.services.sagemaker.endpoints.serving import Place, places
from boatyard.workflows.registry import workflow
from boatyard.workflows.work import Work

DRAIN_SECONDS = 65.0  # a request may take 60
REASON_LIMIT = 1024


class _NotDeployed(Exception):
    """The deployment fails; the text is the endpoint's FailureReason."""


def deployment_id(endpoint: Endpoint) -> str:
    """The workflow that brings up the endpoint's present generation."""
    return f"{endpoint.arn}#{endpoint.uid}#{endpoint.generation}"


def _broken(installation: Installation, args: list[Any], error: BaseException) -> None:
    """Tells the endpoint that boatyard itself failed."""
    account, region, name, uid, _ = args
    reason = f"InternalServerError: {type(error).__name__}: {error}. The server's log has the details."
    changes.failed(installation, (account, region, name), uid, reason[:REASON_LIMIT])


@workflow("sagemaker.endpoint", on_failure=_broken)
def deploy(work: Work, account: str, region: str, name: str, uid: str, generation: int) -> None:
    """Brings up what is missing of the target fleet, moves the traffic, takes down what is left over."""
    run = _Deployment(work, (account, region, name), uid)
    run.wait_for_earlier(generation)
    try:
        work.step("switched", run.bring_up_and_switch)
    except (_NotDeployed, ApiError) as error:
        reason = error.message if isinstance(error, ApiError) else str(error)
        changes.failed(work.installation, run.key, uid, reason[:REASON_LIMIT])
    work.step("take down", run.take_down)


class _Deployment:
    """One deployment of an endpoint; its methods may be run again after a crash."""

    def __init__(self, work: Work, key: tuple[str, str, str], uid: str) -> None:
        self.work = work
        self.installation = work.installation
        self.key = key
        self.uid = uid
        self.keeper = keeper_of(work.installation)

    def wait_for_earlier(self, generation: int) -> None:
        """Deployments of one endpoint follow one another: the earlier one may still be taking containers down."""
        endpoint = self.load()
        if endpoint is not None and generation > 1:
            earlier = deployment_id(msgspec.structs.replace(endpoint, generation=generation - 1))
            self.work.wait(("workflow", earlier), ready=lambda: not self.installation.workflows.running(earlier))

    def bring_up_and_switch(self) -> None:
        """Brings the target fleet up and sends the traffic there."""
        endpoint = self.load()
        if endpoint is None or endpoint.target is None:
            return  # deleted, or a crash came between the switch and the step's record
        variants = [self.prepared(endpoint, variant) for variant in endpoint.target.variants]
        target = msgspec.structs.replace(endpoint.target, variants=tuple(variants))
        there = {place.container for place in places(endpoint, endpoint.fleet)}
        new = [place for place in places(endpoint, target) if place.container not in there]
        self.serve(new)
        changes.switch(self.installation, self.key, self.uid, target, self.keeper.route)

    def prepared(self, endpoint: Endpoint, variant: Variant) -> Variant:
        """A variant whose image and model are on this machine."""
        if not preparation.is_prepared(self.installation, endpoint, variant):
            self.work.check()
        try:
            image = preparation.prepare(self.installation, endpoint, variant)
        except preparation.NotPrepared as error:
            raise _NotDeployed(f"Production variant {variant.name}: {error}") from None
        return msgspec.structs.replace(
            variant,
            image_id=image["id"],
            resolved_image=image["resolved"],
            resolved_at=variant.resolved_at or now(),
        )

    def serve(self, new: list[Place]) -> None:
        """Brings all new containers up at once; the first that does not serve fails the deployment."""
        if not new:
            return
        failure: str | None = None

        def cancelled() -> bool:
            self.work.check()
            return failure is not None or self.load() is None

        with ThreadPoolExecutor(len(new), thread_name_prefix="bring up") as pool:
            waiting = [pool.submit(self.keeper.bring_up, place, cancelled) for place in new]
            for each in waiting:
                try:
                    each.result()
                except NotServing as error:
                    failure = failure or str(error)
                except ApiError as error:
                    failure = failure or error.message
                except EngineError as error:
                    failure = failure or f"InternalServerError: the container engine failed: {error}"
        if failure is not None:
            raise _NotDeployed(failure)

    def take_down(self) -> None:
        """Ends what was replaced, or brought up in vain."""
        endpoint = self.load(whatever=True)
        if endpoint is None or endpoint.retiring is None:
            return
        kept = {place.container for place in places(endpoint, endpoint.fleet)}
        retired = [place for place in places(endpoint, endpoint.retiring) if place.container not in kept]
        self.keeper.take_down(retired, DRAIN_SECONDS)
        models = {
            (variant.generation, variant.position) for variant in (endpoint.fleet or Fleet(config_name="")).variants
        }
        for variant in endpoint.retiring.variants:
            if (variant.generation, variant.position) not in models:
                folder = serving.model_directory(self.installation, endpoint, variant).parent
                shutil.rmtree(folder, ignore_errors=True)
        changes.change(self.installation, self.key, self.uid, retiring=None)

    def load(self, *, whatever: bool = False) -> Endpoint | None:
        """The endpoint, unless it is gone or (but for `whatever`) being deleted."""
        with self.installation.database.reading() as rx:
            endpoint = ENDPOINTS.get(rx, *self.key)
        if endpoint is None or endpoint.uid != self.uid:
            return None
        return endpoint if whatever or endpoint.status != "Deleting" else None


@workflow("sagemaker.endpoint_deletion")
def delete(work: Work, account: str, region: str, name: str, uid: str) -> None:
    """Ends the endpoint's containers, then forgets the endpoint."""
    installation = work.installation
    with installation.database.reading() as rx:
        endpoint = ENDPOINTS.get(rx, account, region, name)
    if endpoint is None or endpoint.uid != uid:
        return
    keeper = keeper_of(installation)
    keeper.routes.remove((account, region, name))
    deployment = deployment_id(endpoint)
    work.wait(("workflow", deployment), ready=lambda: not installation.workflows.running(deployment))
    everything = [
        place for fleet in (endpoint.fleet, endpoint.target, endpoint.retiring) for place in places(endpoint, fleet)
    ]
    keeper.take_down(everything, DRAIN_SECONDS)
    keeper.patiently(lambda: installation.engine.remove_network(serving.network(endpoint)))
    shutil.rmtree(serving.directory(installation, endpoint), ignore_errors=True)
    with installation.database.transaction() as tx:
        ENDPOINTS.delete(tx, account, region, name)
        tags.put(tx, endpoint.arn, {})
