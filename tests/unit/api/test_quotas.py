"""Quotas: as many as there may be, and not one more; refused with the service's own error."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.api.quotas import all_quotas
from boatyard.settings import Settings

ROLE = "arn:aws:iam::000000000000:role/service"
SERVICES = [f"{name}.amazonaws.com" for name in ("lambda", "codebuild", "codepipeline", "sagemaker")]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": SERVICES}, "Action": "sts:AssumeRole"}],
}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
Make = Callable[[Any, int], Any]


def package() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("m.py", "def handler(event, context): pass")
    return content.getvalue()


def action(name: str, category: str, provider: str, **more: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actions": [{"name": name, "actionTypeId": kind, **more}]}


def pipeline(number: int) -> dict[str, Any]:
    code = {"S3Bucket": "nowhere", "S3ObjectKey": "code.zip"}
    stages = [
        action("Source", "Source", "S3", configuration=code, outputArtifacts=[{"name": "Code"}]),
        action("Go", "Invoke", "Lambda", configuration={"FunctionName": "nothing"}),
    ]
    store = {"type": "S3", "location": "nowhere"}
    return {"name": f"line{number}", "roleArn": ROLE, "artifactStore": store, "stages": stages}


def project(call: Any, number: int) -> Any:
    return call.client("codebuild").create_project(
        name=f"project{number}",
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: ['true']}}\n"},
        artifacts={"type": "NO_ARTIFACTS"},
        serviceRole=ROLE,
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
    )


def build(call: Any, number: int) -> Any:
    project(call, number)
    return call.client("codebuild").start_build(projectName=f"project{number}")


def function(call: Any, number: int) -> Any:
    code = {"ZipFile": package()}
    how = {"Role": ROLE, "Runtime": "python3.12", "Handler": "m.handler"}
    return call.client("lambda").create_function(FunctionName=f"function{number}", Code=code, **how)


def training(call: Any, number: int) -> Any:
    return call.client("sagemaker").create_training_job(
        TrainingJobName=f"job{number}",
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": "000000000000.dkr.ecr.us-east-1.amazonaws.com/tree:latest",
            "TrainingInputMode": "File",
        },
        OutputDataConfig={"S3OutputPath": "s3://models/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )


def notebook(call: Any, number: int) -> Any:
    how = {"InstanceType": "ml.t3.medium", "RoleArn": ROLE}
    return call.client("sagemaker").create_notebook_instance(NotebookInstanceName=f"notebook{number}", **how)


def endpoint(call: Any, number: int) -> Any:
    """With a model and a configuration that are stored as they are: making them would need an image."""
    from boatyard.services.sagemaker.endpoint_configs.records import CONFIGS
    from boatyard.services.sagemaker.models.records import MODELS

    variant: dict[str, Any] = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large"}
    variant |= {"InitialInstanceCount": 1, "InitialVariantWeight": 1.0}
    tables: list[tuple[Any, str, dict[str, Any]]] = [
        (MODELS, "m", {}),
        (CONFIGS, "c", {"ProductionVariants": [variant]}),
    ]
    for table, name, request in tables:
        fields = {"account": call.account, "region": call.region, "name": name, "arn": name, "request": request}
        stored = msgspec.convert(fields | {"created": "2026-01-01T00:00:00Z"}, table.record)
        with call.installation.database.transaction() as tx:
            table.put(tx, stored)
    return call.client("sagemaker").create_endpoint(EndpointName=f"endpoint{number}", EndpointConfigName="c")


def image(call: Any, number: int) -> Any:
    if number == 0:
        call.client("ecr").create_repository(repositoryName="images")
    text = json.dumps({**MANIFEST, "annotations": {"number": str(number)}})
    return call.client("ecr").put_image(repositoryName="images", imageManifest=text, imageTag=str(number))


def alias(call: Any, number: int) -> Any:
    kms = call.client("kms")
    keys = kms.list_keys()["Keys"]
    key = keys[0]["KeyId"] if keys else kms.create_key()["KeyMetadata"]["KeyId"]
    return kms.create_alias(AliasName=f"alias/a{number}", TargetKeyId=key)


def grant(call: Any, number: int) -> Any:
    kms = call.client("kms")
    keys = kms.list_keys()["Keys"]
    key = keys[0]["KeyId"] if keys else kms.create_key()["KeyMetadata"]["KeyId"]
    return kms.create_grant(KeyId=key, GranteePrincipal=ROLE, Operations=["Decrypt"], Name=f"g{number}")


def target(call: Any, number: int) -> Any:
    call.client("events").put_rule(Name="rule", EventPattern='{"source": ["x"]}')
    one = {"Id": f"t{number}", "Arn": "arn:aws:lambda:us-east-1:000000000000:function:f"}
    return call.client("events").put_targets(Rule="rule", Targets=[one])


def subscription(call: Any, number: int) -> Any:
    arn = call.client("sns").create_topic(Name="topic")["TopicArn"]
    where = f"arn:aws:lambda:us-east-1:000000000000:function:f{number}"
    return call.client("sns").subscribe(TopicArn=arn, Protocol="lambda", Endpoint=where)


def alarm(call: Any, number: int) -> Any:
    how = {"MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
    more = {"Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
    return call.client("cloudwatch").put_metric_alarm(AlarmName=f"alarm{number}", **how, **more)


def attached(kind: str) -> Make:
    def make(call: Any, number: int) -> Any:
        iam = call.client("iam")
        trust = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if kind == "role" else {}
        if number == 0:
            getattr(iam, f"create_{kind}")(**{f"{kind.title()}Name": "holder"}, **trust)
        arn = iam.create_policy(PolicyName=f"policy{number}", PolicyDocument=POLICY)["Policy"]["Arn"]
        return getattr(iam, f"attach_{kind}_policy")(**{f"{kind.title()}Name": "holder"}, PolicyArn=arn)

    return make


def access_key(call: Any, number: int) -> Any:
    if number == 0:
        call.client("iam").create_user(UserName="ada")
    return call.client("iam").create_access_key(UserName="ada")


def group_of_user(call: Any, number: int) -> Any:
    if number == 0:
        call.client("iam").create_user(UserName="ada")
    call.client("iam").create_group(GroupName=f"group{number}")
    return call.client("iam").add_user_to_group(GroupName=f"group{number}", UserName="ada")


def stack(call: Any, number: int) -> Any:
    body = json.dumps({"Resources": {"Wait": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
    return call.client("cloudformation").create_stack(StackName=f"stack{number}", TemplateBody=body)


def plain(service: str, operation: str, member: str, prefix: str, **more: Any) -> Make:
    def make(call: Any, number: int) -> Any:
        return getattr(call.client(service), operation)(**{member: f"{prefix}{number}"}, **more)

    return make


MAKERS: dict[str, Make] = {
    "s3.Buckets": plain("s3", "create_bucket", "Bucket", "bucket"),
    "kms.Keys": plain("kms", "create_key", "Description", "key"),
    "kms.AliasesPerKey": alias,
    "kms.GrantsPerKey": grant,
    "iam.UsersPerAccount": plain("iam", "create_user", "UserName", "user"),
    "iam.GroupsPerAccount": plain("iam", "create_group", "GroupName", "group"),
    "iam.RolesPerAccount": plain("iam", "create_role", "RoleName", "r", AssumeRolePolicyDocument=json.dumps(TRUST)),
    "iam.PoliciesPerAccount": plain("iam", "create_policy", "PolicyName", "p", PolicyDocument=POLICY),
    "iam.InstanceProfilesPerAccount": plain("iam", "create_instance_profile", "InstanceProfileName", "i"),
    "iam.AccessKeysPerUser": access_key,
    "iam.GroupsPerUser": group_of_user,
    "iam.PoliciesPerUser": attached("user"),
    "iam.PoliciesPerGroup": attached("group"),
    "iam.PoliciesPerRole": attached("role"),
    "ssm.Parameters": plain("ssm", "put_parameter", "Name", "parameter", Value="x", Type="String"),
    "logs.LogGroups": plain("logs", "create_log_group", "logGroupName", "group"),
    "cloudwatch.Alarms": alarm,
    "events.EventBuses": plain("events", "create_event_bus", "Name", "bus"),
    "events.RulesPerBus": plain("events", "put_rule", "Name", "rule", EventPattern='{"source": ["x"]}'),
    "events.TargetsPerRule": target,
    "sns.Topics": plain("sns", "create_topic", "Name", "topic"),
    "sns.SubscriptionsPerTopic": subscription,
    "ecr.Repositories": plain("ecr", "create_repository", "repositoryName", "repository"),
    "ecr.ImagesPerRepository": image,
    "codecommit.Repositories": plain("codecommit", "create_repository", "repositoryName", "repository"),
    "codebuild.Projects": project,
    "codebuild.QueuedBuilds": build,
    "codepipeline.Pipelines": lambda call, number: call.client("codepipeline").create_pipeline(
        pipeline=pipeline(number)
    ),
    "lambda.CodeStorageBytes": function,
    "sagemaker.TrainingInstances": training,
    "sagemaker.EndpointInstances": endpoint,
    "sagemaker.NotebookInstances": notebook,
    "cloudformation.Stacks": stack,
}
STARTS_WORK = ("sagemaker.", "codebuild.QueuedBuilds", "codepipeline.", "cloudformation.")
"""None of these is made here: what they start would go on while the test counts."""
ALREADY_THERE = {"iam.RolesPerAccount": 1}
"""The role that the services of the tests run as."""


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Callable[[str, int], Call]]:
    """Opens an installation with one quota lowered, and answers a call of its root."""
    opened = []

    def open_with(name: str, limit: int) -> Call:
        secret = "secret-of-the-root-user-in-tests-0000000"
        keys: dict[str, Any] = {"root_access_key_id": "AKIAROOTROOTROOTROOT", "root_secret_access_key": secret}
        installation = Installation(Settings(data_directory=tmp_path / "data", quotas={name: limit}, **keys))
        opened.append(installation)
        call = installation.root_call()
        call.client("iam").create_role(RoleName="service", AssumeRolePolicyDocument=json.dumps(TRUST))
        return call

    yield open_with
    for installation in opened:
        installation.close()


def test_every_quota_is_tried() -> None:
    assert sorted(MAKERS) == sorted(all_quotas())


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_there_are_as_many_as_may_be_and_no_more(limited: Callable[[str, int], Call], name: str) -> None:
    quota, allowed = all_quotas()[name], 0 if name.startswith(STARTS_WORK) else 2
    unit = len(package()) if name == "lambda.CodeStorageBytes" else 1
    call = limited(name, allowed * unit + ALREADY_THERE.get(name, 0))
    for number in range(allowed):
        MAKERS[name](call, number)
    for number in (allowed, allowed + 1):
        with pytest.raises(ApiError) as refused:
            MAKERS[name](call, number)
        assert refused.value.code == quota.code
        assert f"{name} = " in refused.value.message


def test_a_stack_that_a_change_set_would_make_counts_too(limited: Callable[[str, int], Call]) -> None:
    call = limited("cloudformation.Stacks", 0)
    body = json.dumps({"Resources": {"Wait": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}})
    with pytest.raises(ApiError, match="LimitExceededException"):
        call.client("cloudformation").create_change_set(
            StackName="new", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body
        )
    assert call.client("cloudformation").list_stacks()["StackSummaries"] == []


def test_what_was_refused_is_not_there(limited: Callable[[str, int], Call]) -> None:
    call = limited("codecommit.Repositories", 0)
    with pytest.raises(ApiError, match="RepositoryLimitExceededException"):
        MAKERS["codecommit.Repositories"](call, 0)
    assert call.client("codecommit").list_repositories()["repositories"] == []
    assert not (call.installation.data_directory / "git").exists()


@pytest.mark.parametrize(("name", "limit"), [("s3.Bucket", 1), ("s3.Buckets", -1)])
def test_a_setting_that_means_nothing_is_refused(limited: Callable[[str, int], Call], name: str, limit: int) -> None:
    with pytest.raises(ValueError, match=r"The setting quotas .*s3\.Bucket"):
        limited(name, limit)
