"""Whether the kernel ended a container for want of memory, read from its log where the engine did not notice."""

from __future__ import annotations

import contextlib
import os


def killed_for_memory(container_id: str, records: str | None = None) -> bool:
    """Whether the kernel's log has an out-of-memory kill in this container's own control group.

    Works with both versions of control groups; False where the log may not be read.
    """
    text = _kernel_log() if records is None else records
    return any("oom-kill:" in line and "oom_memcg=" in line and container_id in line for line in text.splitlines())


def _kernel_log() -> str:
    pieces: list[bytes] = []
    try:
        descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    pieces.append(os.read(descriptor, 8192))
                except BrokenPipeError:
                    # Records were overwritten while reading: the next read goes on behind them.
                    continue
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return b"\n".join(pieces).decode("utf-8", "replace")
