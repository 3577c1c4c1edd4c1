"""The SageMaker Python SDK 2: trains, deploys, predicts and deletes. Arguments: image, role, name."""

import json
import sys

import sagemaker
from sagemaker.base_deserializers import StringDeserializer
from sagemaker.base_serializers import StringSerializer
from sagemaker.estimator import Estimator
from sagemaker.model import Model
from sagemaker.predictor import Predictor


def train(session: sagemaker.Session, image: str, role: str, name: str) -> Estimator:
    """Upload data and fit, with the job's log on standard output."""
    training = session.upload_string_as_file_body("1,2,3\n", session.default_bucket(), f"{name}/train/iris.csv")
    estimator = Estimator(
        image_uri=image,
        role=role,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
        base_job_name=name,
        hyperparameters={"words": "learnt"},
        metric_definitions=[{"Name": "accuracy", "Regex": "accuracy=([0-9.]+);"}],
        output_path=f"s3://{session.default_bucket()}/{name}/models",
    )
    estimator.fit({"training": training.rpartition("/")[0]}, logs="All")
    return estimator


def inspect(session: sagemaker.Session, estimator: Estimator) -> None:
    """What the SDK knows of the job afterwards."""
    job = estimator.latest_training_job.name
    attached = Estimator.attach(job, sagemaker_session=session)
    assert attached.model_data == estimator.model_data
    assert attached.model_data.endswith("/output/model.tar.gz")
    frame = sagemaker.analytics.TrainingJobAnalytics(job, ["accuracy"], sagemaker_session=session).dataframe()
    # It asks for averages by the minute: of 0.5 and 0.75, however they fall.
    assert list(frame["metric_name"].unique()) == ["accuracy"], frame
    assert frame["value"].between(0.5, 0.75).all(), frame


def serve(session: sagemaker.Session, estimator: Estimator, image: str, role: str, name: str) -> None:
    """Deploy from the estimator, change the endpoint to another Model, and delete everything."""
    words = {"serializer": StringSerializer(content_type="text/plain"), "deserializer": StringDeserializer()}
    # Waiting by itself, the SDK looks every 30 seconds only.
    sizes = {"initial_instance_count": 1, "instance_type": "ml.t2.medium", "wait": False}
    ready = session.sagemaker_client.get_waiter("endpoint_in_service")
    predictor = estimator.deploy(endpoint_name=name, **sizes, **words)
    ready.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    assert predictor.predict("row") == "learnt:row"
    model = Model(image, model_data=estimator.model_data, role=role, sagemaker_session=session, name=f"{name}-again")
    model.create(instance_type="ml.t2.medium")
    predictor.update_endpoint(model_name=model.name, **sizes)
    ready.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    assert Predictor(name, sagemaker_session=session, **words).predict("two") == "learnt:two"
    predictor.delete_model()
    predictor.delete_endpoint()
    client = session.sagemaker_client
    assert not client.list_models(NameContains=f"{name}-again")["Models"]


def main() -> None:
    """All of it, in order."""
    image, role, name = sys.argv[1:]
    # With a bucket of its own name the SDK would ask sts.REGION.amazonaws.com for the account, whatever the endpoint.
    session = sagemaker.Session(default_bucket=f"{name}-bucket")
    estimator = train(session, image, role, name)
    inspect(session, estimator)
    serve(session, estimator, image, role, name)
    print(json.dumps({"done": True, "bucket": session.default_bucket(), "sagemaker": sagemaker.__version__}))


main()
