"""Whether a serving container is ready: its answer to GET /ping on port 8080."""

from __future__ import annotations

import http.client

from boatyard.containers.reach import Reach

PING_SECONDS = 2.0  # AWS: "Respond to Health Check (Ping) Requests"


def ping(reach: Reach, port: int) -> str | None:
    """None when /ping was answered with 200 within two seconds, else what happened instead."""
    connection = http.client.HTTPConnection(reach.address, port, timeout=PING_SECONDS)
    try:
        connection.sock = reach.connect(port, PING_SECONDS)
        connection.request("GET", "/ping")
        answer = connection.getresponse()
        answer.read(1024)
    except TimeoutError:
        return f"/ping was not answered within {PING_SECONDS:g} seconds"
    except ConnectionRefusedError:
        return f"nothing listens on port {port}"
    except (OSError, http.client.HTTPException) as error:
        return f"/ping failed: {type(error).__name__}: {error}"
    finally:
        connection.close()
    return None if answer.status == 200 else f"/ping was answered with {answer.status} instead of 200"
