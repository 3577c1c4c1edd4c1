"""Writes tests/unit/state/releases/VERSION.sql: the state.db of this version, with one of everything that it stores.

Run at a release (python tools/record_release.py). Later versions are tested to read it: see CONTRIBUTING.md. No
container runs for it, so that builds, jobs and endpoints are there as failed ones.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import boatyard
from boatyard.api.call import Call
from boatyard.api.installation import Installation
from boatyard.api.timestamps import milliseconds, now
from boatyard.identity import credentials
from boatyard.identity.records import USES, WORKLOADS, Use, Workload
from boatyard.services.cloudformation.records import LEFTOVERS, Leftover
from boatyard.services.codecommit import references
from boatyard.services.codecommit.records import REPOSITORIES
from boatyard.services.events import records as events_records
from boatyard.services.sns import records as sns_records
from boatyard.settings import Settings
from boatyard.state.schema import schemas

RELEASES = Path(__file__).parents[1] / "tests" / "unit" / "state" / "releases"
SERVICES = ("codepipeline", "codebuild", "lambda", "events", "sagemaker")
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/image:one"


def until(ready: Callable[[], Any]) -> Any:
    """What ready() answers as soon as it is true."""
    deadline = time.monotonic() + 60
    while not (answer := ready()):
        assert time.monotonic() < deadline, "it did not come true within a minute"
        time.sleep(0.05)
    return answer


def identities(call: Call) -> str:
    """Users, groups, roles and their keys; the ARN of a role that services may assume."""
    trusted = {"Service": [f"{service}.amazonaws.com" for service in SERVICES]}
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}],
    }
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam = call.client("iam")
    role = iam.create_role(RoleName="services", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="services", PolicyName="all", PolicyDocument=json.dumps(everything))
    policy = iam.create_policy(PolicyName="all", PolicyDocument=json.dumps(everything))["Policy"]["Arn"]
    iam.create_user(UserName="anna")
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="anna")
    iam.attach_group_policy(GroupName="team", PolicyArn=policy)
    iam.create_access_key(UserName="anna")
    iam.create_service_specific_credential(UserName="anna", ServiceName="codecommit.amazonaws.com")
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="services")
    credentials.issue(call.installation, call.principal, now())
    workload = Workload(
        id="0" * 64, identity="w", account="000000000000", region="us-east-1", role_arn=role,
        service="lambda.amazonaws.com", session_name="session", secret=b"sealed", source="10.0.0.0/24", source_arn=None,
    )  # fmt: skip
    moment = now()
    use = Use(
        identity="AROAEXAMPLE", allowed=True, action="s3:GetObject", resource="*", principal=role, times=1,
        first=moment, last=moment,
    )  # fmt: skip
    with call.installation.database.transaction() as tx:
        WORKLOADS.put(tx, workload)
        USES.put(tx, use)
    return str(role)


def storage(call: Call) -> None:
    """Objects, keys, parameters, logs, metrics, images, code."""
    s3, kms = call.client("s3"), call.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/team", TargetKeyId=key)
    kms.create_grant(KeyId=key, GranteePrincipal="arn:aws:iam::000000000000:user/anna", Operations=["Decrypt"])
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="kept", Key="small", Body=b"x", Tagging="a=1")
    s3.put_object(Bucket="kept", Key="large", Body=b"x" * 40_000, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    s3.delete_object(Bucket="kept", Key="small")
    s3.put_object(Bucket="kept", Key="source.zip", Body=package("x"))
    upload = s3.create_multipart_upload(Bucket="kept", Key="parts")["UploadId"]
    s3.upload_part(Bucket="kept", Key="parts", UploadId=upload, PartNumber=1, Body=b"x" * 40_000)
    call.client("ssm").put_parameter(Name="/parameter", Value="value", Type="String")
    logs = call.client("logs")
    logs.create_log_group(logGroupName="group")
    logs.create_log_stream(logGroupName="group", logStreamName="stream")
    line = {"timestamp": milliseconds(), "message": "a line"}
    logs.put_log_events(logGroupName="group", logStreamName="stream", logEvents=[line])
    cloudwatch = call.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}])
    cloudwatch.put_metric_alarm(
        AlarmName="alarm", Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    ecr, layer = call.client("ecr"), b"{}"
    ecr.create_repository(repositoryName="image")
    upload = ecr.initiate_layer_upload(repositoryName="image")["uploadId"]
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    ecr.upload_layer_part(
        repositoryName="image", uploadId=upload, partFirstByte=0, partLastByte=len(layer) - 1, layerPartBlob=layer
    )
    ecr.complete_layer_upload(repositoryName="image", uploadId=upload, layerDigests=[digest])
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(layer)}
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": described, "layers": []}
    ecr.put_image(repositoryName="image", imageManifest=json.dumps(manifest), imageTag="one")
    codecommit = call.client("codecommit")
    codecommit.create_repository(repositoryName="code")
    put = [{"filePath": "file", "fileContent": b"x"}]
    codecommit.create_commit(repositoryName="code", branchName="main", putFiles=put)
    with call.installation.database.reading() as rx:
        (repository,) = REPOSITORIES.select(rx)
    references.begin(call.installation, repository, call.principal.arn)


def package(text: str) -> bytes:
    """A zip with one file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("code.py", text)
    return content.getvalue()


