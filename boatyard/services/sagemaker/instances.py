"""What SageMaker's instance types stand for here: how many cores and how much memory a container gets."""

from __future__ import annotations

import os
import re

from boatyard.api.errors import ApiError

# Memory in MiB for each vCPU of a family, as the EC2 instance type pages give it.
_MEMORY_PER_CPU = {"c4": 1920, "c5": 2048, "c5d": 2048, "c5n": 2688, "c6in": 2048}
_MEMORY_PER_CPU_BY_LETTER = {"c": 2048, "m": 4096, "r": 8192}
_BURSTABLE = {"medium": (2, 4), "large": (2, 8), "xlarge": (4, 16), "2xlarge": (8, 32)}
_FAMILY = re.compile(r"[cmr]\d+[a-z]*(-flex)?\Z")
_SIZE = re.compile(r"(\d*)xlarge\Z")


class InstanceType:
    """One machine shape: `cpus` (vCPUs) and `memory_mib` (MiB)."""

    def __init__(self, name: str, cpus: int, memory_mib: int) -> None:
        self.name = name
        self.cpus = cpus
        self.memory_mib = memory_mib


def instance_type(name: str, operation: str) -> InstanceType:
    """The shape of `ml.FAMILY.SIZE`; GPU and accelerator families are refused, for there is none to give."""
    _, _, rest = name.partition("ml.")
    family, _, size = rest.partition(".")
    if family in ("t2", "t3") and size in _BURSTABLE:
        cpus, gigabytes = _BURSTABLE[size]
        return InstanceType(name, cpus, gigabytes * 1024)
    processors = _cpus(size)
    if not _FAMILY.match(family) or processors is None:
        raise ApiError(
            "ValidationException",
            f"SageMaker {operation}: boatyard has no GPU or accelerator, so the instance type {name} cannot be had. "
            "Use a type of the families ml.t, ml.m, ml.c or ml.r.",
        )
    per_cpu = _MEMORY_PER_CPU.get(family) or _MEMORY_PER_CPU_BY_LETTER[family[0]]
    return InstanceType(name, processors, processors * per_cpu)


def _cpus(size: str) -> int | None:
    if size in ("medium", "large"):
        return 1 if size == "medium" else 2
    found = _SIZE.match(size)
    return 4 * int(found[1] or 1) if found else None


def capped(shape: InstanceType) -> list[str]:
    """The line for the log when this machine is smaller than the instance type, else nothing."""
    cpus = os.cpu_count() or 1
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
    if shape.cpus <= cpus and shape.memory_mib <= memory_mib:
        return []
    return [
        f"boatyard: {shape.name} has {shape.cpus} vCPUs and {shape.memory_mib} MiB of memory; this machine has {cpus} "
        f"and {memory_mib} MiB, so the container gets no more than those."
    ]
