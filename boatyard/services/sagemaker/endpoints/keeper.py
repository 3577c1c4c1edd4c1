"""Keeps the containers of every endpoint in service: starts them, watches them, starts them again, routes to them."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.containers.container import Container
from boatyard.containers.errors import EngineError
from boatyard.containers.specification import UNKNOWN_CODE
from boatyard.services.sagemaker import roles
from boatyard.services.sagemaker.container_logs import ShippedLog
from boatyard.services.sagemaker.endpoints import health, preparation, serving
from boatyard.services.sagemaker.endpoints.records import ENDPOINTS, SERVING, Endpoint
from boatyard.services.sagemaker.endpoints.routing import Replica, Route, Routes, VariantRoute
from boatyard.services.sagemaker.endpoints.serving import PORT, Place, isolated, places
from boatyard.services.sagemaker.instances import capped, instance_type
from boatyard.state.database import DatabaseClosed
from boatyard.workflows.work import Interrupted

log = logging.getLogger(__name__)
LOOK_SECONDS = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds between two pings while a container starts
_PAUSE_SHARE = 1 / 25  # of the time that it has taken so far: it serves no later than that after it could
_BACKOFF_LIMIT = 60.0


class NotServing(Exception):
    """A container does not serve; the text says why and how its log ends."""


@dataclass
class _Up:
    """A container that serves, or is on its way to."""

    container_id: str
    log: ShippedLog
    replica: Replica | None = None


class Keeper:
    """The serving containers of one running server."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.routes = Routes()
        self._lock = threading.Lock()
        self._up: dict[str, _Up] = {}
        self._reviving: set[str] = set()
        self._failures: dict[str, int] = {}
        self._looking = False
        self._closed = False

    def bring_up(self, place: Place, cancelled: Callable[[], bool]) -> None:
        """Starts the place's container (or takes up the one that runs) and waits until it answers /ping.

        Raises NotServing when it ends, does not answer in time, or `cancelled` says that it is not wanted any more.
        """
        container = self._started(place)
        up = self._log_of(place, container)
        began = time.monotonic()
        bound, reach = False, None
        while True:
            if reach is None or container.may_have_ended:
                reach = container.reach()
            if reach is None:
                raise NotServing(self._ended(place, container, up))
            if not bound and not isolated(place):
                self.installation.bind_workload(place.container, reach.address)
                bound = True
            problem = health.ping(reach, PORT)
            if problem is None:
                up.replica = Replica(place.container, reach, PORT, serving.log_stream(place.variant, container.id))
                self._failures.pop(place.container, None)
                return
            if cancelled():
                raise NotServing("the endpoint is being deleted")
            passed = time.monotonic() - began
            if passed > place.variant.startup_seconds:
                raise NotServing(self._silent(place, up, problem))
            time.sleep(min(max(_FIRST_PAUSE, passed * _PAUSE_SHARE), _LONGEST_PAUSE))

    def _started(self, place: Place) -> Container:
        engine = self.installation.engine
        found = engine.find(place.container)
        # Without its monitor a container loses what it logs, and may break over it.
        if found is not None and not (found.running and found.watched):
            self._remove(place, found)
            found = None
        if found is not None:
            return found
        try:
            variant = preparation.restore(self.installation, place.endpoint, place.variant)
            place = Place(place.endpoint, variant, place.index)
            return engine.start(serving.specification(self.installation, place))
        except preparation.NotPrepared as error:
            raise NotServing(f"Production variant {place.variant.name} cannot be brought up: {error}") from None
        except EngineError as error:
            raise NotServing(
                f"The container for production variant {place.variant.name} could not be started. If it has no "
                f"executable `serve` on its PATH, add one or set an ENTRYPOINT that takes the argument `serve`. The "
                f"engine said: {error}"
            ) from None

    def _log_of(self, place: Place, container: Container) -> _Up:
        with self._lock:
            up = self._up.get(place.container)
            if up is not None and up.container_id == container.id:
                return up
        endpoint, variant = place.endpoint, place.variant
        call = roles.assume(self.installation, endpoint.account, endpoint.region, variant.model["ExecutionRoleArn"])
        shipped = ShippedLog(
            call,
            self.installation.engine,
            place.container,
            serving.LOG_GROUP + endpoint.name,
            serving.log_stream(variant, container.id),
            container_id=container.id,
            notices=capped(instance_type(variant.instance_type, "CreateEndpoint")),
        )
        up = _Up(container.id, shipped)
        with self._lock:
            self._up[place.container] = up
        return up

    def _ended(self, place: Place, container: Container, up: _Up) -> str:
        end = container.wait(5)
        up.log.finish()
        how = f"exit code {end.code}" if end and end.code != UNKNOWN_CODE else "an unknown exit code"
        if end and end.out_of_memory:
            how = f"exit code {end.code}: it used all the memory of {place.variant.instance_type}"
        return (
            f"The primary container for production variant {place.variant.name} did not pass the ping health check: "
            f"it ended with {how}. {self._where(place, up)}"
        )

    def _silent(self, place: Place, up: _Up, problem: str) -> str:
        return (
            f"The primary container for production variant {place.variant.name} did not pass the ping health check "
            f"within {place.variant.startup_seconds} seconds: {problem}. {self._where(place, up)}"
        )

    def _where(self, place: Place, up: _Up) -> str:
        tail = up.log.tail
        where = f"Please check CloudWatch logs for this endpoint ({serving.LOG_GROUP}{place.endpoint.name})."
        return f"{where} Its log ends: " + "\n".join(tail)[-600:] if tail else f"{where} It logged nothing."

    def route(self, endpoint: Endpoint) -> None:
        """Sends the endpoint's requests to the containers of its fleet that are up."""
        variants = []
        for variant in endpoint.fleet.variants if endpoint.fleet else ():
            with self._lock:
                ups = [self._up.get(Place(endpoint, variant, index).container) for index in range(variant.count)]
            replicas = tuple(up.replica for up in ups if up is not None and up.replica is not None)
            variants.append(VariantRoute(variant.name, variant.weight, replicas))
        self.routes.set((endpoint.account, endpoint.region, endpoint.name), Route(endpoint.arn, tuple(variants)))

    def take_down(self, retired: list[Place], timeout: float) -> None:
        """Ends containers that are routed no more, once they have answered what they took; seconds."""
        with self._lock:
            ups = [up for place in retired if (up := self._up.get(place.container)) is not None]
        self.routes.drain([up.replica for up in ups if up.replica is not None], timeout)
        for place in retired:
            self.patiently(functools.partial(self._end, place))

    def _end(self, place: Place) -> None:
        found = self.installation.engine.find(place.container)
        if found is not None:
            found.stop(10)
            self._remove(place, found)
        self.installation.end_workload(place.container)

    def _remove(self, place: Place, ended: Container) -> None:
        """Removes an ended container, once its log is shipped to the end: an earlier server may have begun to."""
        try:
            self._log_of(place, ended)
        except ApiError as error:
            log.warning("The end of the log of %s cannot be shipped: %s", place.container, error)
        self._forget(place.container, finish=True)
        ended.remove()

    def patiently(self, function: Callable[[], None]) -> None:
        """Does what the engine must do, again until it answers or the server stops."""
        while True:
            try:
                return function()
            except EngineError as error:
                if self._closed:
                    raise Interrupted from None
                log.warning("The container engine fails, which is tried again: %s", error)
                time.sleep(1)

    def _forget(self, name: str, *, finish: bool = False) -> None:
        with self._lock:
            up = self._up.pop(name, None)
        if up is not None:
            if finish:
                up.log.finish()
            else:
                up.log.abandon()

    def resume(self) -> None:
        """Takes up every endpoint after a start of the server: routes to what runs, starts what does not."""
        for endpoint in self._serving():
            self.route(endpoint)
            for place in places(endpoint, endpoint.fleet):
                self._revive_in_background(place)

    def look(self) -> None:
        """Finds containers that have died, and starts them again."""
        endpoints = self._serving()
        if not endpoints or self._closed:
            return
        running = {
            c.name
            for c in self.installation.engine.containers(labels={"boatyard.kind": "endpoint"})
            if c.running and c.watched
        }
        for endpoint in endpoints:
            for place in places(endpoint, endpoint.fleet):
                with self._lock:
                    up = self._up.get(place.container)
                if place.container not in running or up is None or up.replica is None:
                    self._revive_in_background(place)

    def look_soon(self) -> None:
        """Looks now, in the background: a container did not answer. Costs nothing when that is under way."""
        with self._lock:
            if self._looking:
                return
            self._looking = True
        threading.Thread(target=self._look_now, name="look after endpoints", daemon=True).start()

    def _look_now(self) -> None:
        try:
            self.look()
        except (EngineError, DatabaseClosed) as error:
            log.info("The endpoints' containers could not be looked after now: %s", error)
        finally:
            with self._lock:
                self._looking = False

    def _serving(self) -> list[Endpoint]:
        with self.installation.database.reading() as rx:
            return ENDPOINTS.select(rx, {"status": SERVING})

    def _revive_in_background(self, place: Place) -> None:
        with self._lock:
            if place.container in self._reviving:
                return
            self._reviving.add(place.container)
        threading.Thread(target=self._revive, args=(place,), name=f"revive {place.container}", daemon=True).start()

    def _revive(self, place: Place) -> None:
        try:
            self._drop_replica(place)
            failures = self._failures.get(place.container, 0)
            if failures:
                time.sleep(min(2.0**failures, _BACKOFF_LIMIT))
            if self._wanted(place) is None:
                return
            self.bring_up(place, lambda: self._wanted(place) is None)
            endpoint = self._wanted(place)
            if endpoint is not None:
                self.route(endpoint)
        except DatabaseClosed:
            log.info("The server stops; the endpoint %s goes on", place.endpoint.name)
        except (NotServing, EngineError, ApiError) as error:
            self._failures[place.container] = self._failures.get(place.container, 0) + 1
            log.warning("A container of the endpoint %s is down: %s", place.endpoint.name, error)
        finally:
            with self._lock:
                self._reviving.discard(place.container)

    def _drop_replica(self, place: Place) -> None:
        """Routes nothing to a container that has died."""
        with self._lock:
            up = self._up.get(place.container)
            dead = up is not None and up.replica is not None
            if up is not None:
                up.replica = None
        endpoint = self._wanted(place)
        if dead and endpoint is not None:
            self.route(endpoint)

    def _wanted(self, place: Place) -> Endpoint | None:
        """The endpoint as it is now, if the place is still in its fleet."""
        key = place.endpoint
        if self._closed:
            return None
        with self.installation.database.reading() as rx:
            endpoint = ENDPOINTS.get(rx, key.account, key.region, key.name)
        if endpoint is None or endpoint.uid != key.uid or endpoint.status not in SERVING:
            return None
        names = {each.container for each in places(endpoint, endpoint.fleet)}
        return endpoint if place.container in names else None

    def forget_everything(self) -> None:
        """Routes to nothing any more: all endpoints are gone."""
        self.routes.clear()
        with self._lock:
            ups, self._up = list(self._up.values()), {}
        for up in ups:
            up.log.abandon()

    def close(self) -> None:
        """Lets go of everything; the containers go on and are taken up by the next server."""
        self._closed = True
        with self._lock:
            ups = list(self._up.values())
        for up in ups:
            up.log.abandon()


def keeper_of(installation: Installation) -> Keeper:
    """The keeper of a running server."""
    return installation.attached("sagemaker.keeper", lambda: Keeper(installation))
