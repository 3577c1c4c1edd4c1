"""Endpoints from creation to deletion, with an engine whose containers are threads that really serve."""

from __future__ import annotations

import asyncio
import io
import tarfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from boatyard.api.bodies import as_body
from boatyard.api.call import Call
from boatyard.api.errors import ApiError
from boatyard.api.resource_types import ResourceRequest, all_types
from boatyard.services.sagemaker import resources
from boatyard.services.sagemaker.endpoints import operations
from boatyard.services.sagemaker.endpoints.invocation import invoke_endpoint
from boatyard.services.sagemaker.endpoints.records import ENDPOINTS
from boatyard.services.sagemaker.named_resource import until
from tests.unit.services.sagemaker.conftest import IMAGE
from tests.unit.services.sagemaker.endpoints.fake_server import serving
from tests.unit.services.sagemaker.fake_engine import FakeContainer, FakeEngine
from tests.unit.services.workloads import eventually

Models = Callable[..., str]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of a server, in a thread of its own."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever, daemon=True)
    thread.start()
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join()
    running.close()


@pytest.fixture
def invoke(call: Call, loop: asyncio.AbstractEventLoop) -> Callable[..., dict[str, Any]]:
    """Invokes the endpoint `lab` as the gateway does."""

    def request(body: str = "row", **params: Any) -> dict[str, Any]:
        params = {"EndpointName": "lab", "Body": as_body(body.encode()), **params}
        return asyncio.run_coroutine_threadsafe(invoke_endpoint(call, params), loop).result(60)

    return request


