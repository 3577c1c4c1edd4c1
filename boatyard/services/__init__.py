"""The AWS services that boatyard does: botocore's service name and the package that holds it."""

PACKAGES: dict[str, str] = {
    "s3": "s3",
    "kms": "kms",
    "iam": "iam",
    "sts": "sts",
    "ssm": "ssm",
    "logs": "logs",
    "cloudwatch": "cloudwatch",
    "events": "events",
    "sns": "sns",
    "ecr": "ecr",
    "codecommit": "codecommit",
    "codebuild": "codebuild",
    "codepipeline": "codepipeline",
    "lambda": "lambda_",
    "sagemaker": "sagemaker",
    "sagemaker-runtime": "sagemaker_runtime",
    "cloudformation": "cloudformation",
}
