"""The container of a build: the build environment with the agent, the sources, the caches and the role."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from boatyard.api.git_configuration import git_environment
from boatyard.api.installation import Installation
from boatyard.containers.base_images import build_settings, registry_names, write_settings
from boatyard.containers.container import Container
from boatyard.containers.specification import UNKNOWN_CODE, ContainerSpecification, Exit, Mount
from boatyard.services.codebuild import agent
from boatyard.services.codebuild.builds.buildspec import RUNTIMES, Buildspec, BuildspecError
from boatyard.services.codebuild.builds.caches import cached_paths
from boatyard.services.codebuild.builds.caches import directory as cache_directory
from boatyard.services.codebuild.builds.directories import Directories
from boatyard.services.codebuild.builds.operations import stable_name
from boatyard.services.codebuild.builds.variables import SOURCE_DIRECTORY, Variables, secondary_directory
from boatyard.services.codebuild.records import Build

SERVICE = "codebuild.amazonaws.com"
SIZES = {
    "BUILD_GENERAL1_SMALL": (3072, 2.0),
    "BUILD_GENERAL1_MEDIUM": (7168, 4.0),
    "BUILD_GENERAL1_LARGE": (15360, 8.0),
    "BUILD_GENERAL1_XLARGE": (71680, 36.0),
    "BUILD_GENERAL1_2XLARGE": (148480, 72.0),
}
PYTHON = "3.11"
KILLED = 137
AGENT = Path(agent.__file__).parent


def workload(build: Build) -> str:
    """What the build's credentials are registered under."""
    return f"codebuild/{build.arn}"


def notices(build: Build, spec: Buildspec) -> list[str]:
    """What the log says of the environment. BuildspecError for a language that is not there."""
    image = (build.settings.get("environment") or {}).get("image", "")
    said = [f"boatyard: {image} is not run here; this build runs in boatyard's build environment (Debian 12)."]
    for language, version in spec.runtimes.items():
        if language not in RUNTIMES:
            raise BuildspecError(
                f"Unknown runtime {language}: boatyard's build environment has python and docker. Install {language} "
                "with the commands of the install phase, and take it out of runtime-versions."
            )
        if language == "python" and not re.fullmatch(rf"{re.escape(PYTHON)}|3\.x|latest", version):
            said.append(
                f"boatyard: python {version} is not available; this build has Python {PYTHON}, the nearest one."
            )
    return said


def write_plan(build: Build, spec: Buildspec, variables: Variables, where: Directories) -> None:
    """What the agent is to do; only root can read it, for it may hold parameters' values."""
    names = {"": spec.artifacts.name if spec.artifacts else None} | {
        identifier: artifacts.name for identifier, artifacts in spec.secondary.items()
    }
    plan: dict[str, Any] = {
        "version": spec.version,
        "shell": spec.shell,
        "directory": SOURCE_DIRECTORY,
        "environment": variables.values,
        "secrets": variables.secrets,
        "exported": spec.exported,
        "artifact_names": {identifier: name for identifier, name in names.items() if name},
        "cache": cached_paths(build, spec),
        "phases": [
            {
                "name": phase.name,
                "commands": phase.commands,
                "finally": phase.finally_commands,
                "on_failure": phase.on_failure,
            }
            for phase in spec.phases
        ],
    }
    where.plan.unlink(missing_ok=True)
    where.plan.touch(mode=0o600)
    where.plan.write_text(json.dumps(plan))


def find(installation: Installation, build: Build) -> Container | None:
    """The build's container, running or ended."""
    return installation.engine.find(stable_name(build))


def ending(ended: Exit | None) -> str:
    """Why a build has failed whose container ended before its commands did; None: somebody has removed it."""
    if ended is None:
        return (
            "The build container was removed before its commands had ended, and not by boatyard: who uses podman on "
            "boatyard's engine must leave its containers alone. Start the build again."
        )
    if ended.code == UNKNOWN_CODE:
        return "The monitor (conmon) of the build container was killed, which ended its commands: start it again."
    reason = "was killed for using too much memory" if ended.out_of_memory else "ended"
    if ended.code == KILLED and not ended.out_of_memory:
        reason = "was killed or removed, by somebody or by the machine,"
    text = f"The build container {reason} before its commands had ended (exit code {ended.code})."
    return f"{text} See the end of the log."


