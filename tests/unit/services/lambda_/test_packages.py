"""Packages that are zips, but cannot be unpacked."""

from __future__ import annotations

from typing import Any

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.installation import Installation
from boatyard.services.lambda_.packages import take_package, unpacked
from tests.unit.zips import encrypted, one_path_below_another


def test_a_package_that_is_encrypted_is_not_taken(call: Call) -> None:
    code: dict[str, Any] = {"ZipFile": encrypted()}
    with pytest.raises(ApiError, match=r"Could not unzip uploaded file.*'file' is encrypted") as refused:
        take_package(call, code, "CreateFunction")
    assert refused.value.code == "InvalidParameterValueException"


def test_a_package_that_cannot_be_unpacked_is_told_apart(call: Call, installation: Installation) -> None:
    code: dict[str, Any] = {"ZipFile": one_path_below_another()}
    package = take_package(call, code, "CreateFunction")
    with pytest.raises(ApiError, match="Lambda was unable to unzip the file") as refused:
        unpacked(installation, [package])
    assert (refused.value.code, refused.value.status) == ("InvalidZipFileException", 502)
    assert list((installation.data_directory / "lambda" / "code").iterdir()) == []
