"""What a server that died has left of functions goes at the next start, also of those that are deleted."""

from __future__ import annotations

from unittest.mock import Mock

from boatyard.api.installation import Installation
from boatyard.containers.container import Container
from boatyard.containers.engine import Engine
from boatyard.services.lambda_ import hooks
from boatyard.services.lambda_.invocations.instance import Instance
from boatyard.services.lambda_.invocations.pool import pool_of


def test_containers_networks_and_half_unpacked_code_go(installation: Installation) -> None:
    left = Mock(spec=Container, labels={"boatyard.lambda.instance": "of the server before"})
    engine = Mock(spec=Engine)
    engine.containers.return_value = [left]
    engine.network_names.return_value = ["lambda-deleted", "lambda-used"]
    installation._engine = engine
    pool = pool_of(installation)
    pool._by_function["used"] = {Mock(spec=Instance, network="lambda-used")}
    hooks._remove_leftovers(installation)
    left.remove.assert_called_once()
    engine.remove_network.assert_called_once_with("lambda-deleted")
    half, whole = (installation.data_directory / "lambda" / "code" / name for name in (".half", "whole"))
    half.mkdir(parents=True)
    whole.mkdir()
    hooks._remove_pipes(installation)
    assert (half.exists(), whole.exists()) == (False, True)
    pool._by_function.clear()
