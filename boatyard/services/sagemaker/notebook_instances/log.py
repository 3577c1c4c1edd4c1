"""A notebook instance's log on its way to CloudWatch Logs: a stream for JupyterLab and each lifecycle script."""

from __future__ import annotations

import threading

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.log_shipping import LogShipper
from boatyard.containers.container import Container
from boatyard.containers.specification import LogLine
from boatyard.services.sagemaker import roles
from boatyard.services.sagemaker.container_logs import LogFollower
from boatyard.services.sagemaker.notebook_instances import instance
from boatyard.services.sagemaker.notebook_instances.records import Notebook

GROUP = "/aws/sagemaker/NotebookInstances"
STREAMS = {"jupyter": "jupyter.log", "on-create": "LifecycleConfigOnCreate", "on-start": "LifecycleConfigOnStart"}


class NotebookLog:
    """Follows one container; `failure` is what its start said that went wrong."""

    def __init__(self, call: Call, installation: Installation, notebook: Notebook, container: Container) -> None:
        self._mark = instance.mark(notebook)
        self._streams = {part: LogShipper(call, GROUP, f"{notebook.name}/{name}") for part, name in STREAMS.items()}
        self._shipped_until = {part: _last_event(call, f"{notebook.name}/{name}") for part, name in STREAMS.items()}
        self._part = "jupyter"
        self.failure: str | None = None
        self.container_id = container.id
        self._follower = LogFollower(
            installation.engine, instance.container_name(notebook), self._line, container.id
        ).start()

    @property
    def tail(self) -> list[str]:
        """The last lines of the log."""
        return [line for line in self._follower.tail if not line.startswith(self._mark)]

    def finish(self) -> None:
        """Ships the rest, once the container has ended."""
        self._follower.finish()
        self._close()

    def abandon(self) -> None:
        """Leaves the log where it is: a later server goes on."""
        self._follower.abandon()
        self._close()

    def _close(self) -> None:
        for shipper in self._streams.values():
            shipper.close()

    def _line(self, line: LogLine) -> None:
        if line.text.startswith(self._mark):
            said = line.text[len(self._mark) :].strip()
            if said.startswith("failed "):
                self.failure = said.removeprefix("failed ")
            elif said in STREAMS:
                self._part = said
            return
        milliseconds = int(line.timestamp.timestamp() * 1000)
        if milliseconds > self._shipped_until[self._part]:
            self._streams[self._part].send(milliseconds, line.text)


class NotebookLogs:
    """The logs that one running server follows, by instance."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._lock = threading.Lock()
        self._logs: dict[str, NotebookLog] = {}

    def follow(self, notebook: Notebook, container: Container) -> NotebookLog:
        """Follows the instance's container, if that is not done already."""
        with self._lock:
            found = self._logs.get(notebook.uid)
            if found is not None and found.container_id == container.id:
                return found
            call = roles.assume(self._installation, notebook.account, notebook.region, notebook.request["RoleArn"])
            self._logs[notebook.uid] = NotebookLog(call, self._installation, notebook, container)
            return self._logs[notebook.uid]

    def finish(self, notebook: Notebook) -> None:
        """Ships the rest of an ended container's log."""
        with self._lock:
            found = self._logs.pop(notebook.uid, None)
        if found is not None:
            found.finish()

    def close(self) -> None:
        """Leaves all logs where they are."""
        with self._lock:
            logs, self._logs = list(self._logs.values()), {}
        for each in logs:
            each.abandon()


def logs_of(installation: Installation) -> NotebookLogs:
    """The logs that a running server follows."""
    return installation.attached("sagemaker.notebook_logs", lambda: NotebookLogs(installation))


def _last_event(call: Call, stream: str) -> int:
    """The time of the last event of a stream in milliseconds since 1970, 0 when there is none."""
    try:
        service = call.as_service(roles.PRINCIPAL)
        answer = service.invoke("logs", "GetLogEvents", logGroupName=GROUP, logStreamName=stream, limit=1)
    except ApiError:
        return 0
    return int(answer["events"][-1]["timestamp"]) if answer["events"] else 0
