"""HTTP as clients speak it: streaming, continuing, staying connected, hosts, unknown operations."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.server import REGION, ROOT_KEY, ROOT_SECRET, RunningServer, unique

MIB = 1 << 20


@pytest.fixture(scope="module")
def bucket(server: RunningServer) -> str:
    """A bucket that the tests of this module share."""
    name = unique("bucket")
    server.client("s3").create_bucket(Bucket=name)
    return name


class _Pieces(io.RawIOBase):
    """A stream of zeros that never is in memory whole."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + {0: 0, 1: self._at, 2: self._length}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = self._length - self._at
        count = left if size < 0 else min(size, left)
        self._at += count
        return bytes(count)


def _peak_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


def test_a_large_object_passes_with_flat_memory(server: RunningServer, bucket: str) -> None:
    s3, length = server.client("s3"), 300 * MIB
    s3.put_object(Bucket=bucket, Key="warm", Body=_Pieces(16 * MIB))
    s3.get_object(Bucket=bucket, Key="warm")["Body"].read()
    before = _peak_kib(server.pid)
    s3.put_object(Bucket=bucket, Key="large", Body=_Pieces(length), ContentLength=length)
    received = 0
    body = s3.get_object(Bucket=bucket, Key="large")["Body"]
    while piece := body.read(MIB):
        received += len(piece)
    assert received == length
    assert _peak_kib(server.pid) - before < 100 * 1024
    s3.delete_object(Bucket=bucket, Key="large")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_trailing_checksums_of_boto3(server: RunningServer, bucket: str, algorithm: str) -> None:
    s3, content = server.client("s3"), b"some content" * 100_000
    put = s3.put_object(Bucket=bucket, Key=algorithm, Body=io.BytesIO(content), ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
    assert got["Body"].read() == content
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert "ContentEncoding" not in got


def test_an_upload_that_breaks_off_is_not_kept(server: RunningServer, bucket: str) -> None:
    request = AWSRequest(method="PUT", url=f"{server.url}/{bucket}/broken", data=b"x" * 1000)
    S3SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "s3", REGION).add_auth(request)
    lines = [f"PUT /{bucket}/broken HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Content-Length: 1000"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + b"x" * 500)
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="after", Body=b"")
    assert "broken" not in [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]


def test_an_answer_that_nobody_waits_for_is_given_up(server: RunningServer, bucket: str) -> None:
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="unwanted", Body=_Pieces(64 * MIB))
    body = s3.get_object(Bucket=bucket, Key="unwanted")["Body"]
    body.read(10)
    body.close()
    log = server.data_directory / "logs" / "access.log"
    deadline = time.monotonic() + 120
    while " s3 GetObject 499 " not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_body_is_asked_for_only_when_it_is_wanted(server: RunningServer) -> None:
    """`Expect: 100-continue`: a request that is refused is answered before its body is sent."""
    missing = unique("missing")
    request = AWSRequest(method="PUT", url=f"{server.url}/{missing}/key", data=b"x" * 10)
    S3SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "s3", REGION).add_auth(request)
    lines = [f"PUT /{missing}/key HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Content-Length: 10"]
    lines += ["Expect: 100-continue", *(f"{name}: {value}" for name, value in request.headers.items())]
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 404")


def test_a_connection_serves_many_requests(server: RunningServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    ports = set()
    for _ in range(3):
        connection.request("GET", "/_boatyard/health")
        with connection.getresponse() as answer:
            assert answer.read()
        ports.add(connection.sock.getsockname())
    connection.close()
    assert len(ports) == 1


def test_virtual_host_style(server: RunningServer, bucket: str) -> None:
    """The bucket is in the host's name, as clients put it there for amazonaws.com."""
    host, path = f"{bucket}.s3.us-east-1.amazonaws.com", "/virtual/key%20one"
    url = f"http://{host}{path}"
    for method, content in (("PUT", b"hello"), ("GET", b"")):
        request = AWSRequest(method=method, url=url, data=content)
        S3SigV4Auth(Credentials(ROOT_KEY, ROOT_SECRET), "s3", REGION).add_auth(request)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request(method, path, body=content, headers={**dict(request.headers.items()), "Host": host})
        with connection.getresponse() as answer:
            body = answer.read()
            assert answer.status == 200, body
        connection.close()
    assert body == b"hello"
    assert server.client("s3").get_object(Bucket=bucket, Key="virtual/key one")["Body"].read() == b"hello"


def test_an_unsigned_caller_gets_nothing_from_s3(server: RunningServer, bucket: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", f"/{bucket}/after")
    with connection.getresponse() as answer:
        assert (answer.status, b"<Code>AccessDenied</Code>" in answer.read()) == (403, True)
    connection.close()


def test_errors_of_head_requests_have_no_body(server: RunningServer, bucket: str) -> None:
    with pytest.raises(ClientError) as refused:
        server.client("s3").head_object(Bucket=bucket, Key="not there")
    metadata = refused.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 404
    assert metadata["HTTPHeaders"]["x-amz-request-id"]


@pytest.mark.parametrize(
    ("service", "method", "params", "said"),
    [
        ("logs", "start_query", {"startTime": 1, "endTime": 2, "queryString": "x"}, "logs:StartQuery"),
        ("dynamodb", "list_tables", {}, "ListTables"),
        ("s3", "get_object_torrent", {"Bucket": "bbb", "Key": "k"}, "s3:GetObjectTorrent"),
    ],
)
def test_what_is_not_there_answers_501(
    server: RunningServer, service: str, method: str, params: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(server.client(service), method)(**params)
    response = refused.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == ("NotImplemented", 501)
    assert said in response["Error"]["Message"]


def test_requests_that_break_the_model(server: RunningServer) -> None:
    logs = server.client("logs", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as refused:
        logs.create_log_group()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "logGroupName" in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as refused:
        logs.create_log_group(logGroupName=7)
    assert refused.value.response["Error"]["Code"] == "SerializationException"


def test_what_was_sent_is_what_is_read(server: RunningServer, bucket: str) -> None:
    s3, content = server.client("s3"), hashlib.sha256(b"seed").digest() * 100_000
    s3.put_object(Bucket=bucket, Key="same", Body=content)
    assert s3.get_object(Bucket=bucket, Key="same", Range="bytes=7-99")["Body"].read() == content[7:100]
    assert hashlib.md5(s3.get_object(Bucket=bucket, Key="same")["Body"].read()).digest() == (
        hashlib.md5(content).digest()
    )


def _send_compressed(server: RunningServer, body: bytes) -> tuple[int, bytes]:
    """DescribeLogGroups as botocore sends what it compresses: signed over the compressed bytes."""
    headers = {"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Encoding": "gzip"}
    signed = server.signed("POST", "/", service="logs", body=body, headers=headers)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/", body=body, headers=dict(signed.headers.items()))
    with connection.getresponse() as answer:
        content = answer.read()
    connection.close()
    return answer.status, content


def test_a_body_that_the_client_compressed(server: RunningServer) -> None:
    assert _send_compressed(server, gzip.compress(b'{"logGroupNamePrefix": "none-begins-so"}')) == (
        200,
        b'{"logGroups":[]}',
    )


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"{}")[:-4]])
def test_a_body_that_is_not_compressed_as_it_says(server: RunningServer, body: bytes) -> None:
    status, content = _send_compressed(server, body)
    assert (status, b"SerializationException" in content) == (400, True)
