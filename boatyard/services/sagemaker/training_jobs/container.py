"""The container of a training job: its name, its environment, its limits and its way to the gateway."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from boatyard.api.installation import Installation
from boatyard.containers.specification import ContainerSpecification, Mount
from boatyard.services.sagemaker import roles
from boatyard.services.sagemaker.instances import instance_type
from boatyard.services.sagemaker.training_jobs.layout import HOST, OptMl
from boatyard.services.sagemaker.training_jobs.records import TrainingJob

CHECKPOINTS = "/opt/ml/checkpoints"


def container_name(job: TrainingJob) -> str:
    """The container's name: one for each job for ever, so that a job found running is taken up again."""
    identity = hashlib.sha256(f"{job.arn}/{job.created.timestamp()}".encode()).hexdigest()[:12]
    return f"boatyard-training-{identity}"


def directory(installation: Installation, job: TrainingJob) -> Path:
    """Where the job's /opt/ml lies on this machine while it runs."""
    return installation.data_directory / "sagemaker" / "training-jobs" / container_name(job)


def start(installation: Installation, job: TrainingJob, image: str) -> None:
    """Starts the job's container, or takes up the one there is; EngineError when it cannot run."""
    container = installation.engine.start(specification(installation, job, image))
    installation.bind_workload(container_name(job), container.address)


def specification(installation: Installation, job: TrainingJob, image: str) -> ContainerSpecification:
    """What the engine is asked for: the image with the argument `train`, or the entry point the job gives."""
    request = job.request
    name = container_name(job)
    algorithm = request["AlgorithmSpecification"]
    shape = instance_type(request["ResourceConfig"]["InstanceType"], "CreateTrainingJob")
    entrypoint = algorithm.get("ContainerEntrypoint")
    arguments = algorithm.get("ContainerArguments") or ([] if entrypoint else ["train"])
    network = "none"
    environment = dict(request.get("Environment", {}))
    environment |= {"TRAINING_JOB_NAME": job.name, "TRAINING_JOB_ARN": job.arn}
    if not request.get("EnableNetworkIsolation"):
        network = installation.engine.network(name).name
        environment |= installation.workload_environment(
            network,
            identity=name,
            role_arn=request["RoleArn"],
            service=roles.PRINCIPAL,
            region=job.region,
            account=job.account,
        )
    return ContainerSpecification(
        name=name,
        image=image,
        entrypoint=entrypoint,
        command=arguments,
        environment=environment,
        mounts=_mounts(directory(installation, job), request),
        network=network,
        memory_mib=shape.memory_mib,
        shared_memory_mib=shape.memory_mib // 2,
        cpus=float(shape.cpus),
        labels={"boatyard.service": "sagemaker", "boatyard.arn": job.arn},
        hostname=HOST,
    )


def _mounts(root: Path, request: dict[str, Any]) -> list[Mount]:
    mounts = [Mount(root, "/opt/ml")]
    local = request.get("CheckpointConfig", {}).get("LocalPath", CHECKPOINTS)
    if local != CHECKPOINTS:
        mounts.append(Mount(OptMl(root).checkpoints, local))
    return mounts


def remove(installation: Installation, job: TrainingJob) -> None:
    """Removes the container, its network and its credentials; harmless when they are gone."""
    name = container_name(job)
    found = installation.engine.find(name)
    if found is not None:
        found.remove()
    installation.end_workload(name)
    if not job.request.get("EnableNetworkIsolation"):
        installation.engine.remove_network(name)
