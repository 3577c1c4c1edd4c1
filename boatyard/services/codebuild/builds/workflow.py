"""The story of a build: queued, provisioned, sources, commands, artifacts, done."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.timestamps import Countdown, now
from boatyard.containers.container import Container
from boatyard.containers.errors import EngineError, EngineUnavailable, NotFound
from boatyard.containers.specification import Exit
from boatyard.services.codebuild.builds import caches, container, events, slots
from boatyard.services.codebuild.builds.artifacts import ArtifactsError, upload
from boatyard.services.codebuild.builds.buildspec import Buildspec, BuildspecError, parse
from boatyard.services.codebuild.builds.directories import directories, forget_build, forget_caches
from boatyard.services.codebuild.builds.log import BuildLog
from boatyard.services.codebuild.builds.progress import BadProgress, Progress
from boatyard.services.codebuild.builds.sources import SourceError, fetch, read_buildspec
from boatyard.services.codebuild.builds.variables import build_variables
from boatyard.services.codebuild.records import BUILDS, PROJECTS, Build, Phase, Project
from boatyard.workflows import Work, workflow

log = logging.getLogger(__name__)
POLL_SECONDS = 0.1
ENGINE_SECONDS = 120.0


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
        story.take_up_end()
        story.queue(work)
        work.step("provision", story.provision)
        story.log.open()
        work.step("source", story.download)
        story.commands(work)
        if story.build_was_run():
            work.step("artifacts", story.artifacts)
        story.end(story.verdict())
    except BuildEnded as ended:
        story.end(ended.status, ended.code, ended.message)
    except BadProgress as error:
        text = f"The build's commands have changed /codebuild/output/progress.jsonl, which is boatyard's: {error}"
        story.end("FAILED", "CLIENT_ERROR", text)
    except (ApiError, EngineError) as error:
        story.end("FAILED", "CLIENT_ERROR", str(error))
    except BaseException:
        # Whoever goes on from here, after a stop or on a disk that has room again, reads the log anew.
        story.log.abandon()
        raise


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

    def enter(self, name: str, started: datetime | None = None) -> Phase:
        """A phase begins, as it is answered; entering it again after a crash changes nothing."""

        def begin(build: Build) -> Build:
            if any(phase.type == name for phase in build.phases):
                return build
            phase = Phase(type=name, started=started or now())
            return msgspec.structs.replace(build, current=name, phases=[*build.phases, phase])

        return next(phase for phase in self.change(begin).phases if phase.type == name)

    def leave(
        self, name: str, status: str = "SUCCEEDED", code: str = "", message: str = "", ended: datetime | None = None
    ) -> None:
        """A phase ends; leaving it again after a crash changes nothing."""
        moment = ended or now()
        before = next((each for each in self.build.phases if each.type == name), None)
        if before is None or before.status is not None:
            return
        done = msgspec.structs.replace(before, ended=moment, status=status, code=code, message=message)

        def finish(build: Build) -> Build:
            phases = [done if each.type == name else each for each in build.phases]
            return msgspec.structs.replace(build, phases=phases)

        self.change(finish, phase=done)

    def take_up_end(self) -> None:
        """A build that was about to end when the server was killed goes on from there."""
        phases = self.build.phases
        if any(phase.type == "FINALIZING" for phase in phases):
            failed = next((each for each in phases if each.status not in (None, "SUCCEEDED")), None)
            raise BuildEnded(failed.status if failed is not None and failed.status else "SUCCEEDED")

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
        begun = self.enter("DOWNLOAD_SOURCE").started
        self.log.say("Waiting for DOWNLOAD_SOURCE", begun)
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
            spec = self.buildspec(read_buildspec(call, build.settings["source"], self.where.source))
            variables = build_variables(call, build, spec)
            said = container.notices(build, spec)
        except BuildspecError as error:
            raise BuildEnded("FAILED", error.code, str(error)) from error
        except SourceError as error:
            raise BuildEnded("FAILED", "YAML_FILE_ERROR", str(error)) from error
        problem = caches.download(call, build, self.project(), self.where)
        for line in [*said, *([problem] if problem else [])]:
            self.log.say(line, begun)
        self.log.flush()
        container.write_plan(build, spec, variables, self.where)
        self.leave("DOWNLOAD_SOURCE")

    def buildspec(self, text: str | None = None) -> Buildspec:
        """The parsed buildspec: of a text, which is kept, or the one that was kept."""
        if text is None:
            return parse(self.where.buildspec.read_text())
        spec = parse(text)
        self.where.buildspec.write_text(text)
        return spec

    def project(self) -> Project | None:
        """The build's project; None when it has been deleted since."""
        with self.installation.database.reading() as rx:
            return PROJECTS.get(rx, self.account, self.region, self.build.project)

    def commands(self, work: Work) -> None:
        """Run the container to its end, passing on what it reports while it runs."""
        build = self.build
        if any(phase.type == "UPLOAD_ARTIFACTS" for phase in build.phases):
            return
        reported = Progress(self)
        ended = self.run_container(work, reported)
        # A server that takes this up behind the commands does not read the container's log again.
        self.log.finish()
        reported.read(self.where.progress)
        if not reported.complete:
            raise BuildEnded("FAILED", "CONTAINER_ENDED", container.ending(ended))
        self.change(lambda each: msgspec.structs.replace(each, exported=reported.exported))

    def run_container(self, work: Work, reported: Progress) -> Exit | None:
        """How the container ended; None where it was removed. Commands that have begun are never begun again."""
        build = self.build
        if self.where.progress.exists() and container.find(self.installation, build) is None:
            return None
        running = container.start(self.installation, build, self.where)
        self.log.follow(running)
        minutes = build.settings["timeoutInMinutes"]
        deadline = Countdown(begun(build) + timedelta(minutes=minutes))
        watched = Watched(running)

        def over() -> Exit | None:
            reported.read(self.where.progress)
            current = self.build
            if current.stop_asked:
                raise BuildEnded("STOPPED", "BUILD_STOPPED", "The build was stopped")
            if deadline.left < 0:
                raise BuildEnded("TIMED_OUT", "BUILD_TIMED_OUT", f"Build has timed out after {minutes} minutes. ")
            return watched.ended()

        try:
            return work.wait(("codebuild", build.arn), ready=over, poll=POLL_SECONDS)
        except NotFound:
            return None

    def build_was_run(self) -> bool:
        """Whether artifacts are uploaded: of a build that failed too, unless it failed before its BUILD phase."""
        return any(phase.type == "BUILD" for phase in self.build.phases)

    def artifacts(self) -> None:
        """Upload what was made; of a failed build too, as CodeBuild does, where it is there."""
        self.enter("UPLOAD_ARTIFACTS")
        build, call, spec = self.build, self.call(), self.buildspec()
        names = Progress(None).read(self.where.progress).artifact_names
        targets = [(build.settings.get("artifacts") or {}, spec.artifacts, names.get(""))]
        for target in build.settings.get("secondaryArtifacts") or []:
            identifier = target["artifactIdentifier"]
            targets.append((target, spec.secondary.get(identifier), names.get(identifier)))
        status, code, message = "SUCCEEDED", "", ""
        try:
            for target, wanted, name in targets:
                if target.get("type") == "CODEPIPELINE" and (wanted is None or not target.get("location")):
                    continue
                upload(call, build, target, wanted, self.where.source, name)
        except ArtifactsError as error:
            status, code, message = "FAILED", "CLIENT_ERROR", str(error)
        problem = caches.keep(call, build, self.project(), self.where)
        self.leave("UPLOAD_ARTIFACTS", status, code, message)
        phase = next(each for each in self.build.phases if each.type == "UPLOAD_ARTIFACTS")
        said = [problem] if problem else []
        said += [f"Phase complete: UPLOAD_ARTIFACTS State: {phase.status}"]
        said += [f"Phase context status code: {phase.code} Message: {phase.message}"]
        for line in said:
            self.log.say(line, phase.ended or phase.started)
        self.log.flush()

    def verdict(self) -> str:
        """SUCCEEDED unless a phase has failed."""
        return "FAILED" if any(each.status not in (None, "SUCCEEDED") for each in self.build.phases) else "SUCCEEDED"

    def end(self, status: str, code: str = "", message: str = "") -> None:
        """Write the end down, then clear away what the build leaves."""
        build = self.build
        if build.ended is None:
            self._close_phase(build, status, code, message)
            if message:
                ended = self.build.phases[-1].ended or now()
                self.log.say(f"Phase context status code: {code} Message: {message}", ended)
            self.log.flush()
            self.enter("FINALIZING")
            container.kill(self.installation, build)
            self.log.finish()
            self.leave("FINALIZING")
            self._complete(status)
        container.remove(self.installation, build)
        self.log.close()
        slots.slots_of(self.installation).give_back(build)
        self.installation.workflows.notify(slots.KEY)
        forget_build(self.installation, build.uuid)
        if self.project() is None:
            forget_caches(self.installation, self.account, self.region, build.project)

    def _close_phase(self, build: Build, status: str, code: str, message: str) -> None:
        """Put the end into the phase that is open; between two, into the one that would have come."""
        name = next((each.type for each in build.phases if each.status is None), None)
        told = any(each.status not in (None, "SUCCEEDED") for each in build.phases)
        if name is None and code and not told:
            name = "UPLOAD_ARTIFACTS" if any(each.type == "INSTALL" for each in build.phases) else "INSTALL"
            self.enter(name)
        if name is not None:
            self.leave(name, status, code, message)

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


def begun(build: Build) -> datetime:
    """When the time of a build began to run: when it left the queue."""
    return next((phase.started for phase in build.phases if phase.type == "PROVISIONING"), build.started)


class Watched:
    """A build's container, asked for its end; an engine that does not answer for a while is waited for."""

    def __init__(self, running: Container) -> None:
        self._running = running
        self._silent_since: float | None = None

    def ended(self) -> Exit | None:
        """How it ended; None while it runs, or the engine is silent."""
        try:
            found = self._running.wait(0.02)
        except EngineUnavailable as error:
            self._silent_since = self._silent_since or time.monotonic()
            if time.monotonic() - self._silent_since > ENGINE_SECONDS:
                raise
            log.info("The container engine is waited for: %s", error)
            return None
        self._silent_since = None
        return found
