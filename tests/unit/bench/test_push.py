"""The arithmetic and the changes of the benchmark of a push to Prod."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.bare import stages_of
from bench.push import Blueprint


def test_the_stages_of_the_bare_commands_last_until_the_next_begins() -> None:
    moments = [10.0, 13.5, 15.0, 16.0, 16.25, 18.0, 18.5, 20.0]
    names = ["Build", "Train", "DeployDev", "SmokeTest", "DeployTest", "FullTest", "DeployProd", "End"]
    said = [f"{moment} {name}" for moment, name in zip(moments, names, strict=True)]
    said.insert(2, "rows=110")
    found = stages_of(said)
    assert list(found) == names[:-1]
    assert found["Build"] == pytest.approx(3.5)
    assert sum(found.values()) == pytest.approx(10.0)


def test_each_change_of_the_blueprint_is_a_new_one(tmp_path: Path) -> None:
    blueprint = Blueprint(tmp_path / "blueprint")
    predictor = blueprint.path / "algorithm" / "decision_tree" / "predictor.py"
    data = blueprint.path / "data" / "train" / "iris.csv"
    contents = {(predictor.read_bytes(), data.read_bytes())}
    for _ in range(2):
        blueprint.change_code()
        blueprint.change_data()
        contents.add((predictor.read_bytes(), data.read_bytes()))
    assert len({code for code, _ in contents}) == len({rows for _, rows in contents}) == 3
    assert len(data.read_text().splitlines()) == 112
