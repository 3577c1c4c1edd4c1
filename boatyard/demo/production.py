"""Asks the Prod endpoint: once for predictions to show, and without a pause while a new model is put into its place."""

from __future__ import annotations

import csv
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from boatyard.demo.lab import DemoFailed, Lab
from boatyard.demo.show import Show

ROWS = 6


def labelled_rows(lab: Lab) -> list[list[str]]:
    """The validation rows: the label first, then the features."""
    with (lab.blueprint / "data" / "validation" / "iris.csv").open(newline="") as file:
        return [row for row in csv.reader(file) if row]


def ask(lab: Lab, runtime: Any, rows: list[list[str]]) -> list[str]:
    """Prod's prediction for each row."""
    body = "\n".join(",".join(row[1:]) for row in rows).encode()
    answer = runtime.invoke_endpoint(EndpointName=lab.endpoint("prod"), ContentType="text/csv", Body=body)
    return str(answer["Body"].read().decode()).split()


def show_predictions(lab: Lab, show: Show) -> None:
    """A few rows, what Prod says they are, and what they are. DemoFailed when it answers too few."""
    rows = labelled_rows(lab)[:ROWS]
    predictions = ask(lab, lab.client("sagemaker-runtime"), rows)
    if len(predictions) != len(rows):
        raise DemoFailed(f"{lab.endpoint('prod')} was asked {len(rows)} rows and answered {len(predictions)}.")
    table = [(" ".join(row[1:]), prediction, row[0]) for row, prediction in zip(rows, predictions, strict=True)]
    show.table(f"Predictions of {lab.endpoint('prod')}", ("Features", "Predicted", "Is"), table)


@dataclass
class Asker:
    """Asks Prod all the time, in a thread, and counts what comes back."""

    lab: Lab
    asked: int = 0
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="asker", daemon=True)

    def __enter__(self) -> Asker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(90)

    def _run(self) -> None:
        runtime = self.lab.client("sagemaker-runtime")
        rows = labelled_rows(self.lab)
        while not self._stop.is_set():
            row = rows[self.asked % len(rows)]
            self.asked += 1
            try:
                if len(ask(self.lab, runtime, [row])) != 1:
                    self.failures.append("no prediction")
            except (BotoCoreError, ClientError, OSError) as error:
                # It is a request that was not answered: counted, and shown at the end.
                self.failures.append(repr(error))
            time.sleep(0.02)


def new_training_data(lab: Lab) -> bytes:
    """The training rows in another order, with a few twice: another version of the data for the same flowers."""
    lines = (lab.blueprint / "data" / "train" / "iris.csv").read_text().splitlines()
    chosen = lines + random.sample(lines, 5)
    random.shuffle(chosen)
    return ("\n".join(chosen) + "\n").encode()
