"""What has a name or a text from outside: how it is made and read back, and the codes that refuse it."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.server import ACCOUNT, REGION

Clients = Callable[[str], Any]
VALIDATION = frozenset({"ValidationException"})


@dataclass(frozen=True)
class Kind:
    """One kind of name: `make` uses it, `read` answers it as the service has it, `undo` takes it away again."""

    label: str
    make: Callable[[Clients, str], Any]
    read: Callable[[Clients, str], str]
    refusals: frozenset[str] = VALIDATION
    undo: Callable[[Clients, str], Any] | None = None


def _package() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): pass")
    return content.getvalue()


ROLE = f"arn:aws:iam::{ACCOUNT}:role/hostile"
TRUSTED = ("lambda", "codebuild", "codepipeline", "sagemaker")
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": [f"{name}.amazonaws.com" for name in TRUSTED]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
ZIP = _package()
ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}
TEMPLATE = json.dumps({"Resources": {"Wait": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})


def prepare(of: Clients) -> None:
    """What the kinds stand on: a role, a repository with a commit, a log group, a function."""
    of("iam").create_role(RoleName="hostile", AssumeRolePolicyDocument=TRUST)
    of("codecommit").create_repository(repositoryName="hostile")
    of("codecommit").put_file(
        repositoryName="hostile", branchName="main", filePath="first", fileContent=b"x", commitMessage="first"
    )
    of("logs").create_log_group(logGroupName="hostile")
    of("logs").create_log_stream(logGroupName="hostile", logStreamName="stream")
    of("lambda").create_function(FunctionName="hostile", **FUNCTION)


FUNCTION = {"Role": ROLE, "Runtime": "python3.12", "Handler": "index.handler", "Code": {"ZipFile": ZIP}}


def _tip(of: Clients) -> str:
    found = of("codecommit").get_branch(repositoryName="hostile", branchName="main")
    return str(found["branch"]["commitId"])


def _put_file(of: Clients, path: str, **more: Any) -> Any:
    return of("codecommit").put_file(
        repositoryName="hostile",
        branchName="main",
        filePath=path,
        fileContent=path.encode("utf-8", "replace") + json.dumps(more).encode(),
        parentCommitId=_tip(of),
        **more,
    )


def _commit(of: Clients) -> Any:
    return of("codecommit").get_commit(repositoryName="hostile", commitId=_tip(of))["commit"]


def _pipeline(of: Clients, name: str, stage: str = "Invoke", action: str = "Go") -> Any:
    source = {
        "name": "Code",
        "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
        "configuration": {"S3Bucket": "nowhere", "S3ObjectKey": "code.zip", "PollForSourceChanges": "false"},
        "outputArtifacts": [{"name": "Code"}],
    }
    invoke = {
        "name": action,
        "actionTypeId": {"category": "Invoke", "owner": "AWS", "provider": "Lambda", "version": "1"},
        "configuration": {"FunctionName": "nothing"},
    }
    return of("codepipeline").create_pipeline(
        pipeline={
            "name": name,
            "roleArn": ROLE,
            "artifactStore": {"type": "S3", "location": "nowhere"},
            "stages": [{"name": "Source", "actions": [source]}, {"name": stage, "actions": [invoke]}],
        }
    )


def _stages(of: Clients, name: str) -> Any:
    return of("codepipeline").get_pipeline(name=name)["pipeline"]["stages"]


def _project(of: Clients, name: str, **more: Any) -> Any:
    return of("codebuild").create_project(
        name=name,
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: ['true']}}\n"},
        artifacts={"type": "NO_ARTIFACTS"},
        serviceRole=ROLE,
        environment=ENVIRONMENT | more,
    )


def _drop(service: str, operation: str, member: str) -> Callable[[Clients, str], Any]:
    return lambda of, name: getattr(of(service), operation)(**{member: name})


KINDS = [
    Kind(
        "CodeCommit repository",
        lambda of, name: of("codecommit").create_repository(repositoryName=name),
        lambda of, name: of("codecommit").get_repository(repositoryName=name)["repositoryMetadata"]["repositoryName"],
        VALIDATION | {"InvalidRepositoryNameException"},
        _drop("codecommit", "delete_repository", "repositoryName"),
    ),
    Kind(
        "CodeCommit branch",
        lambda of, name: of("codecommit").create_branch(repositoryName="hostile", branchName=name, commitId=_tip(of)),
        lambda of, name: of("codecommit").get_branch(repositoryName="hostile", branchName=name)["branch"]["branchName"],
        VALIDATION | {"InvalidBranchNameException"},
    ),
    Kind(
        "CodeCommit file",
        lambda of, name: _put_file(of, name),
        # A slash at the beginning means nothing, as on AWS.
        lambda of, name: (
            "/" * name.startswith("/") + of("codecommit").get_file(repositoryName="hostile", filePath=name)["filePath"]
        ),
        VALIDATION
        | {"InvalidPathException", "PathConflictException", "FilePathConflictsWithSubmodulePathException"}
        | {"FileNameConflictsWithDirectoryNameException", "DirectoryNameConflictsWithFileNameException"},
        lambda of, name: of("codecommit").delete_file(
            repositoryName="hostile", branchName="main", filePath=name, parentCommitId=_tip(of)
        ),
    ),
    Kind(
        "CodeCommit message",
        lambda of, text: _put_file(of, "message", commitMessage=text),
        lambda of, text: _commit(of)["message"],
    ),
    Kind(
        "CodeCommit author",
        lambda of, text: _put_file(of, "author", name=text),
        lambda of, text: text if text.strip() == _commit(of)["author"]["name"] else _commit(of)["author"]["name"],
        VALIDATION | {"InvalidEmailException", "NameLengthExceededException"},
    ),
    Kind(
        "ECR repository",
        lambda of, name: of("ecr").create_repository(repositoryName=name),
        lambda of, name: of("ecr").describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryName"],
        frozenset({"InvalidParameterException"}),
    ),
    Kind(
        "log group",
        lambda of, name: of("logs").create_log_group(logGroupName=name),
        lambda of, name: of("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["logGroupName"],
        frozenset({"InvalidParameterException"}),
    ),
    Kind(
        "log stream",
        lambda of, name: of("logs").create_log_stream(logGroupName="hostile", logStreamName=name),
        lambda of, name: of("logs").describe_log_streams(logGroupName="hostile", logStreamNamePrefix=name)[
            "logStreams"
        ][0]["logStreamName"],
        frozenset({"InvalidParameterException"}),
    ),
    Kind(
        "Lambda function",
        lambda of, name: of("lambda").create_function(FunctionName=name, **FUNCTION),
        lambda of, name: of("lambda").get_function(FunctionName=name)["Configuration"]["FunctionName"],
        VALIDATION | {"InvalidParameterValueException", "ResourceNotFoundException", "NotImplemented"},
        _drop("lambda", "delete_function", "FunctionName"),
    ),
    Kind(
        "Lambda layer",
        lambda of, name: of("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": ZIP}),
        lambda of, name: of("lambda").get_layer_version(LayerName=name, VersionNumber=1)["LayerArn"].split(":")[-1],
        VALIDATION | {"InvalidParameterValueException", "ResourceNotFoundException", "NotImplemented"},
    ),
    Kind(
        "Lambda alias",
        lambda of, name: of("lambda").create_alias(FunctionName="hostile", Name=name, FunctionVersion="$LATEST"),
        lambda of, name: of("lambda").get_alias(FunctionName="hostile", Name=name)["Name"],
        VALIDATION | {"InvalidParameterValueException"},
    ),
    Kind(
        "Lambda environment",
        lambda of, text: of("lambda").update_function_configuration(
            FunctionName="hostile", Environment={"Variables": {"TEXT": text}}
        ),
        lambda of, text: of("lambda").get_function_configuration(FunctionName="hostile")["Environment"]["Variables"][
            "TEXT"
        ],
        VALIDATION | {"InvalidParameterValueException"},
    ),
    Kind(
        "SSM parameter",
        lambda of, name: of("ssm").put_parameter(Name=name, Value="value", Type="String"),
        lambda of, name: of("ssm").get_parameter(Name=name)["Parameter"]["Name"],
        VALIDATION | {"HierarchyLevelLimitExceededException"},
    ),
    Kind(
        "SSM value",
        lambda of, text: of("ssm").put_parameter(Name="hostile", Value=text, Type="SecureString", Overwrite=True),
        lambda of, text: of("ssm").get_parameter(Name="hostile", WithDecryption=True)["Parameter"]["Value"],
    ),
    Kind(
        "SNS topic",
        lambda of, name: of("sns").create_topic(Name=name),
        lambda of, name: (
            of("sns")
            .get_topic_attributes(TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}")["Attributes"]["TopicArn"]
            .split(":", 5)[5]
        ),
        frozenset({"InvalidParameter", "ValidationError"}),
    ),
    Kind(
        "stack",
        lambda of, name: of("cloudformation").create_stack(StackName=name, TemplateBody=TEMPLATE),
        lambda of, name: of("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackName"],
        frozenset({"ValidationError"}),
        _drop("cloudformation", "delete_stack", "StackName"),
    ),
    Kind(
        "build project",
        _project,
        lambda of, name: of("codebuild").batch_get_projects(names=[name])["projects"][0]["name"],
        frozenset({"InvalidInputException"}),
        _drop("codebuild", "delete_project", "name"),
    ),
    Kind(
        "IAM role",
        lambda of, name: of("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST),
        lambda of, name: of("iam").get_role(RoleName=name)["Role"]["RoleName"],
        frozenset({"ValidationError"}),
    ),
    Kind(
        "IAM description",
        lambda of, text: of("iam").update_role(RoleName="hostile", Description=text),
        lambda of, text: of("iam").get_role(RoleName="hostile")["Role"]["Description"],
        frozenset({"ValidationError"}),
    ),
    Kind(
        "tag",
        lambda of, text: of("iam").tag_role(RoleName="hostile", Tags=[{"Key": "text", "Value": text}]),
        lambda of, text: of("iam").list_role_tags(RoleName="hostile")["Tags"][0]["Value"],
        frozenset({"ValidationError", "InvalidInput"}),
    ),
    Kind(
        "event rule",
        lambda of, name: of("events").put_rule(Name=name, EventPattern='{"source": ["nobody"]}'),
        lambda of, name: of("events").describe_rule(Name=name)["Name"],
    ),
    Kind(
        "alarm",
        lambda of, name: of("cloudwatch").put_metric_alarm(
            AlarmName=name,
            MetricName="none",
            Namespace="none",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
        ),
        lambda of, name: of("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmName"],
        frozenset({"ValidationError", "InvalidParameterValue"}),
        lambda of, name: of("cloudwatch").delete_alarms(AlarmNames=[name]),
    ),
    Kind(
        "code repository",
        lambda of, name: of("sagemaker").create_code_repository(
            CodeRepositoryName=name, GitConfig={"RepositoryUrl": "https://git.example/code.git"}
        ),
        lambda of, name: of("sagemaker").describe_code_repository(CodeRepositoryName=name)["CodeRepositoryName"],
    ),
    Kind(
        "notebook lifecycle",
        lambda of, name: of("sagemaker").create_notebook_instance_lifecycle_config(
            NotebookInstanceLifecycleConfigName=name,
            OnStart=[{"Content": base64.b64encode(b"true").decode()}],
        ),
        lambda of, name: of("sagemaker").describe_notebook_instance_lifecycle_config(
            NotebookInstanceLifecycleConfigName=name
        )["NotebookInstanceLifecycleConfigName"],
    ),
    Kind(
        "pipeline",
        _pipeline,
        lambda of, name: of("codepipeline").get_pipeline(name=name)["pipeline"]["name"],
        VALIDATION,
        _drop("codepipeline", "delete_pipeline", "name"),
    ),
    Kind(
        "pipeline stage",
        lambda of, name: _pipeline(of, "hostile", stage=name),
        lambda of, name: _stages(of, "hostile")[1]["name"],
        VALIDATION | {"InvalidStageDeclarationException"},
        lambda of, name: of("codepipeline").delete_pipeline(name="hostile"),
    ),
    Kind(
        "pipeline action",
        lambda of, name: _pipeline(of, "hostile", action=name),
        lambda of, name: _stages(of, "hostile")[1]["actions"][0]["name"],
        VALIDATION | {"InvalidActionDeclarationException"},
        lambda of, name: of("codepipeline").delete_pipeline(name="hostile"),
    ),
]
