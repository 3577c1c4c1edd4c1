"""Starts a SageMaker training job for the image that was built and the training data that the pipeline took."""

import json
import os

import boto3

sagemaker = boto3.client("sagemaker")
codepipeline = boto3.client("codepipeline")


def handler(event, context):
    """Called by CodePipeline (action category Invoke); reports the outcome to it."""
    job = event["CodePipeline.job"]
    try:
        name = start(job)
    except Exception as error:  # whatever went wrong, the pipeline must be told
        print(f"Training was not started: {error!r}")
        fail(job["id"], str(error))
        return
    print(f"Started {name}")
    codepipeline.put_job_success_result(jobId=job["id"], outputVariables={"TrainingJob": name})


def start(job):
    """Start the training job, named after the execution and the action's job, so that a second call starts nothing."""
    parameters = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])
    place = job["data"]["inputArtifacts"][0]["location"]["s3Location"]
    name = f"{os.environ['PREFIX']}-{parameters['execution'][:8]}-{job['id'][:8]}"
    try:
        sagemaker.create_training_job(**request(name, parameters["image"], place))
    except sagemaker.exceptions.ResourceInUse:
        print(f"{name} has been started before")
    return name


def request(name, image, place):
    """What is asked of SageMaker: train `image` on the artifact that holds this version of the training data."""
    return {
        "TrainingJobName": name,
        "RoleArn": os.environ["ALGORITHM_ROLE"],
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "train:accuracy", "Regex": "train_accuracy=([0-9.]+)"}],
        },
        "HyperParameters": {"max_leaf_nodes": "5"},
        "InputDataConfig": [
            {
                "ChannelName": "training",
                "ContentType": "text/csv",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://{place['bucketName']}/{place['objectKey']}",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{os.environ['MODEL_BUCKET']}/models"},
        "ResourceConfig": {
            "InstanceCount": 1,
            "InstanceType": os.environ["INSTANCE_TYPE"],
            "VolumeSizeInGB": 5,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 1800},
    }


def fail(job_id, message):
    """Tell the pipeline why."""
    codepipeline.put_job_failure_result(jobId=job_id, failureDetails={"type": "JobFailed", "message": message[:2000]})
