"""The folder a training container finds at /opt/ml: configuration, channels, model, output and checkpoints.

After "How Amazon SageMaker Provides Training Information" and "How Amazon SageMaker Processes Training Output".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from boatyard.containers.foreign_files import NotAFolder, open_plain, opened_folder

HOST = "algo-1"
TENSORS = "/opt/ml/output/tensors"
FAILURE_LIMIT = 1024  # characters of the failure file that reach FailureReason
_WRITABLE = ("model", "output", "output/data", "checkpoints", "input/data")


class OptMl:
    """One job's /opt/ml on this machine, at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def model(self) -> Path:
        """What becomes model.tar.gz."""
        return self.root / "model"

    @property
    def checkpoints(self) -> Path:
        """What is kept in step with CheckpointConfig.S3Uri."""
        return self.root / "checkpoints"

    def channel(self, name: str) -> Path:
        """Where a channel's objects lie."""
        return self.root / "input" / "data" / name

    def prepare(self, request: dict[str, Any]) -> None:
        """Makes the folders and writes the configuration files of a CreateTrainingJob request."""
        for name in ("input/config", *_WRITABLE):
            path = self.root / name
            path.mkdir(parents=True, exist_ok=True)
            # The image may run as any user, and what it writes is its own.
            path.chmod(0o777 if name in _WRITABLE else 0o755)
        configuration = self.root / "input" / "config"
        write_json(configuration / "hyperparameters.json", request.get("HyperParameters", {}))
        write_json(configuration / "inputdataconfig.json", input_data_configuration(request))
        write_json(configuration / "resourceconfig.json", resource_configuration(request))
        if request.get("DebugHookConfig"):
            write_json(configuration / "debughookconfig.json", request["DebugHookConfig"])

    def failure(self) -> str | None:
        """The first characters of /opt/ml/output/failure, or None when the container wrote none."""
        try:
            with opened_folder(self.root, "output") as folder:
                content = None if folder is None else open_plain("failure", folder)
        except NotAFolder:
            return None
        if content is None:
            return None
        with content:
            text = content.read(FAILURE_LIMIT * 4).decode("utf-8", "replace")[:FAILURE_LIMIT].strip()
        return text or None


def input_data_configuration(request: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The content of inputdataconfig.json: the channels and how they are given."""
    described = {}
    for channel in request.get("InputDataConfig", []):
        entry = {
            "TrainingInputMode": "File",  # FastFile is given as File, Pipe was refused
            "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
        if "ContentType" in channel:
            entry["ContentType"] = channel["ContentType"]
        described[channel["ChannelName"]] = entry
    return described


def resource_configuration(request: dict[str, Any]) -> dict[str, Any]:
    """The content of resourceconfig.json: one host, algo-1."""
    instance = request["ResourceConfig"]["InstanceType"]
    group = "homogeneousCluster"
    return {
        "current_host": HOST,
        "current_instance_type": instance,
        "current_group_name": group,
        "hosts": [HOST],
        "instance_groups": [{"instance_group_name": group, "instance_type": instance, "hosts": [HOST]}],
        "network_interface_name": "eth0",
    }


def write_json(path: Path, value: Any) -> None:
    """Writes a configuration file that every user in the container can read."""
    path.write_text(json.dumps(value), encoding="utf-8")
    path.chmod(0o644)
