"""Wake-ups inside the server: who waits for a key is woken when somebody notifies it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Hashable, Iterable


class Signals:
    """Keys that threads wait for; a notify that nobody waits for is forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, set[threading.Event]] = defaultdict(set)
        self._everyone: set[threading.Event] = set()

    def subscribe(self, keys: Iterable[Hashable]) -> threading.Event:
        """An event that is set at each notify of one of the keys."""
        event = threading.Event()
        with self._lock:
            for key in keys:
                self._waiting[key].add(event)
            self._everyone.add(event)
        return event

    def unsubscribe(self, keys: Iterable[Hashable], event: threading.Event) -> None:
        """Forget the event."""
        with self._lock:
            for key in keys:
                self._waiting[key].discard(event)
                if not self._waiting[key]:
                    del self._waiting[key]
            self._everyone.discard(event)

    def notify(self, key: Hashable) -> None:
        """Wake everybody who waits for the key."""
        with self._lock:
            for event in self._waiting.get(key, ()):
                event.set()

    def notify_all(self) -> None:
        """Wake everybody, whatever they wait for."""
        with self._lock:
            for event in self._everyone:
                event.set()
