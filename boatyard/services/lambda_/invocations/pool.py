"""The instances there are: warm ones are used again, new ones are started, idle ones are stopped."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict

from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.containers.errors import EngineError
from boatyard.services.lambda_.invocations.instance import (
    Instance,
    InstanceFailed,
    Invocation,
    Outcome,
    network_lock,
    network_of,
)
from boatyard.services.lambda_.records import SETTINGS, Function
from boatyard.state.database import DatabaseClosed

log = logging.getLogger(__name__)
INSTANCES = 10
IDLE_SECONDS = 600.0
WAIT_SECONDS = 60.0


def pool_of(installation: Installation) -> Pool:
    """The pool of a running server."""
    return installation.attached("lambda.pool", lambda: Pool(installation))


def too_many() -> ApiError:
    """TooManyRequestsException."""
    return ApiError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        status=429,
        Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
        Type="User",
    )


class Pool:
    """Every instance of this server, by the revision of the function it runs."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._condition = threading.Condition(threading.RLock())
        self._idle: dict[str, list[Instance]] = defaultdict(list)
        self._by_function: dict[str, set[Instance]] = defaultdict(set)
        self._by_address: dict[str, Instance] = {}
        self._retired: set[str] = set()
        self._closed = False
        installation.at_stop.append(self._let_go)

    def _let_go(self) -> None:
        for instances in list(self._by_function.values()):
            for instance in list(instances):
                instance.let_go()

    def invoke(self, function: Function, invocation: Invocation, reserved: int | None) -> tuple[Outcome, Instance]:
        """Run an invocation on a warm or a new instance; its outcome, and the instance (for its log).

        TooManyRequestsException when the function may not have one more; ServiceException without a container.
        """
        instance = self._take(function, reserved)
        try:
            instance.start()
            invocation.deadline = time.time() + function.timeout
            outcome = instance.invoke(invocation)
        except InstanceFailed as failed:
            instance.broken = True
            outcome = failed.outcome
            instance.log_failed_start(invocation, outcome)
        except BaseException:
            instance.broken = True
            raise
        finally:
            self._give_back(instance)
        return outcome, instance

    def _take(self, function: Function, reserved: int | None) -> Instance:
        limit = INSTANCES if reserved is None else min(reserved, INSTANCES)
        deadline = time.monotonic() + WAIT_SECONDS
        with self._condition:
            while True:
                if reserved == 0 or self._closed:
                    raise too_many()
                while self._idle[function.revision]:
                    instance = self._idle[function.revision].pop()
                    if instance.alive:
                        return instance
                    self._end(instance)
                mine = self._by_function[function.unqualified_arn]
                if len(mine) >= limit and (other := self._idle_of(mine)) is not None:
                    self._idle[other.function.revision].remove(other)
                    self._end(other)
                if len(mine) < limit:
                    instance = Instance(self._installation, function)
                    mine.add(instance)
                    return instance
                if reserved is not None or not self._condition.wait(max(0.0, deadline - time.monotonic())):
                    raise too_many()

    def _idle_of(self, instances: set[Instance]) -> Instance | None:
        """One that runs nothing: another version's, which gives way."""
        return next((each for each in instances if each in self._idle[each.function.revision]), None)

    def _give_back(self, instance: Instance) -> None:
        retired = instance.broken or instance.function.revision in self._retired or self._closed
        if retired:
            self._end(instance)
            return
        with self._condition:
            self._idle[instance.function.revision].append(instance)
            self._condition.notify_all()

    def _end(self, instance: Instance) -> None:
        self._forget(instance)
        threading.Thread(target=self._clear, args=(instance,), name=f"end of lambda {instance.id}", daemon=True).start()

    def _clear(self, instance: Instance) -> None:
        instance.stop()
        try:
            self.drop_network(instance.function)
        except (EngineError, DatabaseClosed) as error:
            log.info("The network %s stays: %s", instance.network, error)

    def drop_network(self, function: Function) -> None:
        """Remove the network of a function that was deleted and has no instance."""
        with self._installation.database.reading() as rx:
            if SETTINGS.get(rx, function.account, function.region, function.name) is not None:
                return
        self.drop_unused(network_of(function))

    def drop_unused(self, network: str) -> None:
        """Remove a function's network unless it has an instance."""
        with network_lock(self._installation, network):
            with self._condition:
                if any(each.network == network for group in self._by_function.values() for each in group):
                    return
            self._installation.engine.remove_network(network)

    def _forget(self, instance: Instance) -> None:
        with self._condition:
            self._by_function[instance.function.unqualified_arn].discard(instance)
            if self._by_address.get(instance.address) is instance:
                del self._by_address[instance.address]
            self._condition.notify_all()

    def at(self, address: str) -> Instance | None:
        """The instance whose container has this address."""
        with self._condition:
            found = self._by_address.get(address)
            if found is not None and found.address == address and not found.broken:
                return found
            for instances in self._by_function.values():
                for instance in instances:
                    if instance.address == address and not instance.broken:
                        self._by_address[address] = instance
                        return instance
        return None

    def functions(self) -> list[Function]:
        """What the instances run, those included that run what was changed since."""
        with self._condition:
            return [each.function for group in self._by_function.values() for each in group]

    def retire(self, function: Function) -> None:
        """End the instances of a version that was changed or deleted: idle ones now, busy ones afterwards."""
        with self._condition:
            self._retired.add(function.revision)
            idle = self._idle.pop(function.revision, [])
        for instance in idle:
            self._end(instance)

    def stop_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """End the instances that have been idle for so long."""
        before = time.monotonic() - seconds
        with self._condition:
            old = [each for idle in self._idle.values() for each in idle if each.idle_since < before or each.broken]
            for instance in old:
                self._idle[instance.function.revision].remove(instance)
        for instance in old:
            self._end(instance)

    def close(self) -> None:
        """End every instance."""
        with self._condition:
            self._closed = True
            instances = [each for group in self._by_function.values() for each in group]
            self._condition.notify_all()
        threads = [threading.Thread(target=instance.stop, daemon=True) for instance in instances]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(4)

    def reset(self) -> None:
        """Forget and end every instance; new ones may come."""
        with self._condition:
            instances = [each for group in self._by_function.values() for each in group]
            self._idle.clear()
            self._by_function.clear()
            self._by_address.clear()
        for instance in instances:
            instance.broken = True
            threading.Thread(target=self._clear, args=(instance,), daemon=True).start()
