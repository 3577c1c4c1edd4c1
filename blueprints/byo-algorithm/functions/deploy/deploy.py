"""Deploys the trained model to an environment: its endpoint keeps its name and is updated in place."""

import json
import os

import boto3
from botocore.exceptions import ClientError

sagemaker = boto3.client("sagemaker")
codepipeline = boto3.client("codepipeline")


def handler(event, context):
    """Called by CodePipeline; starts the deployment and reports the names to it."""
    job = event["CodePipeline.job"]
    parameters = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])
    try:
        endpoint, config = deploy(job["id"], parameters["environment"], parameters["trainingJob"])
    except Exception as error:  # whatever went wrong, the pipeline must be told
        print(f"Not deployed: {error!r}")
        codepipeline.put_job_failure_result(
            jobId=job["id"], failureDetails={"type": "JobFailed", "message": str(error)[:2000]}
        )
        return
    codepipeline.put_job_success_result(
        jobId=job["id"], outputVariables={"Endpoint": endpoint, "EndpointConfig": config}
    )


def deploy(job_id, environment, training_job):
    """Create model and configuration, then create or update the endpoint; a second call changes nothing."""
    endpoint = f"{os.environ['PREFIX']}-{environment}"
    name = f"{endpoint}-{job_id[:8]}"
    trained = sagemaker.describe_training_job(TrainingJobName=training_job)
    once(
        sagemaker.create_model,
        ModelName=name,
        ExecutionRoleArn=os.environ["ALGORITHM_ROLE"],
        PrimaryContainer={
            "Image": trained["AlgorithmSpecification"]["TrainingImage"],
            "ModelDataUrl": trained["ModelArtifacts"]["S3ModelArtifacts"],
        },
    )
    once(
        sagemaker.create_endpoint_config,
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": name,
                "InitialInstanceCount": 1,
                "InstanceType": os.environ["INSTANCE_TYPE"],
                "InitialVariantWeight": 1,
            }
        ],
    )
    switch(endpoint, name)
    return endpoint, name


def switch(endpoint, config):
    """Let the endpoint serve with the configuration; one that failed before is made anew."""
    found = describe(endpoint)
    if found and found["EndpointStatus"] == "Failed":
        sagemaker.delete_endpoint(EndpointName=endpoint)
        sagemaker.get_waiter("endpoint_deleted").wait(
            EndpointName=endpoint, WaiterConfig={"Delay": 2, "MaxAttempts": 20}
        )
        found = None
    if found is None:
        print(f"Creating {endpoint} with {config}")
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    elif config not in (found["EndpointConfigName"], pending(found)):
        print(f"Updating {endpoint} to {config}")
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)


def pending(found):
    """The configuration that an endpoint is being updated to, None when it is not."""
    return found.get("PendingDeploymentSummary", {}).get("EndpointConfigName")


def describe(endpoint):
    """The endpoint as it is, None when there is none."""
    try:
        return sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if "Could not find endpoint" in error.response["Error"]["Message"]:
            return None
        raise


def once(create, **request):
    """Create something; that it is there already is well."""
    try:
        create(**request)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if "already exist" not in message.lower():
            raise
        print(message)
