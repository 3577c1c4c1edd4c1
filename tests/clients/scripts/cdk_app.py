"""An AWS CDK app with what a small delivery needs. Arguments: where to synthesise, the stack's name."""

import sys

import aws_cdk as cdk
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as functions
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

CODE = """
import os, boto3
def handler(event, context):
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key="seen", Body=b"by the function")
    return os.environ["BUCKET"]
"""

app = cdk.App(outdir=sys.argv[1], analytics_reporting=False)
stack = cdk.Stack(app, sys.argv[2], synthesizer=cdk.BootstraplessSynthesizer())
bucket = s3.Bucket(
    stack,
    "Data",
    versioned=True,
    encryption=s3.BucketEncryption.S3_MANAGED,
    block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
    removal_policy=cdk.RemovalPolicy.RETAIN,
)
function = functions.Function(
    stack,
    "Hello",
    runtime=functions.Runtime.PYTHON_3_12,
    handler="index.handler",
    code=functions.Code.from_inline(CODE),
    timeout=cdk.Duration.seconds(60),
    environment={"BUCKET": bucket.bucket_name},
)
bucket.grant_read_write(function)
sns.Topic(stack, "News").grant_publish(function)
repository = codecommit.Repository(stack, "Code", repository_name=sys.argv[2])
repository.on_commit("Changed", target=targets.LambdaFunction(function))
cdk.CfnOutput(stack, "Function", value=function.function_name)
cdk.CfnOutput(stack, "Bucket", value=bucket.bucket_name)
app.synth()