@pytest.fixture
def config(call: Call, engine: FakeEngine, role: str, bucket: str) -> Models:
    """Makes a model for each program, and an endpoint configuration of them; answers its name."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        info = tarfile.TarInfo("tree.txt")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"tree"))
    call.invoke("s3", "PutObject", Bucket=bucket, Key="model.tar.gz", Body=content.getvalue())
    made: Counter[str] = Counter()

    def make(*programs: str, data: str = "model.tar.gz", count: int = 1) -> str:
        made["config"] += 1
        name = f"config-{made['config']}"
        variants = []
        for program in programs:
            model = f"{name}-{program}"
            container = {"Image": IMAGE.replace("latest", program), "ModelDataUrl": f"s3://{bucket}/{data}"}
            call.invoke("sagemaker", "CreateModel", ModelName=model, PrimaryContainer=container, ExecutionRoleArn=role)
            variant = {"VariantName": program, "ModelName": model, "InstanceType": "ml.t2.medium"}
            variants.append(variant | {"InitialInstanceCount": count, "InitialVariantWeight": 1.0})
        call.invoke("sagemaker", "CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=variants)
        return name

    return make


def described(call: Call) -> dict[str, Any]:
    return call.invoke("sagemaker", "DescribeEndpoint", EndpointName="lab")


def settled(call: Call) -> dict[str, Any]:
    eventually(lambda: described(call)["EndpointStatus"] not in ("Creating", "Updating"))
    return described(call)


def created(call: Call, config_name: str) -> dict[str, Any]:
    call.invoke("sagemaker", "CreateEndpoint", EndpointName="lab", EndpointConfigName=config_name)
    return settled(call)


def test_an_endpoint_serves_and_is_deleted(
    call: Call, engine: FakeEngine, config: Models, invoke: Callable[..., dict[str, Any]]
) -> None:
    engine.programs["one"] = serving("one")
    endpoint = created(call, config("one"))
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    container = next(iter(engine.made.values()))
    assert (container.root("/opt/ml/model") / "tree.txt").read_text() == "tree"
    assert container.specification.mounts[0].read_only
    answer = invoke("row", Accept="text/csv", CustomAttributes="trace=1")
    assert answer == {
        "Body": b"one:row",
        "ContentType": "text/csv",
        "CustomAttributes": "trace=1",
        "InvokedProductionVariant": "one",
    }
    call.invoke("sagemaker", "DeleteEndpoint", EndpointName="lab")
    eventually(lambda: call.invoke("sagemaker", "ListEndpoints")["Endpoints"] == [])
    assert engine.made == {}
    with pytest.raises(ApiError, match="Endpoint lab of account 000000000000 not found"):
        invoke()
    with pytest.raises(
        ApiError, match='Could not find endpoint "arn:aws:sagemaker:us-east-1:000000000000:endpoint/lab"'
    ):
        described(call)


def test_a_models_error_is_told_whole(
    call: Call, engine: FakeEngine, config: Models, invoke: Callable[..., dict[str, Any]]
) -> None:
    engine.programs["one"] = serving("one")
    created(call, config("one"))
    with pytest.raises(ApiError) as caught:
        invoke("415")
    assert caught.value.code == "ModelError"
    assert caught.value.members["OriginalStatusCode"] == 415
    assert caught.value.members["OriginalMessage"] == "one:415"
    assert ":log-group:/aws/sagemaker/Endpoints/lab:log-stream:one/i-" in caught.value.members["LogStreamArn"]
    assert 'Received client error (415) from primary with message "one:415"' in caught.value.message
    with pytest.raises(ApiError, match="less than or equal to 6291456"):
        invoke("x" * 6291457)


def test_requests_go_to_variants_by_weight(
    call: Call, engine: FakeEngine, config: Models, invoke: Callable[..., dict[str, Any]]
) -> None:
    engine.programs |= {"one": serving("one"), "two": serving("two")}
    created(call, config("one", "two"))
    assert {invoke()["InvokedProductionVariant"] for _ in range(60)} == {"one", "two"}
    assert invoke(TargetVariant="two")["Body"] == b"two:row"
    with pytest.raises(ApiError, match="Variant three not found"):
        invoke(TargetVariant="three")
    wanted = [{"VariantName": "one", "DesiredWeight": 0.0}]
    call.invoke(
        "sagemaker",
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="lab",
        DesiredWeightsAndCapacities=[*wanted, {"VariantName": "two", "DesiredInstanceCount": 2}],
    )
    assert [v["CurrentInstanceCount"] for v in settled(call)["ProductionVariants"]] == [1, 2]
    assert {invoke()["InvokedProductionVariant"] for _ in range(20)} == {"two"}
    assert len(engine.made) == 3


def test_an_update_loses_no_request(
    call: Call, engine: FakeEngine, config: Models, invoke: Callable[..., dict[str, Any]]
) -> None:
    engine.programs |= {"one": serving("one", delay=0.02), "two": serving("two", delay=0.02)}
    created(call, config("one"))
    answers: Counter[bytes] = Counter()
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers[invoke()["Body"]] += 1

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for asker in askers:
        asker.start()
    eventually(lambda: answers[b"one:row"])
    call.invoke("sagemaker", "UpdateEndpoint", EndpointName="lab", EndpointConfigName=config("two"))
    eventually(lambda: answers[b"two:row"] > 20)
    done.set()
    for asker in askers:
        asker.join(60)
        assert not asker.is_alive()
    assert set(answers) == {b"one:row", b"two:row"}
    assert settled(call)["EndpointConfigName"] == "config-2"
    eventually(lambda: len(engine.made) == 1)


def test_a_container_that_ends_fails_the_endpoint_with_its_log(call: Call, engine: FakeEngine, config: Models) -> None:
    def broken(container: FakeContainer) -> int:
        container.print("ImportError: no module named flask")
        return 1

    engine.programs["broken"] = broken
    endpoint = created(call, config("broken"))
    assert endpoint["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check: it ended with exit code 1" in endpoint["FailureReason"]
    assert endpoint["FailureReason"].endswith("ImportError: no module named flask")
    eventually(lambda: engine.made == {})


def test_a_container_that_never_listens_fails_the_endpoint_in_the_end(
    call: Call, engine: FakeEngine, config: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(container: FakeContainer) -> int:
        container.address = "127.78.0.1"
        container.stopped.wait()
        return 0

    monkeypatch.setattr(operations, "DEFAULT_STARTUP_SECONDS", 0)
    engine.programs["silent"] = silent
    endpoint = created(call, config("silent"))
    assert endpoint["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check within 0 seconds: nothing listens on port " in endpoint["FailureReason"]
    eventually(lambda: engine.made == {})


def test_an_update_that_fails_leaves_the_old_one_in_service(
    call: Call, engine: FakeEngine, config: Models, invoke: Callable[..., dict[str, Any]]
) -> None:
    engine.programs |= {"one": serving("one"), "broken": lambda container: 2}
    created(call, config("one"))
    call.invoke("sagemaker", "UpdateEndpoint", EndpointName="lab", EndpointConfigName=config("broken"))
    endpoint = settled(call)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "config-1")
    assert "exit code 2" in endpoint["FailureReason"]
    assert invoke()["Body"] == b"one:row"


def test_a_model_that_is_no_archive_is_named(call: Call, engine: FakeEngine, config: Models, bucket: str) -> None:
    call.invoke("s3", "PutObject", Bucket=bucket, Key="bad.tar.gz", Body=b"not an archive")
    reason = created(call, config("one", data="bad.tar.gz"))["FailureReason"]
    assert 'Failed to extract model data archive from URL "s3://lab-data/bad.tar.gz"' in reason


def test_a_model_that_is_not_there_is_named(call: Call, engine: FakeEngine, config: Models) -> None:
    reason = created(call, config("one", data="missing.tar.gz"))["FailureReason"]
    assert 'Failed to download model data from URL "s3://lab-data/missing.tar.gz"' in reason


def test_a_container_that_dies_is_started_again(
    call: Call, engine: FakeEngine, config: Models, invoke: Callable[..., dict[str, Any]]
) -> None:
    engine.programs["one"] = serving("one")
    created(call, config("one"))
    first = next(iter(engine.made.values()))
    invoke("crash")
    assert first.ended.wait(60)

    def answered() -> bool:
        try:
            return bool(invoke()["Body"] == b"one:row")
        except ApiError as error:
            if error.code != "ServiceUnavailable":
                raise
            return False

    eventually(answered)
    assert next(iter(engine.made.values())).id != first.id
    assert described(call)["EndpointStatus"] == "InService"


def test_names_must_be_free_and_resources_there(call: Call, engine: FakeEngine, config: Models) -> None:
    engine.programs["one"] = serving("one")
    created(call, config("one"))
    with pytest.raises(ApiError, match="Cannot create already existing endpoint "):
        call.invoke("sagemaker", "CreateEndpoint", EndpointName="LAB", EndpointConfigName="config-1")
    with pytest.raises(ApiError, match="Could not find endpoint configuration "):
        call.invoke("sagemaker", "CreateEndpoint", EndpointName="other", EndpointConfigName="none")
    with pytest.raises(ApiError, match="Member must satisfy regular expression pattern"):
        call.invoke("sagemaker", "CreateEndpoint", EndpointName="no_underscore", EndpointConfigName="config-1")


def test_an_update_by_a_stack_that_a_crash_has_cut_off_is_not_begun_again(
    call: Call, engine: FakeEngine, config: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = threading.Event()
    serve = serving("two")

    def slow(container: FakeContainer) -> int:
        looked.wait(60)
        return serve(container)

    def look(call: Call, ready: Callable[[], Any]) -> Any:
        looked.set()
        return until(call, ready)

    monkeypatch.setattr(resources, "until", look)
    engine.programs["one"], engine.programs["two"] = serving("one"), slow
    endpoint = created(call, config("one"))
    wanted = config("two")
    # The crash came right after this call; the stack's operation, taken up, does the update as if for the first time.
    call.invoke("sagemaker", "UpdateEndpoint", EndpointName="lab", EndpointConfigName=wanted)
    request = ResourceRequest(
        logical_id="Endpoint",
        stack_name="lab",
        stack_id="arn:aws:cloudformation:us-east-1:000000000000:stack/lab/1",
        properties={"EndpointConfigName": wanted},
        token="t",
        physical_id=endpoint["EndpointArn"],
    )
    all_types()["AWS::SageMaker::Endpoint"].update(call, request)
    assert described(call)["EndpointConfigName"] == wanted
    with call.installation.database.reading() as rx:
        found = ENDPOINTS.get(rx, call.account, call.region, "lab")
    assert found is not None
    assert found.generation == 2
