"""Every resource type of IAM, KMS, Parameter Store and SNS in one stack: made, changed and deleted without a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.server import unique

TEMPLATE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          Effect: Allow
          Principal: {Service: [sagemaker.amazonaws.com, codebuild.amazonaws.com]}
          Action: sts:AssumeRole
      ManagedPolicyArns: [arn:aws:iam::aws:policy/AWSCodePipelineFullAccess]
      MaxSessionDuration: 7200
      Tags: [{Key: a, Value: b}]
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: p
      Roles: [!Ref Role]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: {Effect: Allow, Action: "kms:*", Resource: !GetAtt Key.Arn}
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}
      Roles: [!Ref Role]
  Key:
    Type: AWS::KMS::Key
    Properties:
      EnableKeyRotation: true
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {AWS: !Sub "arn:aws:iam::${AWS::AccountId}:root"}
            Action: "kms:*"
            Resource: "*"
          - {Effect: Allow, Principal: {AWS: !GetAtt Role.Arn}, Action: "kms:Decrypt", Resource: "*"}
  Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/identity-stack, TargetKeyId: !Ref Key}}
  Param: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Role.RoleId}}
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      KmsMasterKeyId: !Ref Key
      Subscription: [{Protocol: email, Endpoint: a@b.c}]
  TopicPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          Effect: Allow
          Principal: {Service: events.amazonaws.com}
          Action: "sns:Publish"
          Resource: !Ref Topic
  User: {Type: AWS::IAM::User, Properties: {Groups: [!Ref Group]}}
  Group: {Type: AWS::IAM::Group}
  AccessKey: {Type: AWS::IAM::AccessKey, Properties: {UserName: !Ref User}}
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
Outputs:
  Secret: {Value: !GetAtt AccessKey.SecretAccessKey}
  Topic: {Value: !GetAtt Topic.TopicName}
"""


def test_a_stack_of_identities_keys_and_topics(client: Callable[..., Any]) -> None:
    cloudformation, iam, name = client("cloudformation"), client("iam"), unique("stack")
    stack = cloudformation.create_stack(
        StackName=name, TemplateBody=TEMPLATE, Capabilities=["CAPABILITY_IAM"], Tags=[{"Key": "k", "Value": "v"}]
    )["StackId"]
    patience = {"WaiterConfig": {"Delay": 1, "MaxAttempts": 120}}
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, **patience)
    found = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    made = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in found}
    assert iam.list_role_policies(RoleName=made["Role"])["PolicyNames"] == ["p"]
    attached = iam.list_attached_role_policies(RoleName=made["Role"])["AttachedPolicies"]
    assert {item["PolicyName"] for item in attached} >= {"AWSCodePipelineFullAccess"}
    assert client("ssm").get_parameter(Name=made["Param"])["Parameter"]["Value"].startswith("AROA")
    changed = TEMPLATE.replace("7200", "3600").replace("Value: b", "Value: c").replace('"s3:*"', '"s3:Get*"')
    cloudformation.update_stack(StackName=name, TemplateBody=changed, Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, **patience)
    role = iam.get_role(RoleName=made["Role"])["Role"]
    assert (role["MaxSessionDuration"], role["Tags"][0]) == (3600, {"Key": "a", "Value": "c"})
    versions = iam.list_policy_versions(PolicyArn=made["Managed"])["Versions"]
    assert [item["VersionId"] for item in versions if item["IsDefaultVersion"]] == ["v2"]
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, **patience)
    assert made["Role"] not in {item["RoleName"] for item in iam.list_roles()["Roles"]}
    assert made["User"] not in {item["UserName"] for item in iam.list_users()["Users"]}
    assert client("kms").describe_key(KeyId=made["Key"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert made["Topic"] not in {item["TopicArn"] for item in client("sns").list_topics()["Topics"]}