def start(installation: Installation, build: Build, where: Directories) -> Container:
    """Start the build's container, or take up the one that runs."""
    name = stable_name(build)
    engine = installation.engine
    found = engine.find(name)
    if found is not None:
        found = engine.start(_specification(installation, build, where, name, "", {}))
        installation.bind_workload(workload(build), found.address)
        return found
    network = engine.network(name)
    environment = installation.workload_environment(
        name,
        identity=workload(build),
        role_arn=build.settings["serviceRole"],
        service=SERVICE,
        region=build.region,
        account=build.account,
        session_name=f"AWSCodeBuild-{build.uuid}",
        source_arn=build.arn,
    )
    container = engine.start(_specification(installation, build, where, name, network.gateway, environment))
    installation.bind_workload(workload(build), container.address)
    return container


def _specification(
    installation: Installation,
    build: Build,
    where: Directories,
    name: str,
    gateway: str,
    environment: dict[str, str],
) -> ContainerSpecification:
    settings = build.settings["environment"]
    memory, cpus = SIZES.get(settings.get("computeType", ""), SIZES["BUILD_GENERAL1_SMALL"])
    privileged = bool(settings.get("privilegedMode"))
    registries = registry_names(build.account, build.region)
    if environment:
        environment = git_environment(environment["AWS_ENDPOINT_URL"], [build.region]) | environment
    return ContainerSpecification(
        name=name,
        image="build",
        # tini buries what commands leave behind, such as the monitors of their containers.
        entrypoint=["/usr/bin/tini", "--", "python3", "-B", "-m", "agent.run"],
        command=[],
        environment=environment,
        mounts=_mounts(installation, build, where),
        network=name,
        hosts=dict.fromkeys(registries, gateway) if gateway else {},
        memory_mib=memory,
        cpus=cpus,
        privileged=privileged,
        working_directory="/codebuild",
        labels={"boatyard.service": "codebuild", "boatyard.arn": build.arn},
    )


def _mounts(installation: Installation, build: Build, where: Directories) -> list[Mount]:
    environments = installation.engine.environments
    settings_file = installation.data_directory / "codebuild" / f"build-{build.account}-{build.region}.json"
    configured = installation.settings.base_images
    write_settings(settings_file, build_settings(environments, configured, build.account, build.region))
    mounts = [
        Mount(AGENT, "/codebuild/agent", read_only=True),
        Mount(where.plan, "/codebuild/plan.json", read_only=True),
        Mount(where.output, "/codebuild/output"),
        Mount(where.source, SOURCE_DIRECTORY),
        Mount(cache_directory(build, where), "/codebuild/cache"),
        Mount(settings_file, "/etc/boatyard/build.json", read_only=True),
    ]
    for secondary in build.settings.get("secondarySources") or []:
        identifier = secondary["sourceIdentifier"]
        mounts.append(Mount(where.secondary(identifier), secondary_directory(identifier)))
    if build.settings["environment"].get("privilegedMode"):
        mounts.append(Mount(where.layers, "/var/lib/boatyard/layers"))
        # Which layers the registry has already: without it every push compresses and sends all of them again.
        mounts.append(Mount(where.pushed, "/var/lib/containers/cache"))
        mounts.append(Mount(environments.store, "/var/lib/boatyard/images", read_only=True))
    else:
        mounts += [Mount(AGENT / "docker", f"/usr/local/bin/{name}", read_only=True) for name in ("docker", "dockerd")]
    return mounts


def kill(installation: Installation, build: Build) -> None:
    """End the container at once where it runs; what it wrote can still be read."""
    found = installation.engine.find(stable_name(build))
    if found is not None:
        found.kill()


def remove(installation: Installation, build: Build) -> None:
    """Remove the container, its network and its credentials; harmless when they are gone."""
    name = stable_name(build)
    found = installation.engine.find(name)
    if found is not None:
        found.remove()
    installation.engine.remove_network(name)
    installation.end_workload(workload(build))
