"""What must be true after every execution, however often the server died in it."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import tarfile
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.torture.lab import LINES, STAGES, TortureLab
from tests.torture.leftovers import orphaned_blobs as orphaned_blobs

_MARKED = re.compile(r"torture (\S+) (\w+) (\d+)$")


def not_kept(lab: TortureLab, commit: str) -> list[str]:
    """What an execution has made and is not there: the commit, its image, the model that was trained with it."""
    head = lab.lab.client("codecommit").get_branch(repositoryName=lab.lab.prefix, branchName="main")
    wrong = [] if head["branch"]["commitId"] == commit else [f"main is at {head['branch']['commitId']}"]
    lab.lab.client("ecr").describe_images(repositoryName=lab.lab.prefix, imageIds=[{"imageTag": commit}])
    sagemaker, s3 = lab.lab.client("sagemaker"), lab.lab.client("s3")
    latest = sagemaker.list_training_jobs(SortBy="CreationTime", SortOrder="Descending")["TrainingJobSummaries"][0]
    job = sagemaker.describe_training_job(TrainingJobName=latest["TrainingJobName"])
    if not job["AlgorithmSpecification"]["TrainingImage"].endswith(f":{commit}"):
        wrong.append(f"the last training job used {job['AlgorithmSpecification']['TrainingImage']}")
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        if archive.getnames() != ["rows.csv"]:
            wrong.append(f"the model is {archive.getnames()}")
    return wrong


def marked_lines(lab: TortureLab, mark: str) -> dict[tuple[str, str], list[int]]:
    """The numbered lines of an execution: for each log stream and kind their numbers, in order."""
    logs = lab.lab.client("logs")
    found: dict[tuple[str, str], list[int]] = {}
    groups = [
        f"/aws/codebuild/{lab.lab.prefix}",
        "/aws/sagemaker/TrainingJobs",
        *(f"/aws/sagemaker/Endpoints/{lab.lab.endpoint(stage)}" for stage in STAGES),
    ]
    for group in groups:
        for page in logs.get_paginator("describe_log_streams").paginate(logGroupName=group):
            for stream in page["logStreams"]:
                name = stream["logStreamName"]
                for event in events(logs, group, name):
                    match = _MARKED.search(event.rstrip())
                    if match and match.group(1) == mark:
                        found.setdefault((f"{group}:{name}", match.group(2)), []).append(int(match.group(3)))
    return found


def events(logs: Any, group: str, stream: str) -> list[str]:
    """Every message of a stream."""
    said: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
        said += [event["message"] for event in answer["events"]]
        if answer["nextForwardToken"] == token.get("nextToken"):
            return said
        token = {"nextToken": answer["nextForwardToken"]}


def end_faults(lab: TortureLab, mark: str) -> list[str]:
    """What is wrong with the last words of the containers that an execution's successor has replaced."""
    found = {stream: numbers for (stream, kind), numbers in marked_lines(lab, mark).items() if kind == "end"}
    wrong = [f"{stream} end: {numbers}" for stream, numbers in found.items() if numbers != list(range(LINES))]
    return wrong if len(found) == len(STAGES) else [*wrong, f"{len(found)} containers have ended"]


def log_faults(lab: TortureLab, mark: str) -> list[str]:
    """What is wrong with the execution's logs: each kind of lines once, whole and in order."""
    wrong = []
    found = marked_lines(lab, mark)
    for (stream, kind), numbers in found.items():
        if kind == "end":
            continue
        if numbers != list(range(LINES)):
            missing = sorted(set(range(LINES)) - set(numbers))
            doubled = [number for number, count in Counter(numbers).items() if count > 1]
            wrong.append(f"{stream} {kind}: missing {missing}, doubled {doubled}, {len(numbers)} lines")
    kinds = Counter(kind for _, kind in found if kind != "end")
    if kinds != Counter({"build": 1, "train": 1, "serve": 3}):
        wrong.append(f"streams by kind: {dict(kinds)}")
    return wrong


@dataclass
class Done:
    """What has been done so far: to see afterwards that all was done once."""

    builds: int
    jobs: int
    generations: dict[str, int]


def done(lab: TortureLab) -> Done:
    """Counts builds, training jobs, and the switches of each endpoint."""
    codebuild, sagemaker = lab.lab.client("codebuild"), lab.lab.client("sagemaker")
    builds = [
        build
        for page in codebuild.get_paginator("list_builds_for_project").paginate(projectName=lab.lab.prefix)
        for build in page["ids"]
    ]
    jobs = [
        job["TrainingJobName"]
        for page in sagemaker.get_paginator("list_training_jobs").paginate()
        for job in page["TrainingJobSummaries"]
    ]
    connection = sqlite3.connect(f"file:{lab.server.data_directory / 'state.db'}?mode=ro", uri=True)
    rows = connection.execute("SELECT name, record FROM sagemaker_endpoints").fetchall()
    connection.close()
    return Done(len(builds), len(jobs), {name: json.loads(record).get("generation", 1) for name, record in rows})


def work_faults(lab: TortureLab, before: Done, after: Done) -> list[str]:
    """What was done more or less often than once in one execution."""
    wrong = []
    if after.builds != before.builds + 1:
        wrong.append(f"{after.builds - before.builds} builds")
    if after.jobs != before.jobs + 1:
        wrong.append(f"{after.jobs - before.jobs} training jobs")
    for stage in STAGES:
        name = lab.lab.endpoint(stage)
        switched = after.generations.get(name, 0) - before.generations.get(name, 0)
        if switched != 1:
            wrong.append(f"{name} was switched {switched} times")
    return wrong
