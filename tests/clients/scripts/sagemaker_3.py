"""The SageMaker Python SDK 3: trains with ModelTrainer, serves with sagemaker-core and with ModelBuilder, deletes.

Arguments: image, role, name.
"""

import importlib.metadata
import json
import sys

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig


def train(image: str, role: str, name: str) -> TrainingJob:
    """Train, with the job's log on standard output."""
    bucket = f"{name}-bucket"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="train/iris.csv", Body=b"1,2,3\n")
    trainer = ModelTrainer(
        training_image=image,
        role=role,
        base_job_name=name,
        sagemaker_session=Session(default_bucket=bucket),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters={"words": "learnt"},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/models"),
    )
    data = InputData(channel_name="training", data_source=f"s3://{bucket}/train/")
    trainer.train(input_data_config=[data], wait=True, logs=True)
    return TrainingJob.get(trainer._latest_training_job.training_job_name)


def serve(job: TrainingJob, image: str, role: str, name: str) -> None:
    """Put the trained model behind an endpoint, ask it, and delete everything."""
    container = ContainerDefinition(image=image, model_data_url=job.model_artifacts.s3_model_artifacts)
    model = Model.create(model_name=name, primary_container=container, execution_role_arn=role)
    variant = ProductionVariant(
        variant_name="all", model_name=name, initial_instance_count=1, instance_type="ml.t2.medium"
    )
    configuration = EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService")
    assert endpoint.invoke(body="row", content_type="text/plain").body.read() == b"learnt:row"
    endpoint.delete()
    endpoint.wait_for_delete()
    configuration.delete()
    model.delete()


def build(job: TrainingJob, image: str, role: str, name: str) -> None:
    """The same with ModelBuilder, which waits for its endpoint by itself."""
    builder = ModelBuilder(
        image_uri=image,
        s3_model_data_url=job.model_artifacts.s3_model_artifacts,
        role_arn=role,
        sagemaker_session=Session(default_bucket=f"{name}-bucket"),
        instance_type="ml.t2.medium",
    )
    model = builder.build(model_name=f"{name}-built")
    endpoint = builder.deploy(endpoint_name=f"{name}-built", initial_instance_count=1)
    assert endpoint.endpoint_status == "InService", endpoint
    assert endpoint.invoke(body="two", content_type="text/plain").body.read() == b"learnt:two"
    endpoint.delete()
    endpoint.wait_for_delete()
    model.delete()


image, role, name = sys.argv[1:]
job = train(image, role, name)
assert job.training_job_status == "Completed", job
serve(job, image, role, name)
build(job, image, role, name)
print(json.dumps({"done": True, "sagemaker": importlib.metadata.version("sagemaker")}))