def events(call: Call, role: str) -> None:
    """A function that cannot run here, and what therefore waits to be delivered to it."""
    functions, rules, sns = call.client("lambda"), call.client("events"), call.client("sns")
    layer = functions.publish_layer_version(LayerName="layer", Content={"ZipFile": package("layer")})
    function = functions.create_function(
        FunctionName="echo", Runtime="python3.11", Role=role, Handler="code.handler",
        Code={"ZipFile": package("function")}, Layers=[layer["LayerVersionArn"]],
    )["FunctionArn"]  # fmt: skip
    functions.publish_version(FunctionName="echo")
    functions.create_alias(FunctionName="echo", Name="live", FunctionVersion="1")
    functions.invoke(FunctionName="echo", InvocationType="Event", Payload=b"{}")
    rules.create_event_bus(Name="bus")
    rules.put_rule(Name="rule", EventBusName="bus", EventPattern='{"source": ["test"]}')
    topic = sns.create_topic(Name="topic")["TopicArn"]
    rules.put_targets(
        Rule="rule", EventBusName="bus", Targets=[{"Id": "1", "Arn": "arn:aws:sns:us-east-1:000000000000:gone"}]
    )
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)


def waiting(call: Call) -> None:
    """Deliveries, which are too soon over to be met."""
    event = events_records.Delivery(
        id="e", account="000000000000", region="us-east-1", rule_name="rule", rule_arn="arn:rule",
        target={"Id": "1", "Arn": "arn:gone"}, event={"id": "e"}, created=time.time(), due=time.time() + 86400,
    )  # fmt: skip
    message = sns_records.Delivery(id="m", topic="arn:gone", subscription="s", content=b"{}", created=now())
    with call.installation.database.transaction() as tx:
        events_records.DELIVERIES.put(tx, event)
        sns_records.DELIVERIES.put(tx, message)


def delivery(call: Call, role: str) -> None:
    """A project with a build, a pipeline with an execution, stacks."""
    call.client("codebuild").create_project(
        name="project", serviceRole=role, artifacts={"type": "NO_ARTIFACTS"},
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [true]}}"},
        environment={
            "type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL",
        },
    )  # fmt: skip
    call.client("codebuild").start_build(projectName="project")
    call.client("codepipeline").create_pipeline(pipeline=pipeline(role))
    cloudformation = call.client("cloudformation")
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "stacked"}}
    exported = {"Name": {"Value": {"Fn::GetAtt": ["Topic", "TopicName"]}, "Export": {"Name": "name"}}}
    first = json.dumps({"Resources": {"Topic": topic}, "Outputs": exported})
    stack = cloudformation.create_stack(StackName="stack", TemplateBody=first)["StackId"]
    ended(cloudformation, "stack")
    parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Fn::ImportValue": "name"}}}
    cloudformation.create_stack(StackName="second", TemplateBody=json.dumps({"Resources": {"P": parameter}}))
    ended(cloudformation, "second")
    topic["Properties"] = {"TopicName": "stacked", "DisplayName": "other"}
    changed = json.dumps({"Resources": {"Topic": topic}, "Outputs": exported})
    cloudformation.create_change_set(StackName="stack", ChangeSetName="change", TemplateBody=changed)
    with call.installation.database.transaction() as tx:
        LEFTOVERS.put(
            tx, Leftover(stack_id=stack, logical_id="L", physical_id="p", type="AWS::SNS::Topic", properties={})
        )


