"""The web application: /ping says whether the model is there, /invocations predicts."""

import csv
import io
import json
import pathlib

import joblib
from flask import Flask, Response, request

MODEL = pathlib.Path("/opt/ml/model/decision-tree.joblib")
application = Flask(__name__)
tree = joblib.load(MODEL) if MODEL.exists() else None


class BadInput(ValueError):
    """What the caller sent cannot be predicted."""


@application.get("/ping")
def ping():
    """SageMaker asks whether requests may come."""
    return Response(status=200 if tree is not None else 503)


@application.post("/invocations")
def invocations():
    """Predict the label of each row: text/csv, or JSON {"instances": [[...], ...]}."""
    try:
        features = parse(request.content_type or "", request.get_data(as_text=True))
        labels = [str(label) for label in tree.predict(features)]
    except BadInput as error:
        return Response(f"{error}\n", status=400, content_type="text/plain")
    if "json" in request.headers.get("Accept", ""):
        return Response(json.dumps({"predictions": labels}), content_type="application/json")
    return Response("".join(f"{label}\n" for label in labels), content_type="text/csv")


def parse(content_type, text):
    """The rows of features. BadInput says what is wrong with them."""
    if content_type.startswith("text/csv"):
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
    elif content_type.startswith("application/json"):
        try:
            rows = json.loads(text)["instances"]
        except (ValueError, TypeError, KeyError):
            raise BadInput('The JSON must be {"instances": [[number, ...], ...]}') from None
    else:
        raise BadInput(f"Send text/csv or application/json, not {content_type or 'nothing'}")
    if not rows or not isinstance(rows, list):
        raise BadInput("There are no rows")
    try:
        features = [[float(value) for value in row] for row in rows]
    except (TypeError, ValueError) as error:
        raise BadInput(f"A row holds something that is no number: {error}") from None
    wanted = tree.n_features_in_
    if any(len(row) != wanted for row in features):
        raise BadInput(f"Each row must have {wanted} features")
    return features
