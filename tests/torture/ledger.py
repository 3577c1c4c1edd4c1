"""A client that writes all the time, and notes outside of the server what it was told is kept.

Every writer does one thing after another; what is not acknowledged is tried again after the server is back. What was
acknowledged must be there in the end, whole; what was not may be there or not, but never half.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from botocore.exceptions import BotoCoreError, ClientError

from tests.services.ecr.registry_client import EMPTY, Registry, digest_of, manifest_of
from tests.torture.checks import events
from tests.torture.lab import TrappedServer

BUCKET, GROUP, STREAM, REPOSITORY, IMAGES, PARAMETER = (
    "ledger-objects", "/ledger", "lines", "ledger-sources", "ledger-images", "/ledger/parameter",
)  # fmt: skip
KEYS = 6
PART = 5 * 1024 * 1024
FAILURES = (BotoCoreError, ClientError, KeyError, OSError, requests.RequestException, subprocess.CalledProcessError)
PAUSES = {"object": 0.3, "lines": 0.3, "parameter": 0.5, "commit": 2.0, "image": 3.0, "parts": 6.0}
"""Seconds between one thing and the next."""


class Ledger:
    """Writers of objects, uploads, commits, lines, parameters and images, and their notes."""

    def __init__(self, server: TrappedServer, directory: Path, seed: int) -> None:
        self._server = server
        self._directory = directory
        self._file = directory / "ledger.jsonl"
        self._dice = random.Random(seed)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._remote = ""
        self.acknowledged = 0

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._server.client(service)
        return self._clients[service]

    def prepare(self) -> None:
        """Make what the writers write into."""
        client = self._client
        client("s3").create_bucket(Bucket=BUCKET)
        client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        client("logs").create_log_group(logGroupName=GROUP)
        client("logs").create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
        client("codecommit").create_repository(repositoryName=REPOSITORY)
        client("ecr").create_repository(repositoryName=IMAGES)
        self._remote = self._address(client("iam"))
        self._git("init", "--quiet", "--initial-branch", "main", str(self._work_tree), inside=False)

    def _address(self, iam: Any) -> str:
        """The repository's address, with the password of a user who may push."""
        iam.create_user(UserName="ledger")
        iam.attach_user_policy(UserName="ledger", PolicyArn="arn:aws:iam::aws:policy/AWSCodeCommitPowerUser")
        made = iam.create_service_specific_credential(UserName="ledger", ServiceName="codecommit.amazonaws.com")
        found = made["ServiceSpecificCredential"]
        login = f"{quote(found['ServiceUserName'], safe='')}:{quote(found['ServicePassword'], safe='')}"
        return f"http://{login}@127.0.0.1:{self._server.port}/v1/repos/{REPOSITORY}"

    @contextlib.contextmanager
    def writing(self) -> Iterator[Ledger]:
        """Write as long as the block lasts."""
        writers = {
            "object": self._put_object, "lines": self._put_lines, "parameter": self._put_parameter,
            "commit": self._push, "image": self._push_image, "parts": self._put_parts,
        }  # fmt: skip
        self._threads = [
            threading.Thread(target=self._write, args=(writer, PAUSES[kind]), name=f"ledger {kind}", daemon=True)
            for kind, writer in writers.items()
        ]
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(120)
                assert not thread.is_alive(), thread.name

    def _write(self, writer: Callable[[int], dict[str, Any]], pause: float) -> None:
        number = 0
        while not self._stop.wait(pause):
            number += 1
            deaths = self._server.settled_deaths()
            try:
                self._note(writer(number))
            except FAILURES as error:
                # Only a server that dies may fail, or cut its answer off.
                if not self._server.died_since(deaths):
                    self._note({"kind": "refused", "error": f"{writer.__name__} {number}: {error!r}"})

    def _note(self, entry: dict[str, Any]) -> None:
        with self._lock, self._file.open("a") as file:
            file.write(json.dumps(entry) + "\n")
            self.acknowledged += 1

    def _content(self, kind: str, number: int, size: int) -> bytes:
        return (f"{kind} {number} " + self._dice.randbytes(16).hex() * (size // 32 + 1)).encode()[:size]

    def _put_object(self, number: int) -> dict[str, Any]:
        key = f"object-{number % KEYS}"
        content = self._content(key, number, self._dice.choice([100, 20_000, 300_000]))
        answer = self._client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
        return {"kind": "object", "key": key, "version": answer["VersionId"], "sha256": sha256(content)}

    def _put_parts(self, number: int) -> dict[str, Any]:
        s3, key = self._client("s3"), f"parts-{number}"
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        place = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
        pieces = [self._content(key, number, PART), self._content(key, number, 1000)]
        parts = [
            {"PartNumber": at, "ETag": s3.upload_part(**place, PartNumber=at, Body=piece)["ETag"]}
            for at, piece in enumerate(pieces, start=1)
        ]
        answer = s3.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
        return {"kind": "object", "key": key, "version": answer["VersionId"], "sha256": sha256(b"".join(pieces))}

    def _put_lines(self, number: int) -> dict[str, Any]:
        lines = [f"line {number} {each}" for each in range(3)]
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines]
        self._client("logs").put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=events)
        return {"kind": "lines", "lines": lines}

    def _put_parameter(self, number: int) -> dict[str, Any]:
        answer = self._client("ssm").put_parameter(Name=PARAMETER, Value=str(number), Type="String", Overwrite=True)
        return {"kind": "parameter", "version": answer["Version"], "value": str(number)}

    @property
    def _work_tree(self) -> Path:
        return self._directory / "ledger-work"

    def _push(self, number: int) -> dict[str, Any]:
        (self._work_tree / "file.txt").write_text(f"{number}\n" + self._dice.randbytes(2000).hex())
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", str(number))
        commit = self._git("rev-parse", "HEAD").strip()
        self._git("push", "--quiet", self._remote, "main")
        return {"kind": "commit", "commit": commit}

    def _git(self, *arguments: str, inside: bool = True) -> str:
        roles = [f"{each}_{what}" for each in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")]
        who = {f"GIT_{role}": "ledger@example.com" for role in roles}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self._work_tree if inside else None,
            env=self._server.environment(**who, GIT_TERMINAL_PROMPT="0"),
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout

    def _registry(self) -> Registry:
        token = self._client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return Registry(self._server.url, IMAGES, base64.b64decode(token).decode().removeprefix("AWS:"))

    def _push_image(self, number: int) -> dict[str, Any]:
        registry, layer = self._registry(), self._content("layer", number, 200_000)
        for blob in (EMPTY, layer):
            where = {"digest": digest_of(blob)}
            if registry.ask("POST", "blobs/uploads/", params=where, data=blob).status_code != 201:
                raise ConnectionError("the layer was not taken")
        manifest = manifest_of(EMPTY, layer)
        if registry.push_manifest(f"tag-{number}", manifest).status_code != 201:
            raise ConnectionError("the manifest was not taken")
        return {"kind": "image", "tag": f"tag-{number}", "manifest": manifest.decode(), "layer": sha256(layer)}

    def missing(self) -> list[str]:
        """What was acknowledged and is not there, or not whole."""
        entries = [json.loads(line) for line in self._file.read_text().splitlines()]
        wrong = [entry["error"] for entry in entries if entry["kind"] == "refused"]
        wrong += self._missing_objects([entry for entry in entries if entry["kind"] == "object"])
        wrong += self._missing_lines([line for entry in entries if entry["kind"] == "lines" for line in entry["lines"]])
        wrong += self._missing_parameters([entry for entry in entries if entry["kind"] == "parameter"])
        wrong += self._missing_commits([entry["commit"] for entry in entries if entry["kind"] == "commit"])
        wrong += self._missing_images([entry for entry in entries if entry["kind"] == "image"])
        kinds = {entry["kind"] for entry in entries}
        return wrong if len(kinds) == 5 else [*wrong, f"only {kinds} were ever acknowledged"]

    def _missing_objects(self, entries: list[dict[str, Any]]) -> list[str]:
        s3, wrong = self._client("s3"), []
        for entry in entries:
            try:
                body = s3.get_object(Bucket=BUCKET, Key=entry["key"], VersionId=entry["version"])["Body"].read()
            except ClientError as error:
                wrong.append(f"{entry['key']} {entry['version']}: {error}")
                continue
            if sha256(body) != entry["sha256"]:
                wrong.append(f"{entry['key']} {entry['version']} has another content")
        # What was never acknowledged is there whole or not at all: every version that is listed can be read.
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET):
            for each in page.get("Versions", []):
                body = s3.get_object(Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"])["Body"].read()
                if len(body) != each["Size"]:
                    wrong.append(f"{each['Key']} has {len(body)} of {each['Size']} bytes")
        return wrong

    def _missing_lines(self, lines: list[str]) -> list[str]:
        found = events(self._client("logs"), GROUP, STREAM)
        wrong = [f"log line lost: {line}" for line in sorted(set(lines) - set(found))]
        return wrong + [f"log line doubled: {line}" for line in sorted(set(found)) if found.count(line) > 1]

    def _missing_parameters(self, entries: list[dict[str, Any]]) -> list[str]:
        pages = self._client("ssm").get_paginator("get_parameter_history").paginate(Name=PARAMETER)
        found = {each["Version"]: each["Value"] for page in pages for each in page["Parameters"]}
        oldest = min(found)
        return [
            f"parameter version {entry['version']} is {found.get(entry['version'])}, not {entry['value']}"
            for entry in entries
            if entry["version"] >= oldest and found.get(entry["version"]) != entry["value"]
        ]

    def _missing_commits(self, commits: list[str]) -> list[str]:
        clone = self._directory / "ledger-clone"
        self._git("clone", "--quiet", self._remote, str(clone), inside=False)
        self._git("-C", str(clone), "fsck", "--strict")
        there = self._git("-C", str(clone), "rev-list", "origin/main").split()
        wrong = [f"commit {commit} is lost" for commit in commits if commit not in there]
        head = self._client("codecommit").get_branch(repositoryName=REPOSITORY, branchName="main")
        if head["branch"]["commitId"] != there[0]:
            wrong.append("the API and git do not say the same of main")
        return wrong

    def _missing_images(self, entries: list[dict[str, Any]]) -> list[str]:
        registry, wrong = self._registry(), []
        for entry in entries:
            if registry.ask("GET", f"manifests/{entry['tag']}").text != entry["manifest"]:
                wrong.append(f"the image {entry['tag']} is lost")
            elif sha256(registry.ask("GET", f"blobs/sha256:{entry['layer']}").content) != entry["layer"]:
                wrong.append(f"the layer of {entry['tag']} is lost")
        return wrong


def sha256(content: bytes) -> str:
    """The digest in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
