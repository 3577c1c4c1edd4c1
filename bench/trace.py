"""Where the time of a push to Prod goes: its stages, each cut into what was done for whom, out of recorded history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import msgspec

from bench.watching import Watching

USER, REGISTRY, ENGINE, FUNCTIONS, BOATYARD, WAITING = KINDS = (
    "user's container",
    "registry",
    "engine",
    "functions",
    "boatyard",
    "waiting",
)
MEANING = {
    USER: "the user's own commands: the buildspec without its last phase, `train`, `serve` until it answers",
    REGISTRY: "the image pushed by the build's last phase, and pulled before the training",
    ENGINE: "a container being made: network, file systems, first process",
    FUNCTIONS: "the pipeline's functions, with their cold starts, where nothing above goes on",
    BOATYARD: "the server's processor time, where nothing above goes on",
    WAITING: "the rest: git, the disk, wake-ups",
}
ENVIRONMENTS = ("Dev", "Test", "Prod")


class Claim(msgspec.Struct, frozen=True):
    """Something that went on, of one of the KINDS, between two moments in seconds."""

    kind: str
    begin: float
    end: float
    what: str = ""


class Stage(msgspec.Struct, kw_only=True):
    """A stage: when it began and ended (seconds since the push), and its seconds of each kind."""

    name: str
    begin: float
    end: float
    seconds: dict[str, float]


class Trace(msgspec.Struct, kw_only=True):
    """One delivery: its stages, and what went on in them."""

    title: str
    seconds: float
    stages: list[Stage]
    claims: list[Claim]


def cut(begin: float, end: float, claims: Iterable[Claim], processor: list[tuple[float, float]]) -> dict[str, float]:
    """The seconds of each kind between two moments; what several claim is the first one's in the order of KINDS.

    What nobody claims is boatyard's as far as the server used a processor then, and waiting beyond that.
    """
    inside = [each for each in claims if each.begin < end and each.end > begin]
    edges = sorted({begin, end, *(max(begin, each.begin) for each in inside), *(min(end, each.end) for each in inside)})
    seconds = dict.fromkeys(KINDS, 0.0)
    for start, stop in pairwise(edges):
        kinds = {each.kind for each in inside if each.begin <= start and each.end >= stop}
        kind = next((kind for kind in KINDS if kind in kinds), None)
        if kind is not None:
            seconds[kind] += stop - start
            continue
        used = min(stop - start, max(0.0, used_at(processor, stop) - used_at(processor, start)))
        seconds[BOATYARD] += used
        seconds[WAITING] += stop - start - used
    return seconds


def used_at(processor: list[tuple[float, float]], moment: float) -> float:
    """The processor seconds that had been used at a moment, on the straight line between the looks around it."""
    before = (moment, 0.0)
    for look in processor:
        if look[0] >= moment:
            if look[0] == before[0] or before[0] == moment:
                return look[1]
            return before[1] + (look[1] - before[1]) * (moment - before[0]) / (look[0] - before[0])
        before = look
    return before[1]


def read(title: str, lab: Any, execution: str, began: float, ended: float, watching: Watching) -> Trace:
    """The trace of an execution that has succeeded; `began`, `ended`: of the delivery, in seconds since 1970."""
    history = History(lab, execution, began, ended)
    claims = [*history.build(), *history.functions(), *history.training(watching), *history.serving(watching)]
    marks = [*history.marks(began), ("", ended)]
    stages = [
        Stage(
            name=name,
            begin=round(start - began, 3),
            end=round(stop - began, 3),
            seconds={kind: round(value, 3) for kind, value in cut(start, stop, claims, watching.processor).items()},
        )
        for (name, start), (_, stop) in pairwise(marks)
    ]
    told = [Claim(each.kind, round(each.begin - began, 3), round(each.end - began, 3), each.what) for each in claims]
    return Trace(
        title=title, seconds=round(ended - began, 3), stages=stages, claims=sorted(told, key=lambda c: c.begin)
    )


def rows(trace: Trace, bare: Mapping[str, float]) -> list[list[str]]:
    """The trace as a table: a row for each stage and one for all; at the end what the `bare` commands took for it."""
    lines = []
    for stage in trace.stages:
        beside = f"{bare[stage.name]:.2f}" if stage.name in bare else ""
        kinds = [f"{stage.seconds[kind]:.2f}" for kind in KINDS]
        lines.append([stage.name, *kinds, f"{stage.end - stage.begin:.2f}", beside])
    sums = [sum(stage.seconds[kind] for stage in trace.stages) for kind in KINDS]
    return [*lines, ["**All**", *(f"**{value:.2f}**" for value in (*sums, trace.seconds, sum(bare.values())))]]


class History:
    """What boatyard has on record of one execution, read by its API."""

    def __init__(self, lab: Any, execution: str, began: float, ended: float) -> None:
        self._lab = lab
        self._window = {"startTime": int(began * 1000), "endTime": int(ended * 1000) + 1000}
        client = lab.client("codepipeline")
        self._actions: list[dict[str, Any]] = client.list_action_executions(
            pipelineName=lab.pipeline, filter={"pipelineExecutionId": execution}, maxResults=100
        )["actionExecutionDetails"]

    def _action(self, stage: str, name: str) -> dict[str, Any]:
        return next(each for each in self._actions if (each["stageName"], each["actionName"]) == (stage, name))

    def marks(self, began: float) -> list[tuple[str, float]]:
        """The stages and when each begins; the tests are stages of their own."""
        places = [("Source", "Source", "Algorithm"), ("Build", "Build", "Image"), ("Train", "TrainModel", "Train")]
        for environment, test in zip(ENVIRONMENTS, ("SmokeTest", "FullTest", None), strict=True):
            places.append((f"Deploy{environment}", f"DeployModel-{environment}", "Deploy"))
            places += [(test, f"DeployModel-{environment}", test)] if test else []
        return [
            ("Push", began),
            *((name, self._action(stage, action)["startTime"].timestamp()) for name, stage, action in places),
        ]

    def build(self) -> list[Claim]:
        """The build: its container made, its phases, the last of which pushes the image."""
        number = self._action("Build", "Image")["output"]["executionResult"]["externalExecutionId"]
        phases = self._lab.client("codebuild").batch_get_builds(ids=[number])["builds"][0]["phases"]
        ends = {each["phaseType"]: each["endTime"].timestamp() for each in phases if "endTime" in each}
        begins = {each["phaseType"]: each["startTime"].timestamp() for each in phases}
        return [
            Claim(ENGINE, ends["DOWNLOAD_SOURCE"], begins["INSTALL"], "build container"),
            Claim(USER, begins["INSTALL"], ends["BUILD"], "buildspec"),
            Claim(REGISTRY, begins["POST_BUILD"], ends["POST_BUILD"], "push"),
        ]

    def functions(self) -> list[Claim]:
        """Every invocation of the pipeline's functions, from the start of a cold one's loading."""
        claims = []
        for name in ("train", "status", "deploy", "evaluate"):
            group = f"/aws/lambda/{self._lab.prefix}-{name}"
            pages = (
                self._lab.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group, **self._window)
            )
            for event in (event for page in pages for event in page["events"]):
                found = re.match(
                    r"REPORT .*?\tDuration: ([0-9.]+) ms(?:.*Init Duration: ([0-9.]+) ms)?", event["message"]
                )
                if found:
                    end = event["timestamp"] / 1000
                    spent = float(found[1]) + float(found[2] or 0)
                    claims.append(Claim(FUNCTIONS, end - spent / 1000, end, name))
        return claims

    def training(self, watching: Watching) -> list[Claim]:
        """The training job: the image pulled, its container made and run."""
        name = self._action("TrainModel", "Train")["output"]["outputVariables"]["TrainingJob"]
        job = self._lab.client("sagemaker").describe_training_job(TrainingJobName=name)
        begins = {each["Status"]: each["StartTime"].timestamp() for each in job["SecondaryStatusTransitions"]}
        container = watching.containers("boatyard-training-")[-1]
        return [
            Claim(REGISTRY, begins["Downloading"], begins["Training"], "pull"),
            Claim(ENGINE, begins["Training"], container.began, "training container"),
            Claim(USER, container.began, container.ended or begins["Uploading"], "train"),
        ]

    def serving(self, watching: Watching) -> list[Claim]:
        """The three deployments: the container made, and its start until the endpoint is in service."""
        claims = []
        containers = watching.containers("boatyard-endpoint-")[-len(ENVIRONMENTS) :]
        for environment, container in zip(ENVIRONMENTS, containers, strict=True):
            stage = f"DeployModel-{environment}"
            asked = self._action(stage, "Deploy")["lastUpdateTime"].timestamp()
            endpoint = self._lab.client("sagemaker").describe_endpoint(
                EndpointName=self._lab.endpoint(environment.lower())
            )
            serves = endpoint["LastModifiedTime"].timestamp()
            claims.append(Claim(ENGINE, asked, container.began, f"serving container of {environment}"))
            claims.append(Claim(USER, container.began, serves, f"serve in {environment}"))
        return claims
