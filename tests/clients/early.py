"""What takes long and mostly waits is begun with the first test, and awaited by its own test: they run side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.clients.shell import Shell
from tests.server import RunningServer

Story = Callable[[Shell, RunningServer], Any]
_stories: dict[str, Story] = {}


def begun_early(test: str) -> Callable[[Story], Story]:
    """Declare what the test of this name, in the same module, waits for."""

    def declare(story: Story) -> Story:
        _stories[f"{story.__module__.rpartition('.')[2]}.{test}"] = story
        return story

    return declare


class Early:
    """The stories of the tests that are to be run, each in a thread and a shell of its own."""

    def __init__(self, server: RunningServer, tests: Iterable[str], directory: Path) -> None:
        wanted = {name: story for name, story in _stories.items() if name in set(tests)}
        self._threads = ThreadPoolExecutor(max_workers=max(1, len(wanted)))
        self._begun: dict[Story, Future[Any]] = {}
        for number, story in enumerate(wanted.values()):
            place = directory / str(number)
            place.mkdir()
            self._begun[story] = self._threads.submit(story, Shell(server, place), server)

    def result(self, story: Story) -> Any:
        """What the story came to; raises what it raised."""
        return self._begun[story].result()

    def end(self) -> None:
        """Wait for all of them: they must not outlive their server."""
        self._threads.shutdown()
