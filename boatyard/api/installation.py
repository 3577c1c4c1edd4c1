"""An installation: everything that one running server has, from its settings to its container engine."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import filelock

from boatyard.api import registry
from boatyard.api.call import Call
from boatyard.api.events import EventDispatcher
from boatyard.api.quotas import check_setting as check_quotas
from boatyard.services import PACKAGES
from boatyard.settings import Settings
from boatyard.state import space
from boatyard.state.blobs import BlobStore
from boatyard.state.database import Database, DatabaseClosed
from boatyard.workflows.engine import Workflows

if TYPE_CHECKING:
    from boatyard.containers.engine import Engine

log = logging.getLogger(__name__)
T = TypeVar("T")


IMPORTING = "importing"
"""The file that is in a data directory while an import puts its parts in place."""


class DataDirectoryInUse(Exception):
    """Another server works on the data directory."""


class ImportUnfinished(ValueError):
    """The data directory holds a part of an import that was cut off."""


def import_records() -> None:
    """Have every module imported that declares a schema: the database must know all of them before it is opened."""
    import boatyard.identity.records  # noqa: F401 - its schema

    for service in PACKAGES:
        list(registry.modules(service, "RECORD_MODULES", ("records",)))


class Installation:
    """One data directory, opened: state, blobs, workflows, events and the container engine."""

    def __init__(self, settings: Settings) -> None:
        check_quotas(settings.quotas)
        self.settings = settings
        self.data_directory: Path = settings.data_directory
        self.data_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = filelock.FileLock(str(self.data_directory / "lock"))
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise DataDirectoryInUse(
                f"Another boatyard server works on {self.data_directory}. Stop it with 'boatyard down', or choose "
                "another directory with BOATYARD_DATA_DIRECTORY."
            ) from None
        if (self.data_directory / IMPORTING).exists():
            self._lock.release()
            raise ImportUnfinished(
                f"An import into {self.data_directory} was cut off before its end. Run 'boatyard import' again, which "
                "begins anew, or 'boatyard reset' to empty the directory."
            )
        import_records()
        for service in PACKAGES:
            list(registry.modules(service, "WORKFLOW_MODULES", ("workflow",)))
        self.database = Database(self.data_directory / "state.db")
        self.blobs = BlobStore(self.data_directory / "blobs")
        self.workflows = Workflows(self)
        self.events = EventDispatcher(self)
        self.gateway_port: int = settings.port
        self.at_stop: list[Callable[[], None]] = []
        """Called on the event loop as soon as the server is told to stop: to end requests that would wait."""
        self._attached: dict[str, Any] = {}
        self._attaching = threading.Lock()
        self._engine: Engine | None = None
        self._engine_lock = threading.Lock()

    @property
    def gateway_url(self) -> str:
        """Where this machine reaches the AWS API."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def engine(self) -> Engine:
        """The container engine, started at its first use."""
        with self._engine_lock:
            if self._engine is None:
                from boatyard.containers.engine import Engine

                self._engine = Engine.open(self)
            return self._engine

    def attached(self, name: str, make: Callable[[], T]) -> T:
        """What a service keeps in memory for this installation, made at its first use."""
        with self._attaching:
            if name not in self._attached:
                self._attached[name] = make()
            return cast(T, self._attached[name])

    @property
    def has_engine(self) -> bool:
        """Whether containers were ever run here: without any, cleaning up must not start an engine."""
        return self._engine is not None or (self.data_directory / "engine").exists()

    def service_call(
        self, service: str, account: str | None = None, region: str | None = None, source_arn: str | None = None
    ) -> Call:
        """A call as an AWS service itself, such as events.amazonaws.com, on behalf of the resource `source_arn`."""
        from boatyard.identity.principals import Principal

        account = account or self.settings.account_id
        principal = Principal.of_service(service, account)
        return Call(self, principal, account, region or self.settings.region, source_arn=source_arn)

    def root_call(self, region: str | None = None) -> Call:
        """A call as the account's root user."""
        from boatyard.identity.principals import Principal

        account = self.settings.account_id
        return Call(self, Principal.root(account), account, region or self.settings.region)

    def workload_environment(self, network: str, **options: Any) -> dict[str, str]:
        """The environment variables that give a container this gateway and a role; see identity.workloads."""
        from boatyard.identity.workloads import workload_environment

        return workload_environment(self, network, **options)

    def bind_workload(self, identity: str, address: str) -> None:
        """Give a container's credentials to its own address only, once that is known."""
        from boatyard.identity.workloads import bind_workload

        bind_workload(self, identity, address)

    def end_workload(self, identity: str) -> None:
        """Withdraw a container's credentials."""
        from boatyard.identity.workloads import end_workload

        end_workload(self, identity)

    def _hooks(self) -> Iterator[ModuleType]:
        for service in PACKAGES:
            yield from registry.modules(service, "HOOK_MODULES", ("hooks",))

    def _run_hooks(self, name: str) -> None:
        for hooks in self._hooks():
            function = getattr(hooks, name, None)
            if function is not None:
                try:
                    function(self)
                except Exception as error:
                    log.exception("%s of %s failed", name, hooks.__name__)
                    if name == "resume" and space.is_full(error):
                        raise

    def start(self) -> None:
        """Take up what the last server left: workflows, then each service's own things, then events."""
        self.workflows.resume()
        self._run_hooks("resume")
        self.events.start()
        threading.Thread(target=self.sweep_blobs, args=(time.time(),), name="blobs sweep", daemon=True).start()

    def sweep_blobs(self, before: float) -> int:
        """Remove the common store's files from before that moment (seconds since 1970) which no record names.

        A crash between a file and its record leaves them. The services tell by `known_blobs(rx)` in their hooks what
        they have; how many files there were.
        """
        tellers = [hooks.known_blobs for hooks in self._hooks() if hasattr(hooks, "known_blobs")]

        def known(ids: list[str]) -> set[str]:
            with self.database.reading() as rx:
                return set().union(*(teller(rx) for teller in tellers))

        try:
            removed = self.blobs.sweep(known, before)
        except (DatabaseClosed, FileNotFoundError):
            return 0
        if removed:
            log.info("Removed %d files that nothing refers to", removed)
        return removed

    def reset(self) -> None:
        """Empty everything: records, blobs, and whatever the services keep; the root credentials stay."""
        self._run_hooks("reset")
        self.database.empty()

    def close(self) -> None:
        """Stop in order: waits are interrupted, running containers go on, the database is closed last."""
        from boatyard.identity.recorded_use import recorded_use

        self.events.stop()
        self.workflows.stop()
        self._run_hooks("close")
        recorded_use(self).close()
        self.database.close()
        self._lock.release()
