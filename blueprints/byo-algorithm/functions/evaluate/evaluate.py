"""Asks an endpoint for predictions: a smoke test wants answers, the full test wants right ones."""

import csv
import io
import json
import os

import boto3

s3 = boto3.client("s3")
runtime = boto3.client("sagemaker-runtime")
codepipeline = boto3.client("codepipeline")


class Failed(Exception):
    """The endpoint did not pass."""


def handler(event, context):
    """Called by CodePipeline; reports the accuracy as an output variable, or why the test was not passed."""
    job = event["CodePipeline.job"]
    parameters = json.loads(job["data"]["actionConfiguration"]["configuration"]["UserParameters"])
    try:
        variables = test(parameters)
    except Exception as error:  # whatever went wrong, the pipeline must be told
        print(f"Not passed: {error!r}")
        codepipeline.put_job_failure_result(
            jobId=job["id"], failureDetails={"type": "JobFailed", "message": str(error)[:2000]}
        )
        return
    print(f"Passed: {variables}")
    codepipeline.put_job_success_result(jobId=job["id"], outputVariables=variables)


def test(parameters):
    """Run the smoke or the full test; the numbers that came of it."""
    rows = read(parameters["key"])
    labels = [row[0] for row in rows]
    predictions = predict(parameters["endpoint"], [row[1:] for row in rows])
    if len(predictions) != len(rows):
        raise Failed(f"{len(rows)} rows were sent, {len(predictions)} predictions came back")
    right = sum(prediction == label for prediction, label in zip(predictions, labels, strict=True))
    accuracy = right / len(rows)
    if parameters["test"] == "full" and accuracy < float(parameters["threshold"]):
        raise Failed(
            f"The accuracy is {accuracy:.3f} on {len(rows)} rows, below the threshold of {parameters['threshold']}"
        )
    return {"Rows": str(len(rows)), "Accuracy": f"{accuracy:.3f}"}


def read(key):
    """Rows of the data bucket's object: the label first, then the features."""
    body = s3.get_object(Bucket=os.environ["DATA_BUCKET"], Key=key)["Body"].read().decode()
    rows = [row for row in csv.reader(io.StringIO(body)) if row]
    if not rows:
        raise Failed(f"s3://{os.environ['DATA_BUCKET']}/{key} has no rows")
    return rows


def predict(endpoint, features):
    """The endpoint's prediction for each row."""
    body = "\n".join(",".join(row) for row in features)
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=body.encode()
    )
    return answer["Body"].read().decode().split()
