"""What containers must know of the host's network: certificate authorities, proxies, package indexes."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
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
# What must never go to a proxy: boatyard's own addresses and the registry's names.
DIRECT = ("localhost", "127.0.0.1", "169.254.170.2", "10.192.0.0/11")
PIP_TARGET = "/etc/boatyard/pip.conf"
PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "find-links", "proxy", "timeout", "retries")
PIP_PLACES = ("index-url", "extra-index-url", "find-links")


def host_environment(variables: Mapping[str, str] | None = None, gateway: str = "") -> dict[str, str]:
    """The variables that make a container trust, and go through, what the host does."""
    source = os.environ if variables is None else variables
    chosen: dict[str, str] = {}
    if ca_bundle() is not None:
        chosen.update(dict.fromkeys(CA_VARIABLES, CA_TARGET))
    if pip_configuration(source):
        chosen["PIP_CONFIG_FILE"] = PIP_TARGET
    proxies = {name: source.get(name) or source.get(name.upper(), "") for name in PROXY_VARIABLES}
    if any(value for name, value in proxies.items() if name != "no_proxy"):
        direct = [part for part in proxies["no_proxy"].split(",") if part] + list(DIRECT) + [".dkr.ecr.amazonaws.com"]
        proxies["no_proxy"] = ",".join(dict.fromkeys([*direct, *([gateway] if gateway else [])]))
        for name, value in proxies.items():
            if value:
                chosen[name] = chosen[name.upper()] = value
    return chosen


def host_mounts(directory: Path) -> list[Mount]:
    """The host's certificate authorities and package indexes, read-only; what is made for it goes to `directory`."""
    mounts = []
    bundle = ca_bundle()
    if bundle is not None:
        mounts.append(Mount(bundle.resolve(), CA_TARGET, read_only=True))
    settings = pip_configuration()
    if settings:
        path = directory / "pip.conf"
        if not path.exists() or path.read_text() != settings:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o644)
            path.write_text(settings)
        mounts.append(Mount(path, PIP_TARGET, read_only=True))
    return mounts


def pip_configuration(
    variables: Mapping[str, str] | None = None, files: Iterable[Path] | None = None, bundle: Path | None = None
) -> str:
    """The host's pip settings that matter in a container, as a configuration file; "" when there are none.

    pip's own variables win over its files; directories of the host are left out.
    """
    source = os.environ if variables is None else variables
    chosen: dict[str, str] = {}
    for path in pip_files() if files is None else files:
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path)
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue
        if parser.has_section("global"):
            chosen.update({key: value for key, value in parser.items("global") if key in PIP_KEYS})
    for key in PIP_KEYS:
        name = "PIP_DEFAULT_TIMEOUT" if key == "timeout" else "PIP_" + key.upper().replace("-", "_")
        value = source.get(name)
        if value:
            chosen[key] = value
    for key in PIP_PLACES:
        places = chosen.get(key, "").split()
        chosen[key] = " ".join(place for place in places if urlsplit(place).scheme in {"http", "https"})
    chosen = {key: chosen[key] for key in PIP_KEYS if chosen.get(key)}
    if not chosen:
        return ""
    if bundle is not None or ca_bundle() is not None:
        chosen["cert"] = CA_TARGET
    lines = [f"{key} = {' '.join(value.split())}" for key, value in chosen.items()]
    return "\n".join(["[global]", *lines, ""])


def pip_files() -> list[Path]:
    """Where pip on this host is configured, the later ones stronger."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return [Path("/etc/pip.conf"), Path.home() / ".pip" / "pip.conf", Path(base) / "pip" / "pip.conf"]
