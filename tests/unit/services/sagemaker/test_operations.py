"""Tags, lists and names, which SageMaker's resources have alike."""

from __future__ import annotations

import pytest

from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from tests.unit.services.sagemaker.conftest import IMAGE
from tests.unit.services.sagemaker.fake_engine import FakeEngine


def make_model(call: Call, role: str, name: str) -> str:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}
    tags = [{"Key": "team", "Value": "a"}]
    made = call.invoke(
        "sagemaker", "CreateModel", ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role, Tags=tags
    )
    return str(made["ModelArn"])


def test_tags_are_kept_changed_and_removed(call: Call, engine: FakeEngine, role: str) -> None:
    arn = make_model(call, role, "Model")
    assert arn == "arn:aws:sagemaker:us-east-1:000000000000:model/model"
    call.invoke("sagemaker", "AddTags", ResourceArn=arn, Tags=[{"Key": "stage", "Value": "dev"}])
    call.invoke("sagemaker", "DeleteTags", ResourceArn=arn, TagKeys=["team"])
    assert call.invoke("sagemaker", "ListTags", ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "dev"}]
    call.invoke("sagemaker", "DeleteModel", ModelName="Model")
    with pytest.raises(ApiError, match="does not exist"):
        call.invoke("sagemaker", "ListTags", ResourceArn=arn)


def test_lists_are_filtered_sorted_and_paged(call: Call, engine: FakeEngine, role: str) -> None:
    for name in ("alpha-1", "alpha-2", "beta-1", "alpha-3"):
        make_model(call, role, name)
    wanted = {"NameContains": "alpha", "SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 2}
    first = call.invoke("sagemaker", "ListModels", **wanted)
    second = call.invoke("sagemaker", "ListModels", **wanted, NextToken=first["NextToken"])
    assert [model["ModelName"] for model in first["Models"]] == ["alpha-1", "alpha-2"]
    assert [model["ModelName"] for model in second["Models"]] == ["alpha-3"]
    assert "NextToken" not in second


def test_names_that_are_taken_or_unknown_have_awss_words(call: Call, engine: FakeEngine, role: str) -> None:
    arn = make_model(call, role, "model")
    with pytest.raises(ApiError) as taken:
        make_model(call, role, "model")
    assert taken.value.message == f'Cannot create already existing model "{arn}".'
    with pytest.raises(ApiError) as unknown:
        call.invoke("sagemaker", "DescribeModel", ModelName="other")
    assert unknown.value.message == f'Could not find model "{arn.replace("/model", "/other")}".'


def test_a_model_needs_an_image_that_is_there(call: Call, engine: FakeEngine, role: str) -> None:
    container = {"Image": IMAGE.replace("latest", "missing")}
    with pytest.raises(ApiError, match="Requested image "):
        call.invoke("sagemaker", "CreateModel", ModelName="m", PrimaryContainer=container, ExecutionRoleArn=role)
