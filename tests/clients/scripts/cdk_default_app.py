"""An app as `cdk init` begins one, with a function whose code is a directory. Arguments: the stack's name, a word."""

import os
import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as functions
from aws_cdk import aws_ssm as ssm

CODE = "import os\ndef handler(event, context):\n    return os.environ['WORD']\n"

name, word = sys.argv[1:]
source = Path("source")
source.mkdir(exist_ok=True)
(source / "index.py").write_text(CODE)
app = cdk.App(analytics_reporting=False)
place = cdk.Environment(account=os.environ["CDK_DEFAULT_ACCOUNT"], region=os.environ["CDK_DEFAULT_REGION"])
stack = cdk.Stack(app, name, env=place)
parameter = ssm.StringParameter(stack, "Word", string_value=word)
function = functions.Function(
    stack,
    "Say",
    runtime=functions.Runtime.PYTHON_3_12,
    handler="index.handler",
    code=functions.Code.from_asset(str(source)),
    timeout=cdk.Duration.seconds(60),
    environment={"WORD": word},
)
parameter.grant_read(function)
cdk.CfnOutput(stack, "Function", value=function.function_name)
app.synth()
