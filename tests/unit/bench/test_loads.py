"""What is made of the requests that are sent and of what wrk prints."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import loads, prepared
from bench.loads import Load, LoadFailed
from bench.s3_listing import spread
from bench.sides import Side

PRINTED = """Running 1s test @ http://127.0.0.1:4566
  1234 requests in 0.50s, 1.70MB read
{"requests": 1234, "microseconds": 500000, "bytes": 2527232, "p50": 1500, "p99": 12000, %s}
"""
NO_ERRORS = '"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0'
SIDE = Side("side", "http://127.0.0.1:9", ("AKIAEXAMPLE", "secret"))


def test_what_wrk_prints_becomes_rates_and_milliseconds() -> None:
    load = loads.parse(PRINTED % NO_ERRORS, "moto", least_bytes=1024)
    assert load == Load(requests=1234, seconds=0.5, received=2527232, p50=1.5, p99=12.0)
    assert load.rate == 2468
    assert load.received_rate == pytest.approx(4.82, abs=0.01)


@pytest.mark.parametrize(
    ("printed", "least", "told"),
    [
        (PRINTED % NO_ERRORS.replace('"status": 0', '"status": 7'), 0, "7 status"),
        (PRINTED % NO_ERRORS.replace('"read": 0', '"read": 2'), 0, "2 read"),
        (PRINTED % NO_ERRORS, 4096, "1234 requests of 4096 each"),
        ("unable to connect to 127.0.0.1:1 Connection refused\n", 0, "Connection refused"),
    ],
)
def test_a_run_with_wrong_answers_counts_for_nothing(printed: str, least: int, told: str) -> None:
    with pytest.raises(LoadFailed, match=told):
        loads.parse(printed, "moto", least_bytes=least)


def test_a_run_with_too_few_answers_is_made_again(tmp_path: Path) -> None:
    program = tmp_path / "wrk"
    count = tmp_path / "count"
    # Each time it is run it says that more was answered.
    program.write_text(
        f"""#!/bin/sh
echo x >> {count}
echo started
echo '{{"requests": '$(($(wc -l < {count}) * 20 - 20))', "microseconds": 300000, "bytes": 1, "p50": 1, "p99": 1,' \\
    '"connect": 0, "read": 0, "write": 0, "status": 0, "timeout": 0}}'
"""
    )
    program.chmod(0o755)
    wrk = loads.Wrk(program, dict(os.environ))
    load = wrk.run("moto", "http://127.0.0.1:1", tmp_path / "requests", connections=16, seconds=15.0)
    assert load.requests == 40
    count.unlink()
    with pytest.raises(LoadFailed, match="moto answered 0 requests"):
        wrk.run("moto", "http://127.0.0.1:1", tmp_path / "requests", connections=16, seconds=31.0)


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        length = len(self.rfile.read(int(self.headers["Content-Length"])))
        missing = self.path.startswith("/missing")
        self.send_response(404 if missing else 200)
        body = b"no such thing" if missing else b"x" * length
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.path.startswith("/closing")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def test_a_fixed_number_of_requests_is_sent_over_kept_connections(server: str) -> None:
    requests = [prepared.to_url(f"{server}/{number}", "PUT", b"y" * 10) for number in range(20)]
    load = loads.fixed("side", server, requests, connections=4, least_bytes=10)
    assert (load.requests, load.received) == (20, 200)
    assert 0 < load.p50 <= load.p99
    assert loads.answer("side", server, requests[0]) == b"x" * 10
    with pytest.raises(LoadFailed, match="side answered 404 and 13 bytes: no such thing"):
        loads.fixed("side", server, [prepared.to_url(f"{server}/missing", "PUT")], connections=1)
    with pytest.raises(LoadFailed, match="200 and 10 bytes"):
        loads.fixed("side", server, requests, connections=2, least_bytes=11)


def test_calls_are_counted_until_the_time_is_over_and_failures_are_told() -> None:
    load = loads.calls(lambda thread, count: 5, threads=2, seconds=0.05)
    assert load.received == 5 * load.requests > 0

    def fail(thread: int, count: int) -> int:
        raise LoadFailed("wrong answer")

    with pytest.raises(LoadFailed, match="wrong answer"):
        loads.calls(fail, threads=2, seconds=0.05)


def test_runs_of_all_sides_are_kept_in_turn_with_the_medians_of_latencies() -> None:
    counts = iter(range(1, 9))

    def one() -> Load:
        return Load(requests=10, seconds=1, received=0, p50=float(next(counts)), p99=20.0)

    found = loads.in_turn({"a": one, "b": one}, runs=3)
    assert [each.p50 for each in found["a"]] == [3, 5, 7]
    assert loads.latency(found) == {"a": (5.0, 20.0), "b": (6.0, 20.0)}


def test_a_call_of_boto3_is_kept_and_not_sent() -> None:
    client = SIDE.client("cloudwatch", protocol="smithy-rpc-v2-cbor")
    requests = prepared.several(2, lambda: prepared.of_call(client, "describe_alarms", AlarmNames=["a"]))
    head, _, rest = requests[0].head.partition(b"\r\n")
    assert head == b"POST /service/GraniteServiceVersion20100801/operation/DescribeAlarms HTTP/1.1"
    assert b"\r\nHost: 127.0.0.1:9\r\n" in b"\r\n" + rest
    assert b"AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/" in rest
    assert requests[0].body == requests[1].body != b""
    assert requests[0].head != requests[1].head, "each is signed anew"
    json = prepared.of_call(SIDE.client("cloudwatch", protocol="json"), "describe_alarms")
    assert b"application/x-amz-json-1.0" in json.head


def test_prepared_requests_are_written_with_their_lengths(tmp_path: Path) -> None:
    request = prepared.to_url("http://127.0.0.1:1/bucket/key?X-Amz-Signature=1", "PUT", b"body")
    written = prepared.write(tmp_path / "requests", [request, request]).read_bytes()
    one = b"PUT /bucket/key?X-Amz-Signature=1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Length: 4\r\n\r\nbody"
    assert written == b"%d\n%b" % (len(one), one) * 2


def test_pages_are_taken_from_all_parts_of_a_list() -> None:
    pages = [prepared.to_url(f"http://127.0.0.1:1/{number}") for number in range(10)]
    assert [pages.index(page) for page in spread(pages, 4)] == [0, 2, 5, 7]
    assert spread(pages, 10) == pages
    assert spread(pages, 16) == pages + pages[:6]
