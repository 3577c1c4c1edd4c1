"""A notebook instance from a stack: repository, scripts, JupyterLab, stop and start."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.server import RunningServer, unique
from tests.services.sagemaker.conftest import eventually

GROUP = "/aws/sagemaker/NotebookInstances"
ON_CREATE = """#!/bin/bash
set -e
echo "creating as $(id -un)"
sudo -u ec2-user -i <<'EOF'
aws sts get-caller-identity --query Arn --output text
echo kept > /home/ec2-user/SageMaker/kept.txt
EOF
"""


def template(repository: str) -> str:
    """A stack with a notebook instance that clones a CodeCommit repository."""
    url = f"https://git-codecommit.us-east-1.amazonaws.com/v1/repos/{repository}"
    return json.dumps(
        {
            "Resources": {
                "Code": {"Type": "AWS::SageMaker::CodeRepository", "Properties": {"GitConfig": {"RepositoryUrl": url}}},
                "Scripts": {
                    "Type": "AWS::SageMaker::NotebookInstanceLifecycleConfig",
                    "Properties": {
                        "OnCreate": [{"Content": {"Fn::Base64": ON_CREATE}}],
                        "OnStart": [{"Content": {"Fn::Base64": "ls /home/ec2-user/SageMaker\n"}}],
                    },
                },
                "Role": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {
                        "AssumeRolePolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": {
                                "Effect": "Allow",
                                "Principal": {"Service": "sagemaker.amazonaws.com"},
                                "Action": "sts:AssumeRole",
                            },
                        },
                        "ManagedPolicyArns": [
                            "arn:aws:iam::aws:policy/AWSCodeCommitPowerUser",
                            "arn:aws:iam::aws:policy/CloudWatchLogsFullAccess",
                        ],
                    },
                },
                "Notebook": {
                    "Type": "AWS::SageMaker::NotebookInstance",
                    "Properties": {
                        "InstanceType": "ml.t2.medium",
                        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                        "DefaultCodeRepository": {"Fn::GetAtt": ["Code", "CodeRepositoryName"]},
                        "LifecycleConfigName": {"Fn::GetAtt": ["Scripts", "NotebookInstanceLifecycleConfigName"]},
                        "VolumeSizeInGB": "6",
                    },
                },
            },
            "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Notebook", "NotebookInstanceName"]}}},
        }
    )


def status_of(sagemaker: Any, name: str, *passing: str) -> str:
    """The instance's status once it is in none of those that pass."""

    def look() -> str | None:
        status = str(sagemaker.describe_notebook_instance(NotebookInstanceName=name)["NotebookInstanceStatus"])
        return None if status in passing else status

    return str(eventually(look))


def logged(client: Callable[..., Any], name: str, part: str) -> list[str]:
    """What one part of the instance has logged so far."""
    try:
        events = client("logs").filter_log_events(logGroupName=GROUP, logStreamNamePrefix=f"{name}/{part}")["events"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return []
    return [event["message"] for event in events]


def test_a_notebook_instance_lives_as_its_stack_says(
    client: Callable[..., Any], server: RunningServer, sagemaker: Any
) -> None:
    repository, stack = unique("lab"), unique("notebook")
    codecommit = client("codecommit")
    codecommit.create_repository(repositoryName=repository)
    codecommit.put_file(repositoryName=repository, branchName="main", fileContent=b"lab", filePath="README.md")
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=template(repository), Capabilities=["CAPABILITY_IAM"])

    def created() -> dict[str, Any] | None:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        return None if found["StackStatus"] == "CREATE_IN_PROGRESS" else found

    described = eventually(created)
    reasons = [
        event.get("ResourceStatusReason")
        for event in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    ]
    assert described["StackStatus"] == "CREATE_COMPLETE", reasons
    name = described["Outputs"][0]["OutputValue"]
    eventually(lambda: len(logged(client, name, "LifecycleConfigOnCreate")) == 2)
    assert logged(client, name, "LifecycleConfigOnCreate")[0] == "creating as root"
    assert ":assumed-role/" in logged(client, name, "LifecycleConfigOnCreate")[1]
    eventually(lambda: logged(client, name, "LifecycleConfigOnStart") == ["kept.txt", repository])
    url = sagemaker.create_presigned_notebook_instance_url(NotebookInstanceName=name)["AuthorizedUrl"]
    with urllib.request.urlopen(url, timeout=200) as answer:
        assert b"JupyterLab" in answer.read()
    with pytest.raises(ClientError, match=r"Status \(InService\) not in \(\[Stopped, Failed\]\)"):
        sagemaker.delete_notebook_instance(NotebookInstanceName=name)
    sagemaker.stop_notebook_instance(NotebookInstanceName=name)
    assert status_of(sagemaker, name, "Stopping") == "Stopped"
    sagemaker.start_notebook_instance(NotebookInstanceName=name)
    assert status_of(sagemaker, name, "Pending") == "InService"
    eventually(lambda: logged(client, name, "LifecycleConfigOnStart") == ["kept.txt", repository] * 2)
    assert len(logged(client, name, "LifecycleConfigOnCreate")) == 2
    cloudformation.delete_stack(StackName=stack)
    eventually(lambda: not sagemaker.list_notebook_instances(NameContains=name)["NotebookInstances"])


def test_a_script_that_fails_is_the_reason(sagemaker: Any, role: str) -> None:
    name = unique("failing")
    content = "ZWNobyBubyBzdWNoIHBhY2thZ2UKZXhpdCA3Cg=="  # echo no such package; exit 7
    sagemaker.create_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName=name, OnCreate=[{"Content": content}]
    )
    sagemaker.create_notebook_instance(
        NotebookInstanceName=name, InstanceType="ml.t2.medium", RoleArn=role, LifecycleConfigName=name
    )
    assert status_of(sagemaker, name, "Pending") == "Failed"
    reason = sagemaker.describe_notebook_instance(NotebookInstanceName=name)["FailureReason"]
    assert reason.startswith(f"Lifecycle configuration {name}: OnCreate failed with exit code 7.")
    assert reason.endswith("no such package")
    sagemaker.delete_notebook_instance(NotebookInstanceName=name)
