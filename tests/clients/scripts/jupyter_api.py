"""Works in a notebook instance as JupyterLab's page does: REST for files and kernels, a websocket to run code.

Arguments: the presigned address of the instance.
"""

import base64
import json
import sys
import urllib.parse
import uuid
from typing import Any

import requests
import websocket

place = urllib.parse.urlsplit(sys.argv[1])
token = urllib.parse.parse_qs(place.query)["token"][0]
address = f"{place.scheme}://{place.netloc}"
session = requests.Session()
session.headers["Authorization"] = f"token {token}"


def api(method: str, path: str, **options: Any) -> Any:
    """One call of the REST API, which must succeed."""
    answer = session.request(method, f"{address}/api/{path}", timeout=120, **options)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def run(kernel: str, code: str) -> str:
    """What code prints in a kernel."""
    url = f"{address.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels"
    connection = websocket.create_connection(url, timeout=120, header=[f"Authorization: token {token}"])
    identity = uuid.uuid4().hex
    header = {"msg_id": identity, "msg_type": "execute_request", "username": "", "session": identity, "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    connection.send(json.dumps(message))
    printed = ""
    while True:
        reply = json.loads(connection.recv())
        if reply["parent_header"].get("msg_id") != identity:
            continue
        if reply["msg_type"] == "stream":
            printed += reply["content"]["text"]
        if reply["msg_type"] == "error":
            raise AssertionError("\n".join(reply["content"]["traceback"]))
        if reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
            connection.close()
            return printed


assert requests.get(f"{address}/api/contents", timeout=120).status_code == 403, "it opened without the token"
version = api("GET", "status") and api("GET", "")["version"]
text = base64.b64encode(b"kept in the volume").decode()
api("PUT", "contents/notes.txt", json={"type": "file", "format": "base64", "content": text})
assert "notes.txt" in {each["name"] for each in api("GET", "contents")["content"]}
kernel = api("POST", "kernels", json={"name": "python3"})["id"]
code = "import boto3; print(open('notes.txt').read()); print(boto3.client('sts').get_caller_identity()['Arn'])"
printed = run(kernel, code).splitlines()
api("DELETE", f"kernels/{kernel}")
api("DELETE", "contents/notes.txt")
print(json.dumps({"printed": printed, "jupyter_server": version}))
