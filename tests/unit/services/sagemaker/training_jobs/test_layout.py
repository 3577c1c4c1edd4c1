"""The folder /opt/ml as a training container finds it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from boatyard.services.sagemaker.training_jobs.layout import OptMl

REQUEST: dict[str, Any] = {
    "AlgorithmSpecification": {"TrainingInputMode": "File"},
    "HyperParameters": {"depth": "5"},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "ContentType": "text/csv",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/p"}},
        }
    ],
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}


def test_the_configuration_files_say_what_was_asked_for(tmp_path: Path) -> None:
    OptMl(tmp_path).prepare(REQUEST)
    read = {path.name: json.loads(path.read_text()) for path in (tmp_path / "input" / "config").iterdir()}
    assert read["hyperparameters.json"] == {"depth": "5"}
    assert read["inputdataconfig.json"] == {
        "train": {
            "ContentType": "text/csv",
            "RecordWrapperType": "None",
            "S3DistributionType": "FullyReplicated",
            "TrainingInputMode": "File",
        }
    }
    assert read["resourceconfig.json"]["current_host"] == "algo-1"
    assert read["resourceconfig.json"]["hosts"] == ["algo-1"]
    assert {"model", "output", "checkpoints", "input"} <= {path.name for path in tmp_path.iterdir()}


def test_any_user_of_the_image_may_write_results(tmp_path: Path) -> None:
    opt_ml = OptMl(tmp_path)
    opt_ml.prepare(REQUEST)
    assert {
        path.stat().st_mode & 0o777 for path in (opt_ml.model, tmp_path / "output" / "data", opt_ml.checkpoints)
    } == {0o777}


def test_the_failure_file_is_cut_and_never_followed(tmp_path: Path) -> None:
    opt_ml = OptMl(tmp_path)
    opt_ml.prepare(REQUEST)
    assert opt_ml.failure() is None
    path = tmp_path / "output" / "failure"
    path.write_text("é" * 2_000_000)
    assert opt_ml.failure() == "é" * 1024
    path.unlink()
    path.symlink_to("/etc/hostname")
    assert opt_ml.failure() is None
    path.unlink()
    os.mkfifo(path)
    assert opt_ml.failure() is None