def ended(cloudformation: Any, name: str) -> None:
    """Wait for a stack."""
    until(lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")


def pipeline(role: str) -> dict[str, Any]:
    """An S3 source and a function that is called with it."""

    def action(name: str, category: str, provider: str, settings: dict[str, str], **more: Any) -> dict[str, Any]:
        identity = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
        return {"name": name, "actions": [{"name": name, "actionTypeId": identity, "configuration": settings, **more}]}

    source = {"S3Bucket": "kept", "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"}
    stages = [
        action("Source", "Source", "S3", source, outputArtifacts=[{"name": "A"}]),
        action("Call", "Invoke", "Lambda", {"FunctionName": "echo"}, inputArtifacts=[{"name": "A"}]),
    ]
    return {"name": "pipeline", "roleArn": role, "artifactStore": {"type": "S3", "location": "kept"}, "stages": stages}


def learning(call: Call, role: str) -> None:
    """A job, an endpoint and a notebook instance, which fail for want of an image and an engine."""
    sagemaker = call.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName="job", RoleArn=role, Tags=[{"Key": "a", "Value": "1"}],
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://kept/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )  # fmt: skip
    sagemaker.create_model(ModelName="model", PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=role)
    variant = {"VariantName": "v", "ModelName": "model", "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="config", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="endpoint", EndpointConfigName="config")
    sagemaker.create_notebook_instance_lifecycle_config(NotebookInstanceLifecycleConfigName="lifecycle")
    sagemaker.create_code_repository(
        CodeRepositoryName="repository", GitConfig={"RepositoryUrl": "https://example.com/code.git"}
    )
    sagemaker.create_notebook_instance(NotebookInstanceName="notebook", InstanceType="ml.t3.medium", RoleArn=role)
    until(lambda: sagemaker.describe_training_job(TrainingJobName="job")["TrainingJobStatus"] == "Failed")
    until(lambda: sagemaker.describe_endpoint(EndpointName="endpoint")["EndpointStatus"] == "Failed")


def counts(installation: Installation) -> dict[str, int]:
    """How many records each table has."""
    with installation.database.reading() as rx:
        return {table.name: table.count(rx) for schema in schemas() for table in schema.tables}


def main() -> None:
    """Fill a data directory, see that no table is empty, and write the dump."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        data = Path(directory) / "data"
        installation = Installation(
            Settings(data_directory=data, engine="unix:///nonexistent.sock", authorization="enforce")
        )
        installation.start()
        call = installation.root_call()
        role = identities(call)
        storage(call)
        delivery(call, role)
        learning(call, role)
        events(call, role)
        call.client("codepipeline").start_pipeline_execution(name="pipeline")
        waiting(call)
        try:
            until(lambda: 0 not in counts(installation).values())
        except AssertionError:
            empty = [name for name, count in counts(installation).items() if not count]
            sys.exit(f"Nothing is in {', '.join(empty)}: have this tool make one.")
        finally:
            installation.close()
        with closing(sqlite3.connect(data / "state.db")) as database:
            # Where this program lies is nobody's business.
            database.execute("UPDATE workflows SET error = 'Traceback' WHERE error IS NOT NULL")
            dump = "\n".join(database.iterdump())
    RELEASES.mkdir(exist_ok=True)
    path = RELEASES / f"{boatyard.__version__}.sql"
    path.write_text(f"{dump}\n")
    sys.stdout.write(f"{path} ({len(dump) >> 10} KiB)\n")


if __name__ == "__main__":
    main()
