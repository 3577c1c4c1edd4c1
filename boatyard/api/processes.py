"""Tells a process from a later one that was given the same number."""

from __future__ import annotations

from pathlib import Path


def identity(pid: int) -> str | None:
    """The boot and the tick in which a process began (proc_pid_stat(5), starttime); None when it has ended.

    A number is given to another process sooner or later, after a reboot within minutes; this never comes again. It
    does not depend on the machine's clock.
    """
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if words[0] in "XZ" else f"{boot} {words[19]}"
