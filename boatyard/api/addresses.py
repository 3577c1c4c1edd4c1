"""Where a caller reaches this server: on this machine, or in a container through its network's gateway."""

import re

from boatyard.api.call import Call

_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?\Z")


def server_url(call: Call) -> str:
    """The server's address, without a slash at the end: at the host the caller asked, unless that is one of AWS's."""
    host = call.host or ""
    if _HOST.match(host) and not host.partition(":")[0].endswith((".amazonaws.com", ".amazonaws.com.cn", ".aws")):
        return f"{'https' if call.secure else 'http'}://{host}"
    return call.installation.gateway_url
