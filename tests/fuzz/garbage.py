"""Requests that are broken on the wire: in their head, their body, their length, their encoding, or their end."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

from tests.fuzz.values import STRINGS
from tests.fuzz.world import World
from tests.signing import Draft

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "'
    + b"ha" * 100
    + b'">'
    + b"".join(b'<!ENTITY %c "%b">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(8))
    + b"]><x>&i;</x>"
)
_JSON_TARGETS = (
    "Logs_20140328.DescribeLogGroups",
    "TrentService.ListKeys",
    "SageMaker.ListModels",
    "AWSEvents.ListRules",
)


@dataclass(frozen=True)
class Garbage:
    """Bytes for the wire. `ends` says that the connection is closed by us after them, without waiting for an answer."""

    label: str
    data: bytes
    method: str = "GET"
    answers: int = 1
    ends: bool = False
    half_closes: bool = False


_BODIES = (
    b"{",
    b'{"a": 1}}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"limit": 1e99999}',
    b'{"limit": ' + b"9" * 5000 + b"}",
    b'{"a": "\\ud800"}',
    b'{"a": "\xff\xfe"}',
    b'{"limit": 1, "limit": 2}',
    b"null",
    b'"text"',
    b"\x00" * 1000,
    b"",
    BOMB,
    BOMB.decode().encode("utf-16"),
    b'<?xml version="1.0" encoding="utf-7"?><x/>',
    b"<a>" * 100_000,
    b"<x xmlns:a='b' a:c='d'><y></x></y>",
    b"<x>&#0;</x>",
    b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
    b"Action=ListUsers&Version=2010-05-08&" + b"a.1.member.1=" * 2000,
    b"Action=ListUsers&Version=2010-05-08&MaxItems=%zz&%=%&=&&=&Marker=%ff",
    b"Action=GetCallerIdentity&Action=ListUsers&Version=2011-06-15",
    b"Action=CreateRole&Version=2010-05-08&Tags.member.99999999999=1&Tags.member.-1.Key=a&Tags..Key=x&Tags=1",
    b"Action=" + b"A" * 10_000 + b"&Version=2010-05-08",
    b"\xa1" * 1000,
    b"\xbf\xff",
    b"\x9f" * 5000,
    b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xc1\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    gzip.compress(b"{}"),
    gzip.compress(b" " * 20_000_000, 1),
    gzip.compress(b"{}")[:-4],
)
"""Bodies that are none."""


def bodies(random: Random, world: World) -> tuple[Draft, str]:
    """A well-formed head for some service over a body that nobody can read. Not yet signed; and its protocol."""
    body = random.choice(_BODIES) if random.random() < 0.9 else random.randbytes(200)
    head = {"host": world.host}
    kind = random.choice(["json", "query", "rest-xml", "rest-json", "cbor"])
    if kind == "json":
        head |= {"content-type": "application/x-amz-json-1.1", "x-amz-target": random.choice(_JSON_TARGETS)}
        target, service = head["x-amz-target"], ""
        service = {"Logs": "logs", "Tren": "kms", "Sage": "sagemaker", "AWSE": "events"}[target[:4]]
        draft, protocol = Draft("POST", "/", service, head, body), "json"
    elif kind == "query":
        head["content-type"] = "application/x-www-form-urlencoded"
        draft, protocol = (
            Draft("POST", "/", random.choice(["iam", "sts", "sns", "cloudformation"]), head, body),
            "query",
        )
    elif kind == "rest-xml":
        what = random.choice(["tagging", "versioning", "lifecycle", "cors", "policy", "notification", "delete", "acl"])
        method = "POST" if what == "delete" else "PUT"
        draft, protocol = Draft(method, f"/fuzz-bucket?{what}", "s3", head, body), "rest-xml"
    elif kind == "rest-json":
        head["content-type"] = "application/json"
        draft, protocol = Draft("POST", "/2015-03-31/functions", "lambda", head, body), "rest-json"
    else:
        head |= {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        path = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
        draft, protocol = Draft("POST", path, "monitoring", head, body), "smithy-rpc-v2-cbor"
    if random.random() < 0.2:
        draft.headers["content-encoding"] = random.choice(["gzip", "deflate", "gzip, gzip", "aws-chunked", "x"])
    if random.random() < 0.2:
        # Services are told apart by it too: any of them may answer.
        draft.headers["content-type"] = random.choice(["", "text/html", "multipart/form-data", "application/json; a=b"])
        protocol = "any"
    return draft, protocol


def heads(random: Random, world: World) -> tuple[Draft, str]:
    """A request whose head is odd: unknown services, targets, versions, regions, paths. Not yet signed."""
    strange = quote(random.choice(STRINGS)[:2000].encode("utf-8", "surrogatepass"))
    head = {"host": world.host}
    kind = random.choice(["target", "service", "version", "path", "cbor", "host", "many", "large", "region"])
    if kind == "target":
        target = random.choice(
            ["", ".", "Logs_20140328.", "Logs_20140328.Nothing", "No.Such.Thing", f"SageMaker.{strange}"]
        )
        return Draft("POST", "/", "logs", head | {"x-amz-target": target}, b"{}"), "json" if target else "any"
    if kind == "service":
        service = random.choice(["ec2", "dynamodb", "sqs", "", "x" * 300, f"unknown-{random.randrange(10**9)}"])
        return Draft(random.choice(["GET", "POST"]), f"/{strange}", service, head), "any"
    if kind == "version":
        body = f"Action=ListUsers&Version={strange}".encode()
        content = {"content-type": "application/x-www-form-urlencoded"}
        return Draft("POST", "/", random.choice(["iam", "unknown"]), head | content, body), "any"
    if kind == "cbor":
        path = random.choice(["/service/X/operation/Y", f"/service/{strange}/operation/", "/", "/service//operation/"])
        return Draft("POST", path, "monitoring", head | {"smithy-protocol": "rpc-v2-cbor"}, b"\xa0"), "any"
    if kind == "host":
        host = random.choice(
            [
                "",
                "[",
                "[::1]:4566",
                "a" * 300,
                "-.s3.amazonaws.com",
                "fuzz-bucket.s3.localhost",
                "..s3.localhost",
                "\u00e4",
            ]
        )
        return Draft("GET", f"/{strange}", "s3", {"host": host}), "any"
    if kind == "many":
        return Draft("GET", "/", "s3", head | {f"x-h{number}": "v" for number in range(900)}), "any"
    if kind == "large":
        return Draft("GET", "/", "s3", head | {"x-amz-meta-large": "v" * random.choice([9000, 70_000, 300_000])}), "any"
    method = random.choice(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"])
    return Draft(
        method, f"/{strange}/%2e%2e/?{strange}&{strange}={strange}", random.choice(["s3", "lambda"]), head
    ), "any"


def git_and_registry(random: Random, world: World) -> Garbage:
    """Requests to the doors of git and of the registry, with passwords right and wrong."""
    strange = quote(random.choice(STRINGS)[:500].encode("utf-8", "surrogatepass"))
    name = random.choice(["fuzz-repository", "none", strange, "..", "fuzz-repository/.."])
    digest = random.choice(["sha256:" + "0" * 64, "sha256:zz", strange, "latest", "sha512:" + "0" * 128])
    if random.random() < 0.4:
        service = random.choice(["git-upload-pack", "git-receive-pack", "git-evil", strange])
        paths = [f"info/refs?service={service}", service, "HEAD", "objects/info/packs", "../../credentials", strange]
        path = f"/v1/repos/{name}/{random.choice(paths)}"
    else:
        endings = [
            "", f"{name}/tags/list", f"{name}/tags/list?n={strange}", f"{name}/manifests/{digest}",
            f"{name}/blobs/{digest}", f"{name}/blobs/uploads/", f"{name}/blobs/uploads/{strange}",
            f"{name}/blobs/uploads/?mount={digest}&from={name}", "_catalog", strange,
        ]  # fmt: skip
        path = f"/v2/{random.choice(endings)}"
    method = random.choice(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    passwords = [world.registry_password, base64.b64encode(b"AWS:wrong").decode(), "!", ""]
    authorization = random.choice([f"Basic {random.choice(passwords)}", "Bearer x", ""])
    body = random.choice(
        [b"", b"{}", b"0000", b"0032git-upload-pack", json.dumps({"schemaVersion": 2}).encode(), b"\x1f\x8b"]
    )
    kinds = ["application/x-git-upload-pack-request", "application/vnd.oci.image.manifest.v1+json", "x"]
    head = f"host: {world.host}\r\ncontent-type: {random.choice(kinds)}\r\ncontent-length: {len(body)}\r\n"
    head += f"authorization: {authorization}\r\n" if authorization else ""
    head += f"content-range: {random.choice(['0-1', 'x', '5-1', '9' * 50])}\r\n" if random.random() < 0.2 else ""
    head += "content-encoding: gzip\r\n" if random.random() < 0.1 else ""
    data = f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body
    return Garbage(f"{method} {path[:60]}", data, method)


def lines(random: Random, world: World, signed: Draft) -> Garbage:
    """HTTP that is broken or cut; `signed` is a good request."""
    label = random.choice([*_ANSWERED, *_NOT_WAITED_FOR])
    good, host = signed.to_bytes(), f"host: {world.host}\r\n".encode("latin-1")
    start = f"{signed.method} {signed.target} HTTP/1.1\r\n".encode("latin-1")
    head = start + "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items()).encode("latin-1")
    body = signed.body
    if label in ("cut", "no request", "an old version"):
        data = {
            "cut": good[: random.randrange(1, len(good))],
            "no request": random.randbytes(random.randrange(1, 300)),
            "an old version": good.replace(b"HTTP/1.1", random.choice([b"HTTP/1.0", b"HTTP/9.9", b"HTTP/2", b"X"]), 1),
        }[label]
        return Garbage(label, data, ends=True)
    if label == "three at once":
        return Garbage(label, good * 3, signed.method, answers=3)
    written = {**_ANSWERED, **_NOT_WAITED_FOR}[label]
    chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    parts = {
        b"HEAD": head,
        b"BODY": body,
        b"LENGTH": b"%d" % len(body),
        b"CHUNK": chunk,
        b"HOST": host,
        b"LONG": b"b" * 2_000_000,
    }
    data = b"".join(parts.get(part, part) for part in written.split(b"|"))
    method = signed.method if b"HEAD" in written else "GET"
    return Garbage(label, data, method, ends=label in _NOT_WAITED_FOR, half_closes=label == "half closed")


_ANSWERED = {
    "half closed": b"HEAD|content-length: 9999999\r\n\r\n|BODY",
    "chunked": b"HEAD|transfer-encoding: chunked\r\n\r\n|CHUNK|0\r\n\r\n",
    "bad chunk": b"HEAD|transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "waits": b"HEAD|expect: 100-continue\r\ncontent-length: |LENGTH|\r\n\r\n|BODY",
    "expects nonsense": b"HEAD|expect: nonsense\r\ncontent-length: |LENGTH|\r\n\r\n|BODY",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a whole address": b"GET http://127.0.0.1/fuzz-bucket HTTP/1.1\r\n|HOST|\r\n",
    "a star": b"OPTIONS * HTTP/1.1\r\n|HOST|\r\n",
    "three at once": b"",
}
"""What the server owes an answer, or the end of the connection."""
_NOT_WAITED_FOR = {
    "cut": b"",
    "no request": b"",
    "an old version": b"",
    "cut body": b"HEAD|content-length: 9999999\r\n\r\n|BODY",
    "chunked and cut": b"HEAD|transfer-encoding: chunked\r\n\r\nff\r\nabc",
    "both lengths": b"HEAD|content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HEAD|content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "no number": b"HEAD|content-length: -1\r\n\r\n",
    "a huge length": b"HEAD|content-length: 99999999999999999999\r\n\r\n",
    "connect": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n|HOST|\r\n",
    "upgrade": b"GET / HTTP/1.1\r\n|HOST|connection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "h2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\n|HOST|x-a: b\r\n c\r\n\r\n",
    "a header with a NUL": b"GET / HTTP/1.1\r\n|HOST|x-a: b\x00c\r\n\r\n",
    "a blank in a name": b"GET / HTTP/1.1\r\n|HOST|x a: b\r\n\r\n",
    "an endless head": b"GET / HTTP/1.1\r\n|HOST|x-a: |LONG",
}
"""What is sent before the connection is ended at once."""
