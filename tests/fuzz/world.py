"""What the fuzzed server has when it is asked: a thing of most kinds, so that requests get past the first door."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any

from tests.fuzz import delivery
from tests.server import ACCOUNT, REGION, RunningServer
from tests.signing import Keys

_ALLOW_ALL = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
_TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
}
_TEMPLATE = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


@dataclass
class World:
    """Names and keys that requests are made of."""

    host: str
    nobody: Keys
    registry_password: str
    hints: dict[str, list[Any]] = field(default_factory=dict)


def make(server: RunningServer) -> World:
    """Fill an empty server."""
    iam = server.client("iam")
    role = iam.create_role(RoleName="fuzz-role", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="fuzz-role", PolicyName="fuzz-policy", PolicyDocument=json.dumps(_ALLOW_ALL))
    policy = iam.create_policy(PolicyName="fuzz-policy", PolicyDocument=json.dumps(_ALLOW_ALL))["Policy"]["Arn"]
    iam.create_user(UserName="fuzz-user")
    made = iam.create_access_key(UserName="fuzz-user")["AccessKey"]
    arns = [role, policy, *_storage(server), *_messages(server), *_code(server, role)]
    key = server.client("kms").create_key()["KeyMetadata"]
    server.client("kms").create_alias(AliasName="alias/fuzz", TargetKeyId=key["KeyId"])
    password = server.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    arns.append(key["Arn"])
    hints = _hints(arns, role, policy, key["KeyId"])
    arns += delivery.fill(server, role, hints)
    return World(
        host=f"127.0.0.1:{server.port}",
        nobody=Keys(made["AccessKeyId"], made["SecretAccessKey"]),
        registry_password=password,
        hints=hints,
    )


def _storage(server: RunningServer) -> list[str]:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="fuzz-bucket")
    s3.put_bucket_versioning(Bucket="fuzz-bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="fuzz-bucket", Key="key", Body=b"some bytes of an object")
    server.client("ssm").put_parameter(Name="/fuzz/parameter", Value="value", Type="String")
    server.client("ecr").create_repository(repositoryName="fuzz-repository")
    return ["arn:aws:s3:::fuzz-bucket", "arn:aws:s3:::fuzz-bucket/key"]


def _messages(server: RunningServer) -> list[str]:
    topic = server.client("sns").create_topic(Name="fuzz-topic")["TopicArn"]
    logs = server.client("logs")
    logs.create_log_group(logGroupName="/fuzz/group")
    logs.create_log_stream(logGroupName="/fuzz/group", logStreamName="stream")
    rule = server.client("events").put_rule(Name="fuzz-rule", EventPattern='{"source": ["fuzz"]}')["RuleArn"]
    server.client("cloudwatch").put_metric_data(Namespace="fuzz", MetricData=[{"MetricName": "metric", "Value": 1.0}])
    stack = server.client("cloudformation").create_stack(StackName="fuzz-stack", TemplateBody=json.dumps(_TEMPLATE))
    return [topic, rule, str(stack["StackId"]), f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/fuzz/group"]


def _code(server: RunningServer, role: str) -> list[str]:
    code = server.client("codecommit")
    repository = code.create_repository(repositoryName="fuzz-repository")["repositoryMetadata"]["Arn"]
    code.put_file(repositoryName="fuzz-repository", branchName="main", fileContent=b"text", filePath="file")
    server.client("codebuild").create_project(
        name="fuzz-project",
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [true]}}"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=role,
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("index.py", "def handler(event, context):\n    return event\n")
    function = server.client("lambda").create_function(
        FunctionName="fuzz-function",
        Runtime="python3.12",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    return [repository, str(function["FunctionArn"])]


def _hints(arns: list[str], role: str, policy: str, key_id: str) -> dict[str, list[Any]]:
    documents = [json.dumps(_ALLOW_ALL), json.dumps(_TRUST), "{}", '{"Version": "2012-10-17"}', "not JSON", ""]
    names = [
        f"fuzz-{kind}" for kind in ("repository", "function", "project", "role", "topic", "stack", "pipeline", "rule")
    ]
    names += ["/fuzz/parameter", "new-name"]
    hints: dict[str, list[Any]] = {
        "bucket": ["fuzz-bucket", "fuzz-bucket", "new-bucket"],
        "key": ["key", "folder/new-key"],
        "keyid": [key_id, "alias/fuzz"],
        "aliasname": ["alias/fuzz", "alias/new"],
        "parameters": ["/fuzz/parameter"],
        "path": ["/fuzz", "/"],
        "resourceid": ["/fuzz/parameter"],
        "pipelinename": ["fuzz-pipeline"],
        "stagename": ["Approval", "Source"],
        "actionname": ["Ask"],
        "modelname": ["fuzz-model", "new-model"],
        "endpointname": ["fuzz-endpoint"],
        "endpointconfigname": ["fuzz-config", "new-config"],
        "trainingjobname": ["fuzz-job", "new-job"],
        "logicalresourceid": ["Topic"],
        "changesetname": ["fuzz-changes"],
        "policytext": documents,
        "targetkeyid": [key_id],
        "destinationkeyid": [key_id],
        "accesskeyid": ["AKIAROOTROOTROOTROOT"],
        "versionnumber": [1],
        "rolename": ["fuzz-role"],
        "username": ["fuzz-user", "new-user"],
        "policyname": ["fuzz-policy"],
        "policyarn": [policy],
        "repositoryname": ["fuzz-repository"],
        "branchname": ["main", "refs/heads/main"],
        "filepath": ["file", "folder/file"],
        "functionname": ["fuzz-function"],
        "projectname": ["fuzz-project"],
        "stackname": ["fuzz-stack", "new-stack"],
        "templatebody": [json.dumps(_TEMPLATE), "Resources: {B: {Type: 'AWS::S3::Bucket'}}", "{", "a: &a [*a]"],
        "loggroupname": ["/fuzz/group"],
        "logstreamname": ["stream"],
        "parametername": ["/fuzz/parameter"],
        "topicarn": [arn for arn in arns if ":sns:" in arn],
        "rule": ["fuzz-rule"],
        "eventpattern": ['{"source": ["fuzz"]}', '{"detail": {"a": [{"numeric": [">", 1]}]}}', "{", "[]"],
        "namespace": ["fuzz"],
        "metricname": ["metric"],
        "policy": documents,
        "assumerolepolicydocument": documents,
        "maxitems": ["10"],
        "*rolearn": [role],
        "*arn": arns,
        "*bucket": ["fuzz-bucket"],
        "*policydocument": documents,
        "*repositoryname": ["fuzz-repository"],
        "*token": ["token"],
        "*id": ["latest", "1", key_id],
        "*name": names,
    }
    return hints
