"""The routes to serving containers: which container answers which endpoint's next request, kept in memory.

Containers are put in and taken out by the endpoint workflows and the keeper; requests are chosen a container on the
event loop, without a lock and without the database.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from boatyard.containers.reach import Reach
from boatyard.services.sagemaker.endpoints.container_http import ContainerClient


class Replica:
    """One serving container: its client, and how many requests it is answering now."""

    def __init__(self, container: str, reach: Reach, port: int, log_stream: str) -> None:
        self.container = container
        self.client = ContainerClient(reach, port)
        self.log_stream = log_stream
        self.outstanding = 0


@dataclass(frozen=True)
class VariantRoute:
    """A production variant: its weight and its containers that answer."""

    name: str
    weight: float
    replicas: tuple[Replica, ...]

    def replica(self, avoid: Sequence[Replica] = ()) -> Replica | None:
        """The container with the fewest requests under way, by chance among equals."""
        candidates = [replica for replica in self.replicas if replica not in avoid] if avoid else self.replicas
        if len(candidates) < 2:
            return candidates[0] if candidates else None
        fewest = min(replica.outstanding for replica in candidates)
        return random.choice([r for r in candidates if r.outstanding == fewest])  # noqa: S311 - spreads load


@dataclass(frozen=True)
class Route:
    """An endpoint that takes requests."""

    arn: str
    variants: tuple[VariantRoute, ...] = field(default_factory=tuple)

    def variant(self, target: str | None) -> VariantRoute | None:
        """The variant asked for, or one by weight."""
        if target is not None:
            return next((variant for variant in self.variants if variant.name == target), None)
        if len(self.variants) == 1:
            return self.variants[0]
        weights = [variant.weight for variant in self.variants]
        if not self.variants or sum(weights) <= 0:
            return None
        return random.choices(self.variants, weights)[0]  # noqa: S311 - spreads load


Key = tuple[str, str, str]  # account, region, endpoint name


class Routes:
    """Every endpoint's route in one running server."""

    def __init__(self) -> None:
        self._routes: dict[Key, Route] = {}
        self.loop: asyncio.AbstractEventLoop | None = None

    def get(self, key: Key) -> Route | None:
        """The route of an endpoint, or None when it takes no requests."""
        return self._routes.get(key)

    def set(self, key: Key, route: Route) -> None:
        """Sends all further requests by `route`."""
        self._routes[key] = route

    def remove(self, key: Key) -> Route | None:
        """Takes an endpoint out; requests that are under way go on."""
        return self._routes.pop(key, None)

    def clear(self) -> None:
        """Takes every endpoint out."""
        self._routes.clear()

    def drain(self, replicas: Iterable[Replica], timeout: float) -> bool:
        """Waits until containers that are no longer routed to have answered all they took; seconds.

        The wait runs on the event loop, where a container is chosen and counted in one go: no request can be between
        the two.
        """
        if self.loop is None or self.loop.is_closed():
            return True
        waiting = asyncio.run_coroutine_threadsafe(_idle(tuple(replicas), timeout), self.loop)
        return waiting.result()


async def _idle(replicas: tuple[Replica, ...], timeout: float) -> bool:
    deadline = asyncio.get_running_loop().time() + timeout
    while any(replica.outstanding for replica in replicas):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.05)
    for replica in replicas:
        replica.client.close()
    return True
