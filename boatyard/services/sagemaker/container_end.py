"""Waits for a container's end in the background, however often the engine's service is killed meanwhile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from boatyard.containers.engine import Engine
from boatyard.containers.errors import EngineError
from boatyard.containers.specification import Exit

log = logging.getLogger(__name__)
_WAIT_SECONDS = 20.0
_RETRY_SECONDS = 0.5
_GONE_LOOKS = 6  # how often in a row the engine must say that there is no such container


class EndWatcher:
    """Knows how one container ended as soon as it has.

    An engine that does not answer says nothing about the container: it is asked again until it answers.
    """

    def __init__(self, engine: Engine, container: str, on_end: Callable[[], None]) -> None:
        self._engine = engine
        self._container = container
        self._on_end = on_end
        self._abandoned = threading.Event()
        self.exit: Exit | None = None
        self.gone = False
        self._thread = threading.Thread(target=self._run, name=f"end of {container}", daemon=True)

    def start(self) -> EndWatcher:
        """Begins to wait."""
        self._thread.start()
        return self

    @property
    def over(self) -> bool:
        """Whether the container has ended, or is not there any more."""
        return self.exit is not None or self.gone

    def abandon(self) -> None:
        """Stops waiting; the container goes on."""
        self._abandoned.set()

    def _run(self) -> None:
        missed = 0
        while not self.over and not self._abandoned.is_set():
            try:
                container = self._engine.find(self._container)
                if container is not None:
                    missed = 0
                    self.exit = container.wait(_WAIT_SECONDS)
                    continue
                missed += 1
                self.gone = missed >= _GONE_LOOKS
            except EngineError as error:
                missed = 0
                log.info("The engine does not answer for %s, which is asked again: %s", self._container, error)
            if not self.over:
                self._abandoned.wait(_RETRY_SECONDS)
        if not self._abandoned.is_set():
            self._on_end()
