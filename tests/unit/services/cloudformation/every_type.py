"""A template with a resource of every type that needs no container to be there."""

from __future__ import annotations

from typing import Any

ACCOUNT = "000000000000"
NESTED_URL = "https://s3.amazonaws.com/templates/nested.json"
NEEDS_CONTAINERS = {"AWS::SageMaker::Endpoint", "AWS::SageMaker::NotebookInstance"}


def _trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _allow(action: str, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*", **more}]}


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def _ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def _arn(name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, "Arn"]}


def _identity() -> dict[str, Any]:
    policy = {"PolicyName": "one", "PolicyDocument": _allow("s3:GetObject")}
    return {
        "Role": _resource(
            "IAM::Role",
            AssumeRolePolicyDocument=_trust("lambda.amazonaws.com"),
            Policies=[policy],
            ManagedPolicyArns=[_ref("Managed")],
        ),
        "NamedRole": _resource(
            "IAM::Role", RoleName="named", AssumeRolePolicyDocument=_trust("sagemaker.amazonaws.com")
        ),
        "PipelineRole": _resource("IAM::Role", AssumeRolePolicyDocument=_trust("codepipeline.amazonaws.com")),
        "Profile": _resource("IAM::InstanceProfile", Roles=[_ref("Role")]),
        "Linked": _resource("IAM::ServiceLinkedRole", AWSServiceName="sagemaker.amazonaws.com"),
        "Managed": _resource("IAM::ManagedPolicy", PolicyDocument=_allow("s3:ListBucket")),
        "Inline": _resource(
            "IAM::Policy", PolicyName="two", PolicyDocument=_allow("s3:GetObject"), Roles=[_ref("Role")]
        ),
        "RolePolicy": _resource(
            "IAM::RolePolicy", PolicyName="three", RoleName=_ref("Role"), PolicyDocument=_allow("s3:GetObject")
        ),
        "User": _resource("IAM::User", Policies=[policy]),
        "UserPolicy": _resource(
            "IAM::UserPolicy", PolicyName="two", UserName=_ref("User"), PolicyDocument=_allow("s3:GetObject")
        ),
        "Group": _resource("IAM::Group", Policies=[policy]),
        "GroupPolicy": _resource(
            "IAM::GroupPolicy", PolicyName="two", GroupName=_ref("Group"), PolicyDocument=_allow("s3:GetObject")
        ),
        "Member": _resource("IAM::UserToGroupAddition", GroupName=_ref("Group"), Users=[_ref("User")]),
        "AccessKey": _resource("IAM::AccessKey", UserName=_ref("User"), Status="Inactive"),
    }


def _storage() -> dict[str, Any]:
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": _ref("Key")}}
    return {
        "Key": _resource("KMS::Key", EnableKeyRotation=True, Enabled=True),
        "KeyAlias": _resource("KMS::Alias", AliasName="alias/kept", TargetKeyId=_ref("Key")),
        "Bucket": _resource(
            "S3::Bucket",
            VersioningConfiguration={"Status": "Enabled"},
            BucketEncryption={"ServerSideEncryptionConfiguration": [encryption]},
        ),
        "BucketPolicy": _resource(
            "S3::BucketPolicy",
            Bucket=_ref("Bucket"),
            PolicyDocument=_allow(
                "s3:GetObject",
                Principal={"AWS": ACCOUNT},
                Resource={"Fn::Sub": "arn:aws:s3:::${Bucket}/*"},
            ),
        ),
        "Images": _resource("ECR::Repository"),
        "Sources": _resource("CodeCommit::Repository", RepositoryName="sources"),
        "Parameter": _resource("SSM::Parameter", Type="String", Value="v"),
        "NamedParameter": _resource("SSM::Parameter", Type="String", Value="v", Name="/named"),
        "LogGroup": _resource("Logs::LogGroup", RetentionInDays=3),
        "LogStream": _resource("Logs::LogStream", LogGroupName=_ref("LogGroup"), LogStreamName="lines"),
    }


