"""How a training container's end is told: Completed, or Failed with a reason that a person can use."""

from __future__ import annotations

from collections.abc import Sequence

REASON_LIMIT = 1024  # characters of FailureReason in the API
REMOVED = (
    "InternalServerError: the job's container was removed before it had ended, and not by boatyard: who uses podman on "
    "boatyard's engine must leave its containers alone. Start the job again."
)
UNWATCHED = (
    "InternalServerError: the monitor (conmon) of the job's container was killed, so that nobody knows how the "
    "container ended. Start the job again."
)
_KILLED = 137
_COULD_NOT_RUN = (126, 127)


def failure_reason(
    *, code: int, out_of_memory: bool, failure: str | None, log: Sequence[str], memory_mib: int, group: str, stream: str
) -> str:
    """FailureReason for a container that ended with exit code `code` (not 0).

    `failure` is what it wrote to /opt/ml/output/failure, `log` the last lines of its log.
    """
    if failure:
        ending = f", exit code: {code}"
        return "AlgorithmError: " + failure[: REASON_LIMIT - len("AlgorithmError: ") - len(ending)] + ending
    if out_of_memory:
        said = (
            f"the container was killed because it used all of its {memory_mib} MiB of memory. Choose an instance type "
            f"with more memory, or have the algorithm hold less. exit code: {code}"
        )
    elif code in _COULD_NOT_RUN:
        said = (
            f"the container could not run its program, exit code: {code}. The image must have an executable named "
            "`train` on its PATH, or an ENTRYPOINT that takes the argument `train`"
        )
    elif code == _KILLED:
        said = (
            f"the container was killed or removed, by somebody or by the machine, exit code: {code} (SIGKILL). Start "
            "the job again"
        )
    else:
        said = f"exit code: {code}. The container wrote no /opt/ml/output/failure"
    return with_log(f"AlgorithmError: {said}", log, group, stream)


def no_train(image: str, detail: str) -> str:
    """FailureReason for an image in which the engine could not start `train`."""
    return (
        f"AlgorithmError: the image {image} has no executable `train` on its PATH. Add one (and make it executable), "
        f"or set an ENTRYPOINT that takes the argument `train`. The engine said: {detail}"
    )[:REASON_LIMIT]


def with_log(reason: str, log: Sequence[str], group: str, stream: str) -> str:
    """A reason with as much of the end of the log as FailureReason has room for, and where the rest is."""
    where = f" Its log is in {group}, stream {stream}."
    if not log:
        return (reason.rstrip(".") + ". It logged nothing." + where)[:REASON_LIMIT]
    opening = reason.rstrip(".") + "." + where + " It ends: "
    room = REASON_LIMIT - len(opening)
    return opening + "\n".join(log)[-room:] if room > 0 else opening[:REASON_LIMIT]
