"""The CGI side of git over HTTP: what git is told of a request, and how its head is read."""

from pathlib import Path
from typing import Any

from boatyard.services.codecommit.backend import GitRequest, cgi_environment, parse_head


def scope(**headers: str) -> dict[str, Any]:
    """An ASGI scope of a POST with headers."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"method": "POST", "query_string": b"service=x", "headers": raw, "client": ("10.0.0.1", 1)}


def test_git_sees_the_repository_and_few_headers(monkeypatch: Any) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    request = GitRequest(Path("/data/git/id.git"), "/git-upload-pack", "arn:aws:iam::0:root")
    seen = cgi_environment(scope(content_encoding="gzip", proxy="http://evil", git_protocol="version=2"), request)
    assert (seen["GIT_PROJECT_ROOT"], seen["PATH_INFO"]) == ("/data/git", "/id.git/git-upload-pack")
    assert (seen["HTTP_CONTENT_ENCODING"], seen["HTTP_GIT_PROTOCOL"]) == ("gzip", "version=2")
    assert (seen["REMOTE_USER"], seen["REMOTE_ADDR"]) == ("arn:aws:iam::0:root", "10.0.0.1")
    assert not {"HTTP_PROXY", "GIT_DIR", "AWS_SECRET_ACCESS_KEY", "CONTENT_LENGTH"} & seen.keys()
    assert (seen["GIT_CONFIG_NOSYSTEM"], seen["GIT_CONFIG_GLOBAL"]) == ("1", "/dev/null")
    pairs = {
        seen[f"GIT_CONFIG_KEY_{at}"]: seen[f"GIT_CONFIG_VALUE_{at}"] for at in range(int(seen["GIT_CONFIG_COUNT"]))
    }
    assert (pairs["core.hooksPath"], pairs["receive.fsckObjects"], pairs["core.fsync"]) == ("/dev/null", "true", "all")


def test_a_head_without_a_status_is_a_success() -> None:
    assert parse_head(b"Content-Type: text/plain\r\nCache-Control: no-cache\r\n\r\n") == (
        200,
        [(b"content-type", b"text/plain"), (b"cache-control", b"no-cache")],
    )
    assert parse_head(b"Status: 404 Not Found\r\n\r\n") == (404, [])
