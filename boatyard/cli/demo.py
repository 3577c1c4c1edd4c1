"""`boatyard demo`: everything from nothing to a model in production that is retrained while it serves."""

from __future__ import annotations

from boatyard.cli import servers, setup, up
from boatyard.cli.failures import Failure


def demo() -> None:
    """Set up, start the server, and carry the blueprint's algorithm to production; exit status 0 only if all went."""
    from boatyard.demo.lab import DemoFailed
    from boatyard.demo.show import Show
    from boatyard.demo.story import run

    show = Show()
    show.heading("Set-up: container engine, environments, server")
    setup.setup()
    if servers.find_running() is None:
        up.start_in_background(servers.settings_for())
    try:
        run(servers.require_running(), show)
    except DemoFailed as failed:
        raise Failure(f"The demo failed: {failed}") from failed
