"""The story of a build: queued, provisioned, sources, commands, artifacts, done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.containers.errors import EngineError
from boatyard.services.codebuild.builds import container, events, slots
from boatyard.services.codebuild.builds.artifacts import ArtifactsError, upload
from boatyard.services.codebuild.builds.buildspec import Buildspec, BuildspecError, parse
from boatyard.services.codebuild.builds.directories import directories, forget_build
from boatyard.services.codebuild.builds.log import BuildLog
from boatyard.services.codebuild.builds.sources import SourceError, fetch
from boatyard.services.codebuild.builds.variables import build_variables
from boatyard.services.codebuild.records import BUILDS, Build, Phase
from boatyard.workflows import Work, workflow

POLL_SECONDS = 0.1


class BuildEnded(Exception):
    """The build is over before its end: status, and what its phase says."""

    def __init__(self, status: str, code: str = "", message: str = "") -> None:
        super().__init__(message or status)
        self.status, self.code, self.message = status, code, message


def fault(installation: Installation, args: list[Any], error: BaseException) -> None:
    """A build that boatyard could not bring to an end is a FAULT."""
    story = Story(installation, *args)
    story.end("FAULT", "INTERNAL_ERROR", f"boatyard failed: {error}. The server's log has the details.")


@workflow("codebuild.build", on_failure=fault)
def run_build(work: Work, account: str, region: str, build_id: str) -> None:
    """From the queue to the end; each step is taken up again after a crash."""
    story = Story(work.installation, account, region, build_id)
    try:
        story.queue(work)
        work.step("provision", story.provision)
        story.log.open()
        work.step("source", story.download)
        story.commands(work)
        work.step("artifacts", story.artifacts)
        story.end(story.verdict())
    except BuildEnded as ended:
        story.end(ended.status, ended.code, ended.message)
    except (ApiError, EngineError) as error:
        story.end("FAILED", "CLIENT_ERROR", str(error))


@dataclass
class Story:
    """One build and what it is made with."""

    installation: Installation
    account: str
    region: str
    build_id: str

    def __post_init__(self) -> None:
        build = self.build
        self.where = directories(self.installation, build)
        self.log = BuildLog(self.installation, build)

    @property
    def build(self) -> Build:
        """The record as it is now."""
        with self.installation.database.reading() as rx:
            found = BUILDS.get(rx, self.account, self.region, self.build_id)
        if found is None:
            raise BuildEnded("STOPPED", "", "The build was deleted")
        return found

    def change(self, change: Callable[[Build], Build], *, phase: Phase | None = None) -> Build:
        """Change the record; says so to whoever waits, and as an event where a phase has ended."""
        key = (self.account, self.region, self.build_id)
        with self.installation.database.transaction() as tx:
            build = BUILDS.update(tx, key, change)
            if phase is not None:
                events.phase_changed(self.installation, tx, build, phase)
            tx.after_commit(lambda: self.installation.workflows.notify(("codebuild", "build", build.id)))
            tx.after_commit(lambda: self.installation.workflows.notify(("codebuild", "build", build.arn)))
        return build

    def call(self) -> Call:
        """A call as the service role. BuildEnded when it cannot be assumed."""
        build = self.build
        service = self.installation.service_call(container.SERVICE, self.account, self.region)
        try:
            return service.assume(
                build.settings.get("serviceRole", ""),
                container.SERVICE,
                session_name=f"AWSCodeBuild-{build.uuid}",
                source_arn=build.arn,
            )
        except ApiError as error:
            raise BuildEnded(
                "FAILED",
                "CLIENT_ERROR",
                f"The service role {build.settings.get('serviceRole')} cannot be assumed: {error.message}. Its trust "
                f"policy must allow {container.SERVICE}.",
            ) from error

    def enter(self, name: str, started: datetime | None = None) -> None:
        """A phase begins; entering it again after a crash changes nothing."""

        def begin(build: Build) -> Build:
            if any(phase.type == name for phase in build.phases):
                return build
            phase = Phase(type=name, started=started or now())
            return msgspec.structs.replace(build, current=name, phases=[*build.phases, phase])

        self.change(begin)

    def leave(
        self, name: str, status: str = "SUCCEEDED", code: str = "", message: str = "", ended: datetime | None = None
    ) -> None:
        """A phase ends."""
        moment = ended or now()
        before = next((each for each in self.build.phases if each.type == name), None)
        if before is None or before.status is not None:
            return
        done = msgspec.structs.replace(before, ended=moment, status=status, code=code, message=message)

        def finish(build: Build) -> Build:
            phases = [done if each.type == name else each for each in build.phases]
            return msgspec.structs.replace(build, phases=phases)

        self.change(finish, phase=done)

    def queue(self, work: Work) -> None:
        """Wait for a slot; a build whose container is there already has one."""
        self.enter("QUEUED", self.build.started)
        limit = self.build.started + timedelta(minutes=self.build.settings["queuedTimeoutInMinutes"])
        turns = slots.slots_of(self.installation)
        running = any(phase.type == "PROVISIONING" for phase in self.build.phases)

        def ready() -> bool:
            if self.build.stop_asked:
                raise BuildEnded("STOPPED", "BUILD_STOPPED", "The build was stopped while it was queued")
            return turns.take(self.build, anyway=running)

        left = max(0.0, (limit - now()).total_seconds())
        if not work.wait([slots.KEY, ("codebuild", self.build.arn)], ready=ready, timeout=left):
            raise BuildEnded("TIMED_OUT", "BUILD_TIMED_OUT", "The build was queued for longer than its time limit")
        self.leave("QUEUED")

    def provision(self) -> None:
        """See that the role can be assumed and the build environment is there."""
        self.enter("PROVISIONING")
        self.call()
        self.installation.engine.environment("build")
        self.leave("PROVISIONING")

    def download(self) -> None:
        """Fetch the sources, read the buildspec, and write down what the agent is to do."""
        self.enter("DOWNLOAD_SOURCE")
        self.log.say("Waiting for DOWNLOAD_SOURCE")
        build, call = self.build, self.call()
        try:
            resolved = fetch(call, build.settings["source"], build.source_version, self.where.source)
            for secondary in build.settings.get("secondarySources") or []:
                identifier = secondary["sourceIdentifier"]
                version = build.secondary_versions.get(identifier)
                fetch(call, secondary, version, self.where.secondary(identifier))
        except SourceError as error:
            raise BuildEnded("FAILED", "CLIENT_ERROR", str(error)) from error
        build = self.change(lambda each: msgspec.structs.replace(each, resolved_version=resolved))
        try:
            spec = self.buildspec()
            variables = build_variables(call, build, spec)
            said = container.notices(build, spec)
        except BuildspecError as error:
            raise BuildEnded("FAILED", error.code, str(error)) from error
        for line in said:
            self.log.say(line)
        container.write_plan(build, spec, variables, self.where)
        self.leave("DOWNLOAD_SOURCE")

    def buildspec(self) -> Buildspec:
        """The buildspec: in the project or the start, or a file of the source."""
        given = self.build.settings["source"].get("buildspec") or "buildspec.yml"
        if "\n" in given or given.lstrip().startswith("{") or re_version(given):
            return parse(given)
        if given.startswith("arn:aws:s3:::"):
            raise BuildspecError("boatyard does not read a buildspec from S3; put it into the source")
        path = (self.where.source / given).resolve()
        if not path.is_relative_to(self.where.source.resolve()) or not path.is_file():
            raise BuildspecError(f"YAML file does not exist: {given}. The source has no such file.")
        return parse(path.read_text(errors="replace"))

    def commands(self, work: Work) -> None:
        """Run the container to its end, passing on what it reports while it runs."""
        build = self.build
        if any(phase.type == "UPLOAD_ARTIFACTS" for phase in build.phases):
            return
        running = container.start(self.installation, build, self.where)
        follower = self.log.follow(running)
        reported = Progress(self)
        limit = build.started + timedelta(minutes=build.settings["timeoutInMinutes"])

        def over() -> bool:
            reported.read(self.where.progress)
            now_build = self.build
            if now_build.stop_asked:
                raise BuildEnded("STOPPED", "BUILD_STOPPED", "The build was stopped")
            if now() > limit:
                minutes = build.settings["timeoutInMinutes"]
                raise BuildEnded("TIMED_OUT", "BUILD_TIMED_OUT", f"Build has timed out after {minutes} minutes. ")
            return running.wait(0.02) is not None

        work.wait(("codebuild", build.arn), ready=over, poll=POLL_SECONDS)
        ended = running.wait(0)
        follower.join(60)
        reported.read(self.where.progress)
        if not reported.complete:
            reason = "was killed for using too much memory" if ended and ended.out_of_memory else "ended"
            code = ended.code if ended else "unknown"
            raise BuildEnded(
                "FAILED",
                "CONTAINER_ENDED",
                f"The build container {reason} before its commands did (exit code {code}). See the end of the log.",
            )
        # A server that takes this up behind the commands does not read the container's log again.
        self.log.flush()
        self.change(lambda each: msgspec.structs.replace(each, exported=reported.exported))

    def artifacts(self) -> None:
        """Upload what was made; of a failed build too, as CodeBuild does, where it is there."""
        self.enter("UPLOAD_ARTIFACTS")
        build, call, spec = self.build, self.call(), self.buildspec()
        name = Progress(None).read(self.where.progress).artifact_name
        targets = [(build.settings.get("artifacts") or {}, spec.artifacts)]
        others = build.settings.get("secondaryArtifacts") or []
        targets += [(target, spec.secondary.get(target["artifactIdentifier"])) for target in others]
        try:
            for target, wanted in targets:
                if target.get("type") == "CODEPIPELINE" and (wanted is None or not target.get("location")):
                    continue
                upload(call, build, target, wanted, self.where.source, name)
        except ArtifactsError as error:
            self.leave("UPLOAD_ARTIFACTS", "FAILED", "CLIENT_ERROR", str(error))
            self.log.say(f"Phase context status code: CLIENT_ERROR Message: {error}")
            return
        self.leave("UPLOAD_ARTIFACTS")

    def verdict(self) -> str:
        """SUCCEEDED unless a phase has failed."""
        return "FAILED" if any(each.status not in (None, "SUCCEEDED") for each in self.build.phases) else "SUCCEEDED"

    def end(self, status: str, code: str = "", message: str = "") -> None:
        """Write the end down, then clear away what the build leaves."""
        build = self.build
        if build.ended is None:
            open_phase = next((each for each in build.phases if each.status is None), None)
            if open_phase is not None:
                self.leave(open_phase.type, status, code, message)
            if message:
                self.log.say(f"Phase context status code: {code} Message: {message}")
            self.enter("FINALIZING")
            container.remove(self.installation, build)
            self.leave("FINALIZING")
            self._complete(status)
        container.remove(self.installation, build)
        self.log.close()
        slots.slots_of(self.installation).give_back(build)
        self.installation.workflows.notify(slots.KEY)
        forget_build(self.installation, build.uuid)

    def _complete(self, status: str) -> None:
        moment = now()
        key = (self.account, self.region, self.build_id)

        def finish(build: Build) -> Build:
            phases = [*build.phases, Phase(type="COMPLETED", started=moment)]
            return msgspec.structs.replace(build, status=status, ended=moment, current="COMPLETED", phases=phases)

        with self.installation.database.transaction() as tx:
            build = BUILDS.update(tx, key, finish)
            events.state_changed(self.installation, tx, build)
            for identity in (build.id, build.arn):
                tx.after_commit(lambda key=("codebuild", "build", identity): self.installation.workflows.notify(key))  # type: ignore[misc]


def re_version(text: str) -> bool:
    """Whether the text is a whole buildspec on one line and no file name."""
    return text.lstrip().startswith("version:")


class Progress:
    """Reads the agent's progress file from where it was left, into the record's phases where there is a story."""

    def __init__(self, story: Story | None) -> None:
        self._story = story
        self._offset = 0
        self.complete = False
        self.exported: dict[str, str] = {}
        self.artifact_name: str | None = None

    def read(self, path: Path) -> Progress:
        """Take in what is new."""
        if not path.exists():
            return self
        with path.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._take(json.loads(line))
        return self

    def _take(self, event: dict[str, Any]) -> None:
        moment = datetime.fromtimestamp(event["time"], UTC)
        if event["event"] == "exported":
            self.complete = True
            self.exported = event["variables"]
            self.artifact_name = event["artifact_name"]
        elif self._story is None:
            return
        elif event["event"] == "started":
            self._story.enter(event["phase"], moment)
        else:
            self._story.leave(event["phase"], event["status"], event["code"], event["message"], moment)
