"""What stands between a client and a container and does less than boatyard: nginx, and a bare proxy in Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import programs
from bench.bare_proxy import ADDRESS
from bench.session import ROOT, Session
from bench.sides import NGINX, free_port, process

BARE = "bare proxy"
_CONFIGURATION = """
daemon off; worker_processes auto; pid {room}/nginx.pid; error_log {room}/nginx.log; {user}
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 100000000;
    client_body_temp_path {room}/body; proxy_temp_path {room}/proxy; fastcgi_temp_path {room}/fastcgi;
    uwsgi_temp_path {room}/uwsgi; scgi_temp_path {room}/scgi;
    upstream container {{ server {address}:8080; keepalive 32; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://container; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""


@contextmanager
def before(session: Session, room: Path, address: str) -> Iterator[dict[str, str]]:
    """The URLs of both in front of a container's address, by name; `room` is a directory of their own."""
    room.mkdir()
    program, environment = programs.program(session, "nginx")
    ports = {NGINX: free_port(), BARE: free_port()}
    configuration = room / "nginx.conf"
    # Started as root it would work as a user who may not write below the root's home.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(_CONFIGURATION.format(room=room, port=ports[NGINX], address=address, user=user))
    nginx = [str(program), "-p", str(room), "-e", str(room / "nginx.log"), "-c", str(configuration)]
    python = [sys.executable, "-m", "uvicorn", "bench.bare_proxy:application", "--port", str(ports[BARE])]
    python += ["--loop", "uvloop", "--http", "httptools", "--lifespan", "off", "--no-access-log"]
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    settings = {ADDRESS: address, "PYTHONPATH": str(ROOT)}
    with ExitStack() as stack:
        stack.enter_context(process(NGINX, room, nginx, environment, f"{urls[NGINX]}/ping"))
        stack.enter_context(process("bare-proxy", room, python, settings, f"{urls[BARE]}/ping"))
        yield urls
