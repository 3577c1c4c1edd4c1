"""What of the host's network settings reaches containers."""

from __future__ import annotations

from pathlib import Path

from boatyard.containers.workloads import host_environment, pip_configuration


def test_proxies_go_on_in_both_spellings_but_not_for_boatyard_itself() -> None:
    found = host_environment({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "intranet"}, gateway="10.192.0.1")
    assert found["https_proxy"] == found["HTTPS_PROXY"] == "http://proxy:3128"
    direct = found["no_proxy"].split(",")
    assert {"intranet", "169.254.170.2", "10.192.0.1"} <= set(direct)


def test_without_a_proxy_nothing_is_said_of_proxies() -> None:
    assert not any("proxy" in name.lower() for name in host_environment({"no_proxy": "intranet"}))


def test_package_indexes_go_on_but_not_the_hosts_directories(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://file/simple\ntrusted-host = file\ncert = /host/only\n")
    variables = {
        "PIP_INDEX_URL": "https://index/simple",
        "PIP_FIND_LINKS": "/opt/wheels https://a/b",
        "PIP_EXTRA_INDEX_URL": "file:///opt/simple",
    }
    found = pip_configuration(variables, [file, tmp_path / "none"], bundle=tmp_path).splitlines()
    assert found == [
        "[global]",
        "index-url = https://index/simple",
        "trusted-host = file",
        "find-links = https://a/b",
        "cert = /etc/boatyard/ca-certificates.crt",
    ]
    assert pip_configuration({"PIP_INDEX_URL": "file:///opt/simple"}, []) == ""
