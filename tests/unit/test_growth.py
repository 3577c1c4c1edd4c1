"""No request costs more because there is much of what it does not ask for: no table that grows is read through.

Counted are SQLite's own steps (https://sqlite.org/c3ref/progress_handler.html), which are the same on every machine.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bench import filling
from boatyard.api.call import Call
from boatyard.api.installation import Installation
from boatyard.state.database import Reader
from boatyard.state.schema import schemas

FEW, MANY = 200, 2_000
STEPS = 50
GROWN = 2.0
ARN = "arn:aws:sagemaker:us-east-1:000000000000"
MIDDLE = "000100"
LINE = {"timestamp": int(time.time() * 1000), "message": "a line"}
TRUST = (
    '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
)
NEW = "new-{0}"  # {0}: a number not used before
REQUESTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("s3", "ListObjectsV2", {"Bucket": "growth", "MaxKeys": 10}),
    ("s3", "ListObjectsV2", {"Bucket": "growth", "MaxKeys": 10, "StartAfter": f"key/{MIDDLE}"}),
    ("s3", "ListObjectVersions", {"Bucket": "growth", "MaxKeys": 10}),
    ("s3", "HeadObject", {"Bucket": "growth", "Key": f"key/{MIDDLE}"}),
    ("s3", "PutObject", {"Bucket": "growth", "Key": "new", "Body": b"new"}),
    ("s3", "ListBuckets", {}),
    ("logs", "DescribeLogGroups", {"limit": 10}),
    ("logs", "DescribeLogGroups", {"limit": 10, "logGroupNamePrefix": "group-0001"}),
    ("logs", "DescribeLogStreams", {"logGroupName": "growth", "limit": 10}),
    ("logs", "DescribeLogStreams", {"logGroupName": "growth", "limit": 10, "descending": True}),
    ("logs", "DescribeLogStreams", {"logGroupName": "growth", "limit": 10, "orderBy": "LastEventTime"}),
    ("logs", "DescribeLogStreams", {"logGroupName": "growth", "limit": 10, "logStreamNamePrefix": "stream-0001"}),
    ("logs", "GetLogEvents", {"logGroupName": "growth", "logStreamName": "events", "limit": 10}),
    ("logs", "FilterLogEvents", {"logGroupName": "growth", "limit": 10}),
    ("logs", "FilterLogEvents", {"logGroupName": "growth", "logStreamNames": ["events"], "limit": 10}),
    ("logs", "PutLogEvents", {"logGroupName": "growth", "logStreamName": "stream-000100", "logEvents": [LINE]}),
    ("codepipeline", "ListPipelineExecutions", {"pipelineName": "growth", "maxResults": 10}),
    ("codepipeline", "ListActionExecutions", {"pipelineName": "growth", "maxResults": 10}),
    (
        "codepipeline",
        "ListActionExecutions",
        {"pipelineName": "growth", "filter": {"pipelineExecutionId": f"execution-{MIDDLE}"}},
    ),
    ("codepipeline", "GetPipelineExecution", {"pipelineName": "growth", "pipelineExecutionId": f"execution-{MIDDLE}"}),
    ("codepipeline", "GetPipelineState", {"name": "growth"}),
    ("codepipeline", "StartPipelineExecution", {"name": "growth"}),
    ("codebuild", "ListBuilds", {}),
    ("codebuild", "ListBuildsForProject", {"projectName": "growth", "sortOrder": "ASCENDING"}),
    ("codebuild", "BatchGetBuilds", {"ids": [f"growth:{MIDDLE}"]}),
    ("sagemaker", "ListTrainingJobs", {"MaxResults": 10}),
    ("sagemaker", "ListTrainingJobs", {"MaxResults": 10, "SortBy": "Name"}),
    ("sagemaker", "ListTrainingJobs", {"MaxResults": 10, "SortBy": "Status", "SortOrder": "Ascending"}),
    ("sagemaker", "ListTrainingJobs", {"MaxResults": 10, "StatusEquals": "Failed"}),
    ("sagemaker", "DescribeTrainingJob", {"TrainingJobName": f"job-{MIDDLE}"}),
    ("sagemaker", "ListModels", {"MaxResults": 10}),
    ("sagemaker", "ListModels", {"MaxResults": 10, "SortBy": "Name", "SortOrder": "Ascending"}),
    ("sagemaker", "ListEndpointConfigs", {"MaxResults": 10}),
    ("sagemaker", "ListTags", {"ResourceArn": f"{ARN}:model/model-{MIDDLE}"}),
    ("lambda", "ListFunctions", {"MaxItems": 10}),
    ("lambda", "ListFunctions", {"MaxItems": 10, "FunctionVersion": "ALL"}),
    ("lambda", "GetFunctionConfiguration", {"FunctionName": f"function-{MIDDLE}"}),
    ("iam", "ListUsers", {"MaxItems": 10}),
    ("iam", "ListRoles", {"MaxItems": 10}),
    ("iam", "GetUser", {"UserName": f"user-{MIDDLE}"}),
    ("ssm", "DescribeParameters", {"MaxResults": 10}),
    ("ssm", "GetParametersByPath", {"Path": "/growth", "MaxResults": 10}),
    ("ssm", "GetParameter", {"Name": f"/growth/{MIDDLE}"}),
    ("sns", "ListTopics", {}),
    ("sns", "CreateTopic", {"Name": NEW}),
    ("ssm", "PutParameter", {"Name": f"/growth/{NEW}", "Value": "new", "Type": "String"}),
    ("logs", "CreateLogGroup", {"logGroupName": NEW}),
    ("iam", "CreateUser", {"UserName": NEW}),
    ("iam", "CreateRole", {"RoleName": NEW, "AssumeRolePolicyDocument": TRUST}),
    ("cloudformation", "DescribeStacks", {}),
    ("cloudformation", "DescribeStacks", {"StackName": "growth"}),
    ("cloudformation", "ListStacks", {}),
    ("cloudformation", "DescribeStackEvents", {"StackName": "growth"}),
    ("cloudwatch", "PutMetricData", {"Namespace": "growth", "MetricData": [{"MetricName": "new", "Value": 1.0}]}),
)
# Tables whose size is bounded by a quota or by what a person set up: reading them through is no harm.
BOUNDED = {
    "cloudformation_change_sets": "of one stack; they go when one is executed",
    "cloudformation_exports": "what templates name",
    "cloudformation_imports": "what templates name",
    "cloudformation_leftovers": "of one stack's failed deletions",
    "cloudformation_operations": "found by key and token",
    "cloudformation_resources": "500 in a template",
    "cloudwatch_alarms": "set up by a person",
    "codebuild_projects": "quota of 5,000",
    "codecommit_changes": "those under way",
    "codecommit_references": "of one repository; git's own listing needs all of them",
    "codecommit_repositories": "quota of 5,000",
    "codepipeline_jobs": "found by key and action",
    "codepipeline_pipelines": "quota of 1,000",
    "codepipeline_stages": "50 in a pipeline",
    "codepipeline_versions": "found by key",
    "ecr_contents": "found by key",
    "ecr_images": "quota of 20,000 in a repository",
    "ecr_layers": "found by key",
    "ecr_repositories": "quota of 100,000",
    "ecr_tags": "quota of 20,000 in a repository",
    "events_buses": "quota of 100",
    "events_deliveries": "those that wait, found by when they are due",
    "events_rules": "quota of 300 on a bus",
    "events_targets": "5 of a rule",
    "identity_access_keys": "2 of a user",
    "identity_groups": "quota of 300",
    "identity_instance_profiles": "quota of 1,000",
    "identity_policies": "quota of 1,500",
    "identity_service_credentials": "2 of a user",
    "identity_temporary_credentials": "found by key; the expired go",
    "identity_uses": "found by key",
    "identity_workloads": "those that run",
    "kms_aliases": "50 of a key",
    "kms_grants": "of one key",
    "kms_keys": "quota of 100,000",
    "lambda_aliases": "of one function",
    "lambda_events": "those that wait",
    "lambda_layer_numbers": "found by key",
    "lambda_layers": "of one layer",
    "s3_buckets": "quota of 10,000",
    "sagemaker_code_repositories": "set up by a person",
    "sagemaker_endpoints": "quota of instances",
    "sagemaker_lifecycle_configs": "set up by a person",
    "sagemaker_notebook_instances": "quota of instances",
    "sagemaker_tags": "found by key",
    "sns_deliveries": "those that wait",
    "sns_subscriptions": "of one topic",
}


class Counted:
    """How many steps of SQLite's machine were made, and by which statements."""

    def __init__(self) -> None:
        self.steps = 0
        self.statements: set[str] = set()

    def step(self) -> int:
        """One interval has passed."""
        self.steps += 1
        return 0


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """What every reader and the writer do from now on."""
    found = Counted()
    made, execute = Reader.__init__, Reader.execute

    def counting(self: Reader, connection: sqlite3.Connection) -> None:
        made(self, connection)
        connection.set_progress_handler(found.step, STEPS)

    def noted(self: Reader, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        found.statements.add(sql)
        return execute(self, sql, parameters)

    monkeypatch.setattr(Reader, "__init__", counting)
    monkeypatch.setattr(Reader, "execute", noted)
    return found


@pytest.fixture
def still(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation that starts no workflow's thread."""
    monkeypatch.setattr(type(installation.workflows), "_launch", lambda *_: None)
    monkeypatch.setitem(installation.settings.quotas, "iam.RolesPerAccount", 10 * MANY)
    return installation


def test_no_request_costs_more_with_more_records(still: Installation, call: Call, counted: Counted) -> None:
    filling.prepare(still)
    filling.fill(still, range(FEW))
    before = [_steps(call, counted, request) for request in REQUESTS]
    filling.fill(still, range(FEW, MANY))
    grown = [
        f"{service} {operation} {params}: {few} -> {many} times {STEPS} steps"
        for (service, operation, params), few in zip(REQUESTS, before, strict=True)
        if (many := _steps(call, counted, (service, operation, params))) > GROWN * few + 4
    ]
    assert not grown, "\n".join(["These grew with what is stored; give the table an index:", *grown])


def _steps(call: Call, counted: Counted, request: tuple[str, str, dict[str, Any]]) -> int:
    began = counted.steps
    _ask(call, request, str(began))
    return counted.steps - began


def _ask(call: Call, request: tuple[str, str, dict[str, Any]], number: str) -> None:
    service, operation, params = request
    named = {name: value.replace("{0}", number) if isinstance(value, str) else value for name, value in params.items()}
    call.invoke(service, operation, **named)


def test_no_request_scans_a_table_that_grows(still: Installation, call: Call, counted: Counted) -> None:
    filling.prepare(still)
    filling.fill(still, range(FEW))
    counted.statements.clear()
    for request in REQUESTS:
        _ask(call, request, "1")
    with still.database.reading() as rx:
        plans = {sql: _plan(rx, sql) for sql in sorted(counted.statements) if sql.lstrip().startswith("SELECT")}
    scans = [f"{sql}: {step}" for sql, plan in plans.items() for step in plan if _scans_what_grows(step)]
    assert not scans


def _plan(rx: Reader, sql: str) -> list[str]:
    marks = [None] * sql.count("?")
    return [row["detail"] for row in rx.execute(f"EXPLAIN QUERY PLAN {sql}", marks)]


def _scans_what_grows(step: str) -> bool:
    words = step.split()
    return words[0] == "SCAN" and words[1] not in BOUNDED and "(subquery" not in step


def test_every_table_is_tried_or_known_to_stay_small(still: Installation) -> None:
    filling.prepare(still)
    filling.fill(still, range(FEW))
    tables = {table.name: table for schema in schemas() for table in schema.tables if not table.name.startswith("test")}
    with still.database.reading() as rx:
        filled = {name for name, table in tables.items() if table.count(rx, limit=FEW) == FEW}
    assert set(tables) == filled | set(BOUNDED)


def test_pages_hold_every_record_once(still: Installation, call: Call) -> None:
    filling.prepare(still)
    filling.fill(still, range(25))
    for service, operation, member, name, params in (
        ("sagemaker", "ListTrainingJobs", "TrainingJobSummaries", "TrainingJobName", {"MaxResults": 10}),
        ("sagemaker", "ListModels", "Models", "ModelName", {"MaxResults": 10, "SortOrder": "Ascending"}),
        ("iam", "ListUsers", "Users", "UserName", {"MaxItems": 10}),
        ("ssm", "GetParametersByPath", "Parameters", "Name", {"Path": "/growth", "MaxResults": 10}),
    ):
        names = [item[name] for page in _pages(call, service, operation, params) for item in page[member]]
        assert len(names) == len(set(names)) == 25, operation
        assert names in (sorted(names), sorted(names, reverse=True)), operation


def _pages(call: Call, service: str, operation: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    given, asked = {"iam": ("Marker", "Marker")}.get(service, ("NextToken", "NextToken"))
    page = call.invoke(service, operation, **params)
    for _ in itertools.count():
        yield page
        if given not in page:
            return
        page = call.invoke(service, operation, **params, **{asked: page[given]})
