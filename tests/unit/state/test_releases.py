"""A data directory of each released version is read by this one: every record, and what the API says of it.

The dumps are made by tools/record_release.py at each release, and never changed afterwards.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

import boatyard
from boatyard.api.installation import Installation
from boatyard.settings import Settings
from boatyard.state.schema import NewerDatabase, schemas

RELEASES = sorted((Path(__file__).parent / "releases").glob("*.sql"))
READ: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("iam", "ListUsers", {}, "Users"),
    ("iam", "ListGroups", {}, "Groups"),
    ("iam", "ListRoles", {}, "Roles"),
    ("iam", "ListPolicies", {"Scope": "Local"}, "Policies"),
    ("iam", "ListInstanceProfiles", {}, "InstanceProfiles"),
    ("iam", "ListAccessKeys", {"UserName": "anna"}, "AccessKeyMetadata"),
    ("iam", "ListServiceSpecificCredentials", {"UserName": "anna"}, "ServiceSpecificCredentials"),
    ("s3", "ListObjectVersions", {"Bucket": "kept"}, "Versions"),
    ("s3", "ListMultipartUploads", {"Bucket": "kept"}, "Uploads"),
    ("kms", "ListKeys", {}, "Keys"),
    ("kms", "ListAliases", {}, "Aliases"),
    ("ssm", "GetParameterHistory", {"Name": "/parameter"}, "Parameters"),
    ("logs", "FilterLogEvents", {"logGroupName": "group"}, "events"),
    ("logs", "DescribeLogStreams", {"logGroupName": "group"}, "logStreams"),
    ("cloudwatch", "DescribeAlarms", {}, "MetricAlarms"),
    ("cloudwatch", "ListMetrics", {"Namespace": "n"}, "Metrics"),
    ("events", "ListRules", {"EventBusName": "bus"}, "Rules"),
    ("events", "ListTargetsByRule", {"EventBusName": "bus", "Rule": "rule"}, "Targets"),
    ("sns", "ListTopics", {}, "Topics"),
    ("sns", "ListSubscriptions", {}, "Subscriptions"),
    ("ecr", "DescribeImages", {"repositoryName": "image"}, "imageDetails"),
    ("codecommit", "ListRepositories", {}, "repositories"),
    ("codebuild", "ListBuildsForProject", {"projectName": "project"}, "ids"),
    ("codepipeline", "GetPipelineState", {"name": "pipeline"}, "stageStates"),
    ("codepipeline", "ListPipelineExecutions", {"pipelineName": "pipeline"}, "pipelineExecutionSummaries"),
    ("codepipeline", "ListActionExecutions", {"pipelineName": "pipeline"}, "actionExecutionDetails"),
    ("lambda", "ListVersionsByFunction", {"FunctionName": "echo"}, "Versions"),
    ("lambda", "ListAliases", {"FunctionName": "echo"}, "Aliases"),
    ("lambda", "ListLayers", {}, "Layers"),
    ("sagemaker", "ListTrainingJobs", {}, "TrainingJobSummaries"),
    ("sagemaker", "ListModels", {}, "Models"),
    ("sagemaker", "ListEndpointConfigs", {}, "EndpointConfigs"),
    ("sagemaker", "ListEndpoints", {}, "Endpoints"),
    ("sagemaker", "ListNotebookInstances", {}, "NotebookInstances"),
    ("sagemaker", "ListNotebookInstanceLifecycleConfigs", {}, "NotebookInstanceLifecycleConfigs"),
    ("sagemaker", "ListCodeRepositories", {}, "CodeRepositorySummaryList"),
    ("cloudformation", "DescribeStackEvents", {"StackName": "stack"}, "StackEvents"),
    ("cloudformation", "DescribeStackResources", {"StackName": "stack"}, "StackResources"),
    ("cloudformation", "ListChangeSets", {"StackName": "stack"}, "Summaries"),
    ("cloudformation", "ListExports", {}, "Exports"),
    ("cloudformation", "ListImports", {"ExportName": "name"}, "Imports"),
)


def _load(dump: Path, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(dump.read_text())


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def released(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Installation]:
    """A data directory of a released version, opened by this one."""
    settings.data_directory.mkdir()
    _load(request.param, settings.data_directory / "state.db")
    installation = Installation(settings)
    yield installation
    installation.close()


def test_every_record_of_a_release_is_read(released: Installation) -> None:
    with released.database.reading() as rx:
        for table in (table for schema in schemas() for table in schema.tables):
            assert len(table.select(rx)) == table.count(rx)
            for (kept,) in rx.execute(f'SELECT record FROM "{table.name}"'):
                forgotten = msgspec.json.decode(kept, type=dict[str, Any]).keys() - set(table.record.__struct_fields__)
                assert not forgotten, f"{table.name} does not know {forgotten} any more"


def test_the_api_tells_what_a_release_kept(released: Installation) -> None:
    call = released.root_call()
    empty = [
        f"{service}:{operation}"
        for service, operation, params, member in READ
        if not call.invoke(service, operation, **params).get(member)
    ]
    assert empty == []


def test_this_version_writes_on(released: Installation) -> None:
    call = released.root_call()
    call.invoke("s3", "DeleteObject", Bucket="kept", Key="large")
    call.invoke("iam", "CreateUser", UserName="bert")
    call.invoke("lambda", "UpdateAlias", FunctionName="echo", Name="live", Description="changed")
    released.database.migrate()
    assert len(call.invoke("iam", "ListUsers")["Users"]) == 2


def test_there_is_a_dump_of_this_version() -> None:
    assert boatyard.__version__ in [dump.stem for dump in RELEASES], "make one: python tools/record_release.py"


def test_nothing_in_a_dump_is_empty(released: Installation) -> None:
    tables = [table for schema in schemas() for table in schema.tables if not schema.name.startswith("test_")]
    with released.database.reading() as rx:
        assert sum(table.count(rx) > 0 for table in tables) >= 50


def test_a_data_directory_of_a_newer_version_is_refused(settings: Settings) -> None:
    settings.data_directory.mkdir()
    path = settings.data_directory / "state.db"
    _load(RELEASES[-1], path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE schema_versions SET version = version + 100 WHERE name = 's3'")
        database.commit()
    with pytest.raises(NewerDatabase, match=r"newer boatyard: s3 is at version \d+, this one knows \d+"):
        Installation(settings)
