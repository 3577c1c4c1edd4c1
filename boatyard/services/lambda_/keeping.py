"""What Lambda keeps: that each package is what was uploaded, and which functions and layers have it."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from boatyard.api.installation import Installation
from boatyard.api.keeping import Garbage, Looked, Policy, problem, size_of, untouched
from boatyard.services.lambda_.invocations.pool import pool_of
from boatyard.services.lambda_.packages import code_directory, directory_name, unpacking
from boatyard.services.lambda_.records import FUNCTIONS, LAYERS, Package
from boatyard.state.database import Reader


def verify(installation: Installation) -> Iterator[Looked]:
    """Works the digest of every package out anew."""
    with installation.database.reading() as rx:
        used = packages(rx)
    for package, names in used.items():
        yield _package(installation, package, names)


def packages(rx: Reader) -> dict[Package, list[str]]:
    """Every package that something uses, with the names of what does."""
    found: dict[Package, list[str]] = {}
    for function in FUNCTIONS.select(rx):
        found.setdefault(function.package, []).append(f"function {function.name} ({function.version})")
        for package in function.layer_packages:
            found.setdefault(package, []).append(f"a layer of function {function.name} ({function.version})")
    for layer in LAYERS.select(rx):
        found.setdefault(layer.package, []).append(f"layer {layer.name} ({layer.version})")
    return found


def _package(installation: Installation, package: Package, names: list[str]) -> Looked:
    path, name = installation.blobs.path(package.blob), f"lambda {', '.join(names)}"
    try:
        digest = base64.b64encode(installation.blobs.sha256(package.blob)).decode()
        said = "" if digest == package.sha256 else f"has a damaged package: {path} is not what was uploaded"
    except FileNotFoundError:
        said = f"has lost its package: {path} is missing"
    except OSError as error:
        said = f"has a package that cannot be read: {error}"
    if not said:
        return Looked(name, package.size)
    with installation.database.reading() as rx:
        if package not in packages(rx):
            return Looked(name)
    return problem(name, said, "Upload the code again (aws lambda update-function-code).", package.size)


def blobs_in_use(rx: Reader) -> set[str]:
    """The files that packages are in."""
    return {package.blob for package in packages(rx)}


def garbage(installation: Installation, policy: Policy) -> Iterator[Garbage]:
    """Unpacked code that no function has any more and no instance runs."""
    base = code_directory(installation)
    for folder in sorted(base.iterdir()) if base.is_dir() else ():
        if untouched(folder, policy.unused_seconds) and folder.name not in _needed(installation):
            what = f"the unpacked code of a function that was changed or deleted ({folder.name[:12]})"
            yield Garbage("code", what, size_of(folder), partial(_remove, installation, folder))


def _needed(installation: Installation) -> set[str]:
    """The folders of code that functions have, and those that running instances still see."""
    with installation.database.reading() as rx:
        functions = FUNCTIONS.select(rx)
    functions += pool_of(installation).functions()
    return {
        directory_name(together) for each in functions for together in ([each.package], each.layer_packages) if together
    }


def _remove(installation: Installation, folder: Path) -> None:
    with unpacking:
        if folder.name not in _needed(installation):
            shutil.rmtree(folder)
