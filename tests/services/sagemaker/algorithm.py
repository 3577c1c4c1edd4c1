"""The algorithm of these tests after the "bring your own" contract: `train` and `serve` in one Python program.

What it does is said by hyperparameters (train) and by the model's words (serve), so that one image is enough.
"""

import http.server
import json
import os
import pathlib
import signal
import sys
import time
import urllib.request

ML = pathlib.Path("/opt/ml")


def train() -> int:
    """Reads the channel, prints metrics, leaves a model; or fails as `mode` says."""
    hyperparameters = json.loads((ML / "input/config/hyperparameters.json").read_text())
    mode = hyperparameters.get("mode", "learn")
    if mode == "wait":
        # Before anything is printed: a stop may follow the first line at once.
        signal.signal(signal.SIGTERM, lambda *_: finish(hyperparameters))
    print(f"mode {mode}", flush=True)
    if mode == "fail":
        (ML / "output/failure").write_text("no column named species " + "x" * 2_000_000)
        return 3
    if mode == "swell":
        held = []
        while True:
            held.append(bytearray(64 * 1024 * 1024))
            for position in range(0, len(held[-1]), 4096):
                held[-1][position] = 1
    if mode == "wait":
        release = ML / "checkpoints" / "release"
        while not release.exists():
            time.sleep(0.05)
    return finish(hyperparameters)


def finish(hyperparameters: dict[str, str]) -> int:
    """Leaves the model and ends the program."""
    channel = ML / "input/data/training"
    rows = sorted(path.relative_to(channel).as_posix() for path in channel.rglob("*") if path.is_file())
    print(f"files {' '.join(rows)}", flush=True)
    for accuracy in (0.5, 0.75):
        print(f"accuracy={accuracy};", flush=True)
    (ML / "model/words").write_text(hyperparameters.get("words", "hello"))
    (ML / "output/data/report.txt").write_text("done")
    os._exit(0)


class Handler(http.server.BaseHTTPRequestHandler):
    """/ping and /invocations."""

    protocol_version = "HTTP/1.1"
    words = ""

    def do_GET(self) -> None:
        """The health check."""
        self.reply(200, b"")

    def do_POST(self) -> None:
        """An invocation: a status to answer with, `role` for the credentials' role, or anything to be echoed."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "die":
            os._exit(5)
        if body == "role":
            address = "http://169.254.170.2" + os.environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
            with urllib.request.urlopen(address, timeout=50) as answer:
                body = json.load(answer)["RoleArn"]
        self.reply(int(body) if body.isdigit() else 200, f"{self.words}:{body}".encode())

    def reply(self, status: int, content: bytes) -> None:
        """One answer."""
        self.send_response(status)
        self.send_header("Content-Type", self.headers.get("Accept") or "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def serve() -> int:
    """Serves until SIGTERM, or ends at once when the model says `broken`."""
    Handler.words = (ML / "model/words").read_text()
    if Handler.words == "broken":
        print("ImportError: no module named flask", flush=True)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(f"serving {Handler.words}", flush=True)
    http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
    return 0


sys.exit(serve() if sys.argv[1:] == ["serve"] else train())
