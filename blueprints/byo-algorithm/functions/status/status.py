"""Waits for a training job or a deployment: while it goes on, the pipeline is asked to call again."""

import json

import boto3

sagemaker = boto3.client("sagemaker")
codepipeline = boto3.client("codepipeline")


class Failed(Exception):
    """What is waited for has come to nothing."""


def handler(event, context):
    """Called by CodePipeline, again and again with a continuation token until the outcome is known."""
    job = event["CodePipeline.job"]
    parameters = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])
    try:
        if "trainingJob" in parameters:
            done = trained(parameters["trainingJob"])
        else:
            done = deployed(parameters["endpoint"], parameters["endpointConfig"])
            if done:
                clear(parameters["endpoint"], parameters["endpointConfig"])
    except Exception as error:  # whatever went wrong, the pipeline must be told
        print(f"Failed: {error!r}")
        codepipeline.put_job_failure_result(
            jobId=job["id"], failureDetails={"type": "JobFailed", "message": str(error)[:2000]}
        )
        return
    if done:
        codepipeline.put_job_success_result(jobId=job["id"])
    else:
        codepipeline.put_job_success_result(jobId=job["id"], continuationToken=json.dumps(parameters))


def trained(name):
    """Whether the training job is complete. Failed when it will not be."""
    found = sagemaker.describe_training_job(TrainingJobName=name)
    status = found["TrainingJobStatus"]
    print(f"{name} is {status}")
    if status in ("Failed", "Stopped"):
        raise Failed(f"The training job {name} is {status}: {found.get('FailureReason', 'no reason was given')}")
    return status == "Completed"


def deployed(endpoint, config):
    """Whether the endpoint serves with this configuration. Failed when it will not."""
    found = sagemaker.describe_endpoint(EndpointName=endpoint)
    status = found["EndpointStatus"]
    print(f"{endpoint} is {status}")
    if status in ("Creating", "Updating", "SystemUpdating"):
        return False
    reason = found.get("FailureReason", "no reason was given")
    if status != "InService":
        raise Failed(f"The endpoint {endpoint} is {status}: {reason}")
    if found["EndpointConfigName"] != config:
        raise Failed(f"The endpoint {endpoint} went back to {found['EndpointConfigName']}: {reason}")
    return True


def clear(endpoint, config):
    """Delete the configurations and models that earlier deployments of this environment have left."""
    pages = sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=f"{endpoint}-")
    for found in [each["EndpointConfigName"] for page in pages for each in page["EndpointConfigs"]]:
        if found.startswith(f"{endpoint}-") and found != config:
            sagemaker.delete_endpoint_config(EndpointConfigName=found)
    pages = sagemaker.get_paginator("list_models").paginate(NameContains=f"{endpoint}-")
    for found in [each["ModelName"] for page in pages for each in page["Models"]]:
        if found.startswith(f"{endpoint}-") and found != config:
            sagemaker.delete_model(ModelName=found)
