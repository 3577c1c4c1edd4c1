"""The container of a notebook instance: its files, its environment and what it says of itself in its log."""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

from boatyard.api.git_configuration import git_file
from boatyard.api.installation import Installation
from boatyard.containers.specification import ContainerSpecification, Mount
from boatyard.services.sagemaker import roles
from boatyard.services.sagemaker.instances import instance_type
from boatyard.services.sagemaker.notebook_instances.records import (
    CODE_REPOSITORIES,
    LIFECYCLE_CONFIGS,
    LifecycleConfig,
    Notebook,
)

PORT = 8888
HOME = "/home/ec2-user/SageMaker"
LIFECYCLE_SECONDS = 300
_START = Path(__file__).with_name("start.sh")
_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9._-]")


def container_name(notebook: Notebook) -> str:
    """The name of the container, its network and its credentials."""
    return f"boatyard-notebook-{notebook.uid[:12]}-{notebook.start}"


def directory(installation: Installation, notebook: Notebook) -> Path:
    """Where the instance's volume and control files lie on this machine."""
    return installation.data_directory / "sagemaker" / "notebook-instances" / notebook.uid


def mark(notebook: Notebook) -> str:
    """How the lines begin that tell the log's parts: nothing else in the container writes that."""
    return f"boatyard-{notebook.uid}-{notebook.start}:"


def lifecycle_config(installation: Installation, notebook: Notebook) -> LifecycleConfig | None:
    """The instance's lifecycle configuration."""
    name = notebook.request.get("LifecycleConfigName")
    if not name:
        return None
    with installation.database.reading() as rx:
        return LIFECYCLE_CONFIGS.get(rx, notebook.account, notebook.region, name)


def prepare(installation: Installation, notebook: Notebook) -> None:
    """Writes the files that the container's start works from."""
    root = directory(installation, notebook)
    (root / "volume").mkdir(parents=True, exist_ok=True)
    control = root / "control"
    shutil.rmtree(control, ignore_errors=True)
    control.mkdir(mode=0o755)
    name = container_name(notebook)
    environment = _environment(installation, notebook)
    exported = [f"export {key}={shlex.quote(value)}" for key, value in environment.items()]
    files = {
        "start.sh": _START.read_text(),
        "profile": "\n".join(exported) + "\n",
        "gitconfig": git_file(
            environment["AWS_ENDPOINT_URL"], (notebook.region,), mirrors=installation.settings.git_mirrors
        ),
        "repositories": "".join("\t".join(entry) + "\n" for entry in _repositories(installation, notebook)),
    }
    if notebook.request.get("RootAccess", "Enabled") == "Enabled":
        files["sudoers"] = f'Defaults env_keep += "{" ".join(environment)}"\n'
    config = lifecycle_config(installation, notebook)
    if config is not None and config.on_create and not notebook.created_once:
        files["on-create"] = base64.b64decode(config.on_create).decode("utf-8", "surrogateescape")
    if config is not None and config.on_start:
        files["on-start"] = base64.b64decode(config.on_start).decode("utf-8", "surrogateescape")
    for file, text in files.items():
        (control / file).write_bytes(text.replace("\r\n", "\n").encode("utf-8", "surrogateescape"))
    metadata = root / "metadata"
    metadata.mkdir(exist_ok=True)
    described = {"ResourceArn": notebook.arn, "ResourceName": notebook.name}
    (metadata / "resource-metadata.json").write_text(json.dumps(described))
    installation.engine.network(name)


def specification(installation: Installation, notebook: Notebook) -> ContainerSpecification:
    """What the engine is asked for."""
    root = directory(installation, notebook)
    shape = instance_type(notebook.request["InstanceType"], "CreateNotebookInstance")
    name = container_name(notebook)
    return ContainerSpecification(
        name=name,
        image="notebook",
        entrypoint=["/bin/bash", "/run/boatyard/start.sh"],
        command=[],
        environment={
            **_environment(installation, notebook),
            "BOATYARD_MARK": mark(notebook),
            "BOATYARD_LIFECYCLE_SECONDS": str(LIFECYCLE_SECONDS),
            "JUPYTER_TOKEN": notebook.token,
        },
        mounts=[
            Mount(root / "volume", HOME),
            Mount(root / "control", "/run/boatyard", read_only=True),
            Mount(root / "metadata", "/opt/ml/metadata", read_only=True),
        ],
        network=name,
        memory_mib=shape.memory_mib,
        shared_memory_mib=shape.memory_mib // 2,
        cpus=float(shape.cpus),
        labels={"boatyard.service": "sagemaker", "boatyard.arn": notebook.arn, "boatyard.kind": "notebook"},
        user="root",
        new_privileges=True,
        hostname=f"ip-{notebook.uid[:8]}",
    )


def remove(installation: Installation, notebook: Notebook) -> None:
    """Ends and removes the container, its network and its credentials; the volume stays."""
    name = container_name(notebook)
    found = installation.engine.find(name)
    if found is not None:
        found.stop(10)
        found.remove()
    installation.end_workload(name)
    installation.engine.remove_network(name)


def repository_directory(url: str) -> str:
    """The folder a repository is cloned into: the last part of its address, without .git."""
    name = url.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return _UNSAFE_NAME.sub("-", name).lstrip(".-") or "repository"


def _environment(installation: Installation, notebook: Notebook) -> dict[str, str]:
    name = container_name(notebook)
    return installation.workload_environment(
        name,
        identity=name,
        role_arn=notebook.request["RoleArn"],
        service=roles.PRINCIPAL,
        region=notebook.region,
        account=notebook.account,
        session_name="SageMaker",
    )


def _repositories(installation: Installation, notebook: Notebook) -> list[tuple[str, str, str]]:
    """Address, folder and branch of each repository of the instance."""
    request: dict[str, Any] = notebook.request
    wanted = [request["DefaultCodeRepository"]] if request.get("DefaultCodeRepository") else []
    wanted += request.get("AdditionalCodeRepositories", [])
    found = []
    with installation.database.reading() as rx:
        for each in wanted:
            named = CODE_REPOSITORIES.get(rx, notebook.account, notebook.region, each)
            url = named.url if named else each
            found.append((url, repository_directory(url), (named.branch if named else None) or ""))
    return found
