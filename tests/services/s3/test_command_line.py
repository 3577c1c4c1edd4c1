"""The AWS CLI's s3 commands: mb, cp, sync, ls, presign, rb."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

from tests.server import RunningServer, unique


def _aws(server: RunningServer, *arguments: str) -> str:
    done = subprocess.run(
        ["aws", "s3", *arguments], env=server.environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_story_of_the_aws_cli(server: RunningServer, tmp_path: Path) -> None:
    bucket = unique("cli")
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "sub").mkdir(parents=True)
    (source / "one.txt").write_text("one")
    (source / "sub" / "large.bin").write_bytes(b"0123456789" * 1_000_000)
    assert f"make_bucket: {bucket}" in _aws(server, "mb", f"s3://{bucket}")
    _aws(server, "cp", str(source / "one.txt"), f"s3://{bucket}/copied.txt", "--metadata", "a=b")
    _aws(server, "sync", str(source), f"s3://{bucket}/tree")
    assert _aws(server, "sync", str(source), f"s3://{bucket}/tree") == ""
    listed = _aws(server, "ls", f"s3://{bucket}/", "--recursive")
    assert [line.split()[-1] for line in listed.splitlines()] == ["copied.txt", "tree/one.txt", "tree/sub/large.bin"]
    _aws(server, "cp", f"s3://{bucket}/tree", f"s3://{bucket}/again", "--recursive")
    _aws(server, "sync", f"s3://{bucket}/again", str(target))
    assert (target / "sub" / "large.bin").read_bytes() == (source / "sub" / "large.bin").read_bytes()
    with urllib.request.urlopen(_aws(server, "presign", f"s3://{bucket}/copied.txt").strip(), timeout=60) as answer:
        assert answer.read() == b"one"
    _aws(server, "rb", f"s3://{bucket}", "--force")
    assert bucket not in _aws(server, "ls")
