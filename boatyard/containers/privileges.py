"""What a container may do to its kernel: capabilities, system calls, devices, control groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boatyard.containers.specification import ContainerSpecification

# Of what engines let root do in a container, this is withheld: what is left changes owners and users and binds
# low ports. Withholding, unlike granting, leaves other users with nothing.
WITHHELD = ("AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP", "SETPCAP", "SYS_CHROOT")

# What `docker build` and `docker run` need in a container. The engine's own privileged mode would add everything,
# with every device of the machine, its disks among them.
PRIVILEGED = (*WITHHELD, "NET_ADMIN", "SYS_ADMIN")
PRIVILEGED_DEVICES = ("/dev/fuse",)
_UNCONFINED = ["seccomp=unconfined", "apparmor=unconfined", "label=disable"]

# Containers inside have control groups below that of the container they are in.
_OPEN_CONTROL_GROUPS = (
    'for each in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,bind,rw "$each" 2> /dev/null; done; exec "$@"'
)


def options(specification: ContainerSpecification, *, own: bool) -> dict[str, Any]:
    """The host configuration that gives a container its rights; `own`: on boatyard's own podman."""
    if specification.privileged:
        if not own:
            return {"privileged": True}
        devices = [f"{device}:{device}:rwm" for device in PRIVILEGED_DEVICES if Path(device).exists()]
        return {"cap_add": list(PRIVILEGED), "security_opt": _UNCONFINED, "devices": devices}
    granted: dict[str, Any] = {
        "cap_drop": [name for name in WITHHELD if name not in specification.capabilities],
        "cap_add": list(specification.capabilities),
    }
    if not specification.new_privileges:
        granted["security_opt"] = ["no-new-privileges"]
    return granted


def entrypoint(specification: ContainerSpecification, of_image: Sequence[str], *, own: bool) -> list[str] | None:
    """The entry point to start it with; None for the image's own."""
    wanted = None if specification.entrypoint is None else list(specification.entrypoint)
    if not (specification.privileged and own):
        return wanted
    return ["/bin/sh", "-c", _OPEN_CONTROL_GROUPS, "sh", *(wanted if wanted is not None else of_image)]
