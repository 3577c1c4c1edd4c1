"""Whether a serving container is ready: its answer to GET /ping on port 8080."""

from __future__ import annotations

from boatyard.containers.asking import status_of
from boatyard.containers.reach import Reach

PING_SECONDS = 2.0  # AWS: "Respond to Health Check (Ping) Requests"


def ping(reach: Reach, port: int) -> str | None:
    """None when /ping was answered with 200 within two seconds, else what happened instead."""
    try:
        status = status_of(reach, port, "/ping", PING_SECONDS)
    except TimeoutError:
        return f"/ping was not answered within {PING_SECONDS:g} seconds"
    except ConnectionRefusedError:
        return f"nothing listens on port {port}"
    except OSError as error:
        return f"/ping failed: {type(error).__name__}: {error}"
    return None if status == 200 else f"/ping was answered with {status} instead of 200"
