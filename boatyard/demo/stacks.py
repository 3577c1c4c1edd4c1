"""Creates the lab's stacks through CloudFormation and shows their events."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from boatyard.demo.lab import FUNCTIONS, UNIQUE_ID, DemoFailed, Lab, algorithm_zip, function_zip
from boatyard.demo.show import Show

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
LONGEST_SECONDS = 600.0


def create_stacks(lab: Lab, show: Show) -> None:
    """Both stacks, the functions' zips uploaded in between. DemoFailed names the resource that failed."""
    show.heading("Stack 1: repository, buckets, notebook")
    outputs = bring_up(lab, show, f"{lab.prefix}-prepare", "01-prepare.yml")
    lab.clone_url, lab.data_bucket = outputs["RepositoryCloneUrl"], outputs["DataBucket"]
    lab.code_bucket = outputs["FunctionCodeBucket"]
    show.heading("The functions' packages")
    for name in FUNCTIONS:
        content = function_zip(lab.blueprint, name)
        lab.client("s3").put_object(Bucket=lab.code_bucket, Key=f"functions/{name}.zip", Body=content)
        show.line(f"s3://{lab.code_bucket}/functions/{name}.zip  {len(content)} bytes")
    content = algorithm_zip(lab.blueprint)
    lab.client("s3").put_object(Bucket=lab.code_bucket, Key="algorithm.zip", Body=content)
    show.line(f"s3://{lab.code_bucket}/algorithm.zip  {len(content)} bytes, for the notebook")
    show.heading("Stack 2: roles, image repository, build project, functions, pipeline")
    bring_up(lab, show, f"{lab.prefix}-pipeline", "02-pipeline.yml")


def bring_up(lab: Lab, show: Show, name: str, template: str) -> dict[str, str]:
    """Create a stack, or update the one that is there; its outputs."""
    client = lab.client("cloudformation")
    request = {
        "StackName": name,
        "TemplateBody": (lab.blueprint / "templates" / template).read_text(),
        "Parameters": [{"ParameterKey": "UniqueID", "ParameterValue": UNIQUE_ID}],
        "Capabilities": CAPABILITIES,
    }
    seen = {event["EventId"] for event in events(client, name)}
    if _begin(client, name, request):
        follow(client, name, show, seen)
    else:
        show.line(f"{name} is there and up to date")
    stack = client.describe_stacks(StackName=name)["Stacks"][0]
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def _begin(client: Any, name: str, request: dict[str, Any]) -> bool:
    """Start creating or updating; False when there is nothing to do."""
    try:
        client.create_stack(**request)
    except client.exceptions.AlreadyExistsException:
        status = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        if status.endswith("_IN_PROGRESS"):
            return True
        if status in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED"):
            raise DemoFailed(
                f"The stack {name} is {status} from an earlier try. Delete it and run the demo again: aws "
                f"cloudformation delete-stack --stack-name {name}"
            ) from None
        try:
            client.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return False
            raise
    return True


def events(client: Any, name: str) -> list[dict[str, Any]]:
    """A stack's events, oldest first; none when there is no such stack."""
    try:
        pages = client.get_paginator("describe_stack_events").paginate(StackName=name)
        return [event for page in pages for event in page["StackEvents"]][::-1]
    except ClientError:
        return []


def follow(client: Any, name: str, show: Show, seen: set[str]) -> None:
    """Print each event as it comes, until the stack is at rest. DemoFailed with the reasons when it fails."""
    reasons: list[str] = []
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        status = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        for event in events(client, name):
            if event["EventId"] in seen:
                continue
            seen.add(event["EventId"])
            reason = event.get("ResourceStatusReason", "")
            text = f"{event['ResourceStatus']:<20} {event['ResourceType']:<46} {event['LogicalResourceId']}"
            show.line(f"{text}  {reason}" if "FAILED" in event["ResourceStatus"] else text)
            if event["ResourceStatus"].endswith("FAILED") and "cancelled" not in reason:
                reasons.append(f"{event['LogicalResourceId']}: {reason}")
        if not status.endswith("_IN_PROGRESS"):
            break
        if time.monotonic() > deadline:
            raise DemoFailed(f"The stack {name} is still {status} after {LONGEST_SECONDS:.0f} s.")
        time.sleep(0.1)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise DemoFailed(f"The stack {name} is {status}. {' '.join(reasons[:3])}")
