"""Talking to a container engine's socket, restarting boatyard's own service when it has died."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from boatyard.containers.errors import EngineError, EngineUnavailable, NotFound
from boatyard.containers.service import PodmanService

T = TypeVar("T")
TIMEOUT_SECONDS = 180
API_VERSION = "1.41"
# podman lists the machine's network interfaces one by one, and refuses when another container's goes meanwhile.
_INTERFACE_WENT = "no such network interface"
_CONTAINER_WENT = "no such container"
_TRIES = 5
_PAUSE_SECONDS = 0.1


class Connection:
    """A Docker Engine API client made when first used; errors become EngineError with the engine's words."""

    def __init__(self, service: PodmanService | None, address: str) -> None:
        self._service = service
        self._address = address
        self._lock = threading.Lock()
        self._clients: dict[bool, Any] = {}

    @property
    def own(self) -> bool:
        """Whether this is boatyard's own podman, with podman's API beside Docker's."""
        return self._service is not None

    def client(self, patient: bool = False) -> Any:
        """The low-level client of the docker package; a patient one waits for answers without limit."""
        if self._service is not None:
            self._service.ensure()
        with self._lock:
            if patient not in self._clients:
                self._clients[patient] = self._connect(patient)
            return self._clients[patient]

    def _connect(self, patient: bool) -> Any:
        # Imported late: it costs a tenth of a second, which `boatyard --help` does not have.
        import docker
        import docker.errors

        version = API_VERSION if self._service is not None else "auto"
        timeout = None if patient else TIMEOUT_SECONDS
        try:
            client: Any = docker.APIClient
            return client(base_url=self._address, version=version, timeout=timeout, max_pool_size=64)
        except docker.errors.DockerException as error:
            raise EngineUnavailable(f"No container engine answers at {self._address}: {error}") from error

    def call(self, function: Callable[[Any], T], *, patient: bool = False) -> T:
        """`function(client)`; a service that died in between is started again and asked once more.

        Raises NotFound, EngineError (the engine refused) or EngineUnavailable (it does not answer).
        """
        import docker.errors
        import requests.exceptions

        try:
            return self._ask(function, patient)
        except docker.errors.NotFound as error:
            raise NotFound(_words(error)) from error
        except docker.errors.APIError as error:
            # What is removed just while podman looks at it.
            kind = NotFound if _CONTAINER_WENT in _words(error) else EngineError
            raise kind(_words(error)) from error
        except requests.exceptions.RequestException as error:
            raise EngineUnavailable(f"The container engine does not answer: {error}") from error

    def _ask(self, function: Callable[[Any], T], patient: bool) -> T:
        import docker.errors
        import requests.exceptions

        for again in range(_TRIES, -1, -1):
            try:
                return function(self.client(patient))
            except requests.exceptions.ConnectionError:
                return function(self.client(patient))
            except docker.errors.APIError as error:
                if not again or _INTERFACE_WENT not in _words(error):
                    raise
                time.sleep(_PAUSE_SECONDS)
        raise AssertionError("the last try answers or raises")

    def absent_is_none(self, function: Callable[[Any], T], *, patient: bool = False) -> T | None:
        """As `call`, with None for what does not exist."""
        try:
            return self.call(function, patient=patient)
        except NotFound:
            return None

    def close(self) -> None:
        """Let go of the sockets; the engine goes on."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()


def _words(error: Any) -> str:
    return str(error.explanation or error).strip()
