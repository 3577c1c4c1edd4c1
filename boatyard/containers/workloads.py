"""What containers must know of the host's network: certificate authorities, proxies, package indexes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from boatyard.containers.host import ca_bundle
from boatyard.containers.specification import Mount

# Beside the distribution's own files, which a container may want to replace.
CA_TARGET = "/etc/boatyard/ca-certificates.crt"
CA_VARIABLES = (
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "AWS_CA_BUNDLE",
)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
PIP_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES")
# What must never go to a proxy: boatyard's own addresses and the registry's names.
DIRECT = ("localhost", "127.0.0.1", "169.254.170.2", "10.192.0.0/11")
PIP_CONFIGURATION = "/etc/pip.conf"


def host_environment(variables: Mapping[str, str] | None = None, gateway: str = "") -> dict[str, str]:
    """The variables that make a container trust, and go through, what the host does."""
    source = os.environ if variables is None else variables
    chosen: dict[str, str] = {}
    if ca_bundle() is not None:
        chosen.update(dict.fromkeys(CA_VARIABLES, CA_TARGET))
    chosen.update({name: source[name] for name in PIP_VARIABLES if source.get(name)})
    links = [link for link in source.get("PIP_FIND_LINKS", "").split() if urlsplit(link).scheme in {"http", "https"}]
    if links:
        chosen["PIP_FIND_LINKS"] = " ".join(links)
    proxies = {name: source.get(name) or source.get(name.upper(), "") for name in PROXY_VARIABLES}
    if any(value for name, value in proxies.items() if name != "no_proxy"):
        direct = [part for part in proxies["no_proxy"].split(",") if part] + list(DIRECT) + [".dkr.ecr.amazonaws.com"]
        proxies["no_proxy"] = ",".join(dict.fromkeys([*direct, *([gateway] if gateway else [])]))
        for name, value in proxies.items():
            if value:
                chosen[name] = chosen[name.upper()] = value
    return chosen


def host_mounts() -> list[Mount]:
    """The host's certificate authorities and pip configuration, read-only."""
    mounts = []
    bundle = ca_bundle()
    if bundle is not None:
        mounts.append(Mount(bundle.resolve(), CA_TARGET, read_only=True))
    return mounts
