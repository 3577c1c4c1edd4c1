"""What Lambda does when the server starts, stops and is emptied."""

from __future__ import annotations

import logging
import shutil
import threading

from boatyard.api.installation import Installation
from boatyard.containers.errors import EngineError
from boatyard.services.lambda_.invocations.instance import LABEL, NETWORK_PREFIX
from boatyard.services.lambda_.invocations.pool import pool_of
from boatyard.services.lambda_.records import FUNCTIONS, LAYERS
from boatyard.state.database import DatabaseClosed, Reader

log = logging.getLogger(__name__)
SWEEP_SECONDS = 60.0


def resume(installation: Installation) -> None:
    """Remove the instances of a server that died, in the background; stop idle ones every minute."""
    _remove_pipes(installation)
    if installation.has_engine:
        threading.Thread(target=_remove_leftovers, args=(installation,), name="lambda leftovers", daemon=True).start()
    pool = pool_of(installation)
    installation.workflows.every(SWEEP_SECONDS, "idle functions", pool.stop_idle)


def _remove_pipes(installation: Installation) -> None:
    """The pipes of instances of a server that died, and code that it had unpacked in part."""
    kept = installation.data_directory / "lambda"
    for path in (kept / "output", *(kept / "code").glob(".*")):
        shutil.rmtree(path, ignore_errors=True)


def _remove_leftovers(installation: Installation) -> None:
    try:
        mine = installation.attached("lambda.started", set[str])
        for container in installation.engine.containers({"boatyard.service": "lambda"}):
            if container.labels.get(LABEL) not in mine:
                installation.end_workload(f"lambda/{container.labels.get(LABEL, '')}")
                container.kill()
                container.remove()
        for network in installation.engine.network_names(NETWORK_PREFIX):
            pool_of(installation).drop_unused(network)
    except (EngineError, DatabaseClosed) as error:
        log.warning("Function containers of an earlier run could not be removed: %s", error)


def known_blobs(rx: Reader) -> set[str]:
    """The files that the code of functions and layers is in; a function keeps a layer that was deleted since."""
    functions, layers = FUNCTIONS.select(rx), LAYERS.select(rx)
    packages = [function.package for function in functions] + [layer.package for layer in layers]
    packages += [package for function in functions for package in function.layer_packages]
    return {package.blob for package in packages}


def close(installation: Installation) -> None:
    """End every instance: a runtime cannot go on without its server."""
    pool_of(installation).close()


def reset(installation: Installation) -> None:
    """End every instance and forget the unpacked code."""
    pool_of(installation).reset()
    with installation.database.reading() as rx:
        packages = [record.package for record in FUNCTIONS.select(rx)]
        packages += [record.package for record in LAYERS.select(rx)]
    for package in packages:
        installation.blobs.delete(package.blob)
    shutil.rmtree(installation.data_directory / "lambda", ignore_errors=True)
