"""What this machine can do for containers, found by trying: runtime, limits, control groups, storage."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CAP_SYS_RESOURCE = 24
NOFILE_CEILING = 1_048_576
# podman lowers its own process limit to this when it may not raise it, so containers cannot have more.
NPROC_CEILING = 32_768
CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True)
class Host:
    """The machine as containers see it. Limits are None where the engine's own defaults work."""

    runtime: str | None
    runtime_notes: tuple[str, ...]
    cgroups: str
    storage_driver: str
    mount_program: str | None
    nofile: int | None
    nproc: int | None
    cpus: int
    memory_bytes: int
    root: bool

    @property
    def memory_mib(self) -> int:
        """The machine's memory in MiB."""
        return self.memory_bytes // (1024 * 1024)

    def ulimits(self) -> list[str]:
        """containers.conf default_ulimits that the kernel lets this process hand on."""
        limits = []
        if self.nofile is not None:
            limits.append(f"nofile={self.nofile}:{self.nofile}")
        if self.nproc is not None:
            limits.append(f"nproc={self.nproc}:{self.nproc}")
        return limits

    def to_json(self) -> str:
        """For the file that spares the next process the probing."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Host:
        """The reverse of to_json; KeyError, TypeError or ValueError when the text is not one."""
        values: dict[str, Any] = json.loads(text)
        values["runtime_notes"] = tuple(values["runtime_notes"])
        return cls(**values)


def probe(scratch: Path) -> Host:
    """Find out what works here; `scratch` lies on the file system that will hold the containers' storage."""
    scratch.mkdir(parents=True, exist_ok=True)
    nofile, nproc = process_limits()
    runtime, notes = working_runtime(scratch, nofile, nproc)
    driver, program = storage_driver(scratch)
    return Host(
        runtime=runtime,
        runtime_notes=tuple(notes),
        cgroups=control_groups(),
        storage_driver=driver,
        mount_program=program,
        nofile=nofile,
        nproc=nproc,
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        root=os.geteuid() == 0,
    )


def may_raise_limits(status: str | None = None) -> bool:
    """Whether this process has CAP_SYS_RESOURCE, without which no limit can be raised."""
    text = Path("/proc/self/status").read_text() if status is None else status
    for line in text.splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1)
    return False


def process_limits() -> tuple[int | None, int | None]:
    """The open files and processes limits that containers get; None leaves the engine's defaults."""
    if may_raise_limits():
        return None, None
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    return _capped(files, NOFILE_CEILING), _capped(processes, NPROC_CEILING)


def _capped(limit: int, ceiling: int) -> int:
    return ceiling if limit == resource.RLIM_INFINITY else min(limit, ceiling)


def control_groups(mounts: str | None = None) -> str:
    """Which control group hierarchy is mounted: "v2", "hybrid", "v1" or "none"."""
    text = Path("/proc/self/mounts").read_text() if mounts is None else mounts
    kinds = {line.split()[2]: line.split()[1] for line in text.splitlines() if " cgroup" in line}
    if "cgroup2" in kinds and "cgroup" in kinds:
        return "hybrid"
    if "cgroup2" in kinds:
        return "v2"
    return "v1" if "cgroup" in kinds else "none"


def working_runtime(scratch: Path, nofile: int | None, nproc: int | None) -> tuple[str | None, list[str]]:
    """The first of crun and runc that runs a trivial container here, and what the others said."""
    notes: list[str] = []
    for name in ("crun", "runc"):
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin:/sbin")
        if path is None:
            notes.append(f"{name}: not installed")
            continue
        complaint = _try_runtime(path, scratch, nofile, nproc)
        if complaint is None:
            return path, notes
        notes.append(f"{name}: {complaint}")
    return None, notes


def _try_runtime(path: str, scratch: Path, nofile: int | None, nproc: int | None) -> str | None:
    """Run /bin/true of the host in a container of this runtime; what it complained of, or None."""
    bundle = Path(tempfile.mkdtemp(prefix="probe-", dir=scratch))
    try:
        (bundle / "rootfs").mkdir()
        made = _run([path, "spec"], bundle)
        if made is not None:
            return made
        _adjust(bundle / "config.json", nofile, nproc)
        return _run([path, "run", "-b", str(bundle), f"boatyard-{bundle.name}"], bundle)
    finally:
        shutil.rmtree(bundle, ignore_errors=True)


def _adjust(configuration: Path, nofile: int | None, nproc: int | None) -> None:
    content = json.loads(configuration.read_text())
    content["process"]["terminal"] = False
    content["process"]["args"] = ["/bin/true"]
    content["process"]["rlimits"] = [
        {"type": kind, "hard": limit, "soft": limit}
        for kind, limit in (("RLIMIT_NOFILE", nofile), ("RLIMIT_NPROC", nproc))
        if limit is not None
    ]
    content["root"]["readonly"] = False
    for directory in ("/usr", "/bin", "/lib", "/lib64"):
        if Path(directory).exists():
            mount = {
                "destination": directory,
                "type": "bind",
                "source": directory,
                "options": ["rbind", "ro"],
            }
            content["mounts"].append(mount)
    configuration.write_text(json.dumps(content))


def _run(command: list[str], directory: Path) -> str | None:
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"exit status {done.returncode}"


def storage_driver(scratch: Path) -> tuple[str, str | None]:
    """("overlay", None), ("overlay", path of fuse-overlayfs) or ("vfs", None), by mounting one."""
    trial = Path(tempfile.mkdtemp(prefix="overlay-", dir=scratch))
    try:
        for name in ("lower", "upper", "work", "merged"):
            (trial / name).mkdir()
        options = f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work"
        merged = str(trial / "merged")
        if _run(["mount", "-t", "overlay", "overlay", "-o", options, merged], trial) is None:
            _run(["umount", merged], trial)
            return "overlay", None
        fuse = shutil.which("fuse-overlayfs")
        if fuse and Path("/dev/fuse").exists() and _run([fuse, "-o", options, merged], trial) is None:
            _run(["umount", merged], trial)
            return "overlay", fuse
        return "vfs", None
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def ca_bundle() -> Path | None:
    """The host's certificate authorities: as its environment says, else where distributions keep them."""
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        named = os.environ.get(variable)
        if named and Path(named).is_file():
            return Path(named)
    return next((Path(name) for name in CA_BUNDLES if Path(name).is_file()), None)