def _functions() -> dict[str, Any]:
    code = {"ZipFile": "def handler(event, context): return 1"}
    layer = {"S3Bucket": "packages", "S3Key": "layer.zip"}
    common = {"Handler": "index.handler", "Runtime": "python3.12", "Role": _arn("Role"), "Code": code}
    return {
        "Function": _resource("Lambda::Function", **common, ReservedConcurrentExecutions=1),
        "NamedFunction": _resource("Lambda::Function", FunctionName="named", **common),
        "Version": _resource("Lambda::Version", FunctionName=_ref("Function")),
        "Alias": _resource(
            "Lambda::Alias", FunctionName=_ref("Function"), Name="live", FunctionVersion=_version("Version")
        ),
        "Retries": _resource(
            "Lambda::EventInvokeConfig", FunctionName=_ref("Function"), Qualifier="$LATEST", MaximumRetryAttempts=0
        ),
        "Layer": _resource("Lambda::LayerVersion", Content=layer),
        "NamedLayer": _resource("Lambda::LayerVersion", LayerName="named", Content=layer),
        "Permission": _resource(
            "Lambda::Permission",
            FunctionName=_ref("Function"),
            Action="lambda:InvokeFunction",
            Principal="sns.amazonaws.com",
            SourceArn=_ref("Topic"),
        ),
    }


def _version(name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, "Version"]}


def _messages() -> dict[str, Any]:
    return {
        "Topic": _resource(
            "SNS::Topic", Subscription=[{"Protocol": "email", "Endpoint": "one@example.com"}], DisplayName="Topic"
        ),
        "Subscription": _resource(
            "SNS::Subscription", TopicArn=_ref("Topic"), Protocol="email", Endpoint="two@example.com"
        ),
        "TopicPolicy": _resource(
            "SNS::TopicPolicy",
            Topics=[_ref("Topic")],
            PolicyDocument=_allow("sns:Publish", Principal={"Service": "events.amazonaws.com"}, Resource=_ref("Topic")),
        ),
        "Bus": _resource("Events::EventBus", Name="orders"),
        "Rule": _resource(
            "Events::Rule",
            EventPattern={"source": ["aws.sagemaker"]},
            Targets=[{"Id": "topic", "Arn": _ref("Topic")}],
        ),
    }


def _machine_learning() -> dict[str, Any]:
    image = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/algorithm:latest"
    variant = {
        "VariantName": "all", "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]}, "InstanceType": "ml.t2.medium",
        "InitialInstanceCount": 1, "InitialVariantWeight": 1,
    }  # fmt: skip
    return {
        "Model": _resource("SageMaker::Model", ExecutionRoleArn=_arn("NamedRole"), PrimaryContainer={"Image": image}),
        "Configuration": _resource("SageMaker::EndpointConfig", ProductionVariants=[variant]),
        "Hooks": _resource("SageMaker::NotebookInstanceLifecycleConfig", OnStart=[{"Content": "ZWNobyBoaQo="}]),
        "Notebooks": _resource("SageMaker::CodeRepository", GitConfig={"RepositoryUrl": "https://example.com/x.git"}),
    }


def _delivery() -> dict[str, Any]:
    def action(category: str, provider: str, configuration: dict[str, str], **more: Any) -> dict[str, Any]:
        identity = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
        return {"Name": provider, "ActionTypeId": identity, "Configuration": configuration, **more}

    source = action(
        "Source",
        "S3",
        {"S3Bucket": "packages", "S3ObjectKey": "none.zip", "PollForSourceChanges": "false"},
        OutputArtifacts=[{"Name": "source"}],
    )
    approval = action("Approval", "Manual", {})
    return {
        "Project": _resource(
            "CodeBuild::Project",
            ServiceRole=_arn("Role"),
            Source={"Type": "NO_SOURCE", "BuildSpec": "version: 0.2"},
            Artifacts={"Type": "NO_ARTIFACTS"},
            Environment={
                "Type": "LINUX_CONTAINER", "Image": "aws/codebuild/standard:7.0", "ComputeType": "BUILD_GENERAL1_SMALL",
            },
        ),
        "Pipeline": _resource(
            "CodePipeline::Pipeline",
            RoleArn=_arn("PipelineRole"),
            ArtifactStore={"Type": "S3", "Location": _ref("Bucket")},
            Stages=[{"Name": "Source", "Actions": [source]}, {"Name": "Ask", "Actions": [approval]}],
        ),
        "Inner": _resource("CloudFormation::Stack", TemplateURL=NESTED_URL),
        "Handle": _resource("CloudFormation::WaitConditionHandle"),
    }  # fmt: skip


def template() -> dict[str, Any]:
    """The template."""
    resources = _identity() | _storage() | _functions() | _messages() | _machine_learning() | _delivery()
    return {"Resources": resources}


def nested() -> dict[str, Any]:
    """The template of the stack inside."""
    return {"Resources": {"Parameter": _resource("SSM::Parameter", Type="String", Value="inner")}}
