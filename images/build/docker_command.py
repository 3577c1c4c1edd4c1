"""The docker command inside builds: podman, with this machine's certificates and stand-ins for base images.

It never stands in silently: where an image cannot be had because no registry answers, and boatyard's configuration
maps it to an environment, it prints which image was asked for and what is used.
"""

from __future__ import annotations

import ctypes
import fcntl
import fnmatch
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import dockerfile

SETTINGS = pathlib.Path("/etc/boatyard/build.json")
CERTIFICATES = pathlib.Path("/etc/boatyard/ca-certificates.crt")
PIP_CONFIGURATION = pathlib.Path("/etc/boatyard/pip.conf")
SHARED_IMAGES = pathlib.Path("/var/lib/boatyard/images")
LAYERS = pathlib.Path(os.environ.get("BOATYARD_LAYERS", "/var/lib/boatyard/layers"))
RUN = pathlib.Path("/run/boatyard")
CONFIGURATION = RUN / "configuration"
CA_VARIABLES = (
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
)
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
# Options of docker's that podman does not know and that change nothing here; True: the option takes a value.
DROPPED = {"--progress": True, "--provenance": True, "--sbom": True, "--load": False, "--cache-from": True}
PROBE_SECONDS = 3
MOST_BUILDS_AT_ONCE = 20
PR_SET_CHILD_SUBREAPER = 36
PROBE_VALID_SECONDS = 600
RESTART_SECONDS = 30


def settings() -> dict:
    """What boatyard says of this build: stand-ins, and the names of its registry."""
    return json.loads(SETTINGS.read_text()) if SETTINGS.is_file() else {}


def say(text: str) -> None:
    """A line for the build's log."""
    print(text, flush=True)


def configure() -> None:
    """Write podman's configuration, once for each container."""
    if (CONFIGURATION / "complete").exists():
        return
    CONFIGURATION.mkdir(parents=True, exist_ok=True)
    LAYERS.mkdir(parents=True, exist_ok=True)
    with (CONFIGURATION / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (CONFIGURATION / "complete").exists():
            layers = layers_of_this_build()
            (CONFIGURATION / "containers.conf").write_text(containers_conf())
            (CONFIGURATION / "storage.conf").write_text(storage_conf(layers))
            (CONFIGURATION / "registries.conf").write_text(registries_conf())
            clear_leftovers(layers)
            (CONFIGURATION / "complete").touch()


def layers_of_this_build() -> pathlib.Path:
    """The first set of the project's layers that no other build uses now; this container keeps it till it ends."""
    for number in range(MOST_BUILDS_AT_ONCE):
        layers = LAYERS / str(number)
        layers.mkdir(exist_ok=True)
        lock = os.open(layers / "in-use", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        subprocess.Popen(
            ["sleep", "infinity"],
            pass_fds=[lock],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(lock)
        return layers
    raise SystemExit(f"docker: {MOST_BUILDS_AT_ONCE} builds of this project use docker already: try again later")


def clear_leftovers(layers: pathlib.Path) -> None:
    """Remove the containers of builds that were ended by force, whose names and layers would be in the way."""
    known = layers.glob("*/*-containers/containers.json")
    if any(len(path.read_text()) > len("[]\n") for path in known):
        podman("rm", "--all", "--force", "--time", "0", check=False)
        for line in podman("ps", "--all", "--external", "--quiet", "--no-trunc", check=False).stdout.split():
            podman("rm", "--force", line, check=False)


def containers_conf() -> str:
    """Containers share this container's network; limits may not be raised; the host's certificates are there."""
    limits = []
    for name, kind in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        limit = resource.getrlimit(kind)[1]
        if limit != resource.RLIM_INFINITY:
            limits.append(f"{name}={limit}:{limit}")
    volumes = [f"{CERTIFICATES}:{CERTIFICATES}:ro"] if CERTIFICATES.is_file() else []
    if PIP_CONFIGURATION.is_file():
        volumes.append(f"{PIP_CONFIGURATION}:/etc/pip.conf:ro")
    passed = [name for name in (*CA_VARIABLES, *PROXY_VARIABLES) if os.environ.get(name)]
    return "\n".join(
        [
            "[containers]",
            f"default_ulimits = {json.dumps(limits)}",
            f"volumes = {json.dumps(volumes)}",
            f"env = {json.dumps([f'{name}={os.environ[name]}' for name in passed])}",
            "default_sysctls = []",
            'init_path = "/usr/bin/tini-static"',
            'netns = "host"',
            'log_driver = "k8s-file"',
            "",
            "[engine]",
            'cgroup_manager = "cgroupfs"',
            'events_logger = "none"',
            'lock_type = "file"',
            'runtime = "runc"',
            f"tmp_dir = {json.dumps(str(RUN / 'libpod'))}",
            f"volume_path = {json.dumps(str(RUN / 'volumes'))}",
            "",
        ]
    )


def storage_conf(layers: pathlib.Path) -> str:
    """Layers in the project's own directory, boatyard's environments beside them, read-only."""
    driver, program = storage_driver()
    lines = [
        "[storage]",
        f'driver = "{driver}"',
        f"graphroot = {json.dumps(str(layers / driver))}",
        f"runroot = {json.dumps(str(RUN / 'storage'))}",
        "[storage.options]",
    ]
    if (SHARED_IMAGES / f"{driver}-images").is_dir():
        lines.append(f"additionalimagestores = {json.dumps([str(SHARED_IMAGES)])}")
    if program:
        lines += ["[storage.options.overlay]", f"mount_program = {json.dumps(program)}"]
    return "\n".join([*lines, ""])


def storage_driver() -> tuple[str, str]:
    """The kernel's overlay where it can be mounted on the layers' file system, else through FUSE, else copies."""
    with tempfile.TemporaryDirectory(dir=LAYERS) as name:
        trial = pathlib.Path(name)
        for part in ("lower", "upper", "work", "merged"):
            (trial / part).mkdir()
        options = f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work"
        attempts = [(["mount", "-t", "overlay", "overlay", "-o", options, f"{trial}/merged"], "")]
        if pathlib.Path("/dev/fuse").exists():
            attempts.append((["fuse-overlayfs", "-o", options, f"{trial}/merged"], "/usr/bin/fuse-overlayfs"))
        for command, program in attempts:
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                subprocess.run(["umount", f"{trial}/merged"], check=True)
                return "overlay", program
    return "vfs", ""


def registries_conf() -> str:
    """Docker Hub for short names; the registry's names, which lead to boatyard, without TLS."""
    parts = ['unqualified-search-registries = ["docker.io"]', 'short-name-mode = "disabled"', ""]
    for name in settings().get("registries", []):
        parts += [
            "[[registry]]",
            f"prefix = {json.dumps(name)}",
            f"location = {json.dumps(name)}",
            "insecure = true",
            "",
        ]
    return "\n".join(parts)


def environment() -> dict[str, str]:
    """The variables that make podman use this configuration."""
    return os.environ | {
        "CONTAINERS_CONF": str(CONFIGURATION / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(CONFIGURATION / "storage.conf"),
        "CONTAINERS_REGISTRIES_CONF": str(CONFIGURATION / "registries.conf"),
        "BUILDAH_FORMAT": "docker",
        "TMPDIR": os.environ.get("TMPDIR", "/var/tmp"),  # noqa: S108
    }


def podman(*arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    """Run podman quietly."""
    return subprocess.run(["podman", *arguments], env=environment(), capture_output=True, text=True, check=check)


def reachable(registry: str) -> bool:
    """Whether an image registry answers; remembered for ten minutes."""
    host = {"docker.io": "registry-1.docker.io"}.get(registry, registry)
    remembered = LAYERS / f"reachable-{host.replace(':', '_')}"
    if remembered.exists() and time.time() - remembered.stat().st_mtime < PROBE_VALID_SECONDS:
        return remembered.read_text() == "yes"
    try:
        with urllib.request.urlopen(f"https://{host}/v2/", timeout=PROBE_SECONDS):
            answer = True
    except urllib.error.HTTPError as error:
        answer = error.code == 401 and "www-authenticate" in {name.lower() for name in error.headers}
    except (OSError, ValueError):
        answer = False
    remembered.write_text("yes" if answer else "no")
    return answer


def stand_in(image: str) -> dict | None:
    """What boatyard's configuration has for an image: the local image and what it is."""
    full = dockerfile.normalise(image)
    bare = full.partition("@")[0].rpartition(":")[0] if "@" not in full else full.partition("@")[0]
    for entry in settings().get("base_images", []):
        if any(fnmatch.fnmatchcase(name, entry["pattern"]) for name in (full, bare, image)):
            return entry
    return None


def identity(image: str) -> str:
    """The id of an image that is here, "" when it is not."""
    return podman("image", "inspect", "--format", "{{.Id}}", image, check=False).stdout.strip()


def ensure(images: list[str], what: str) -> bool:
    """Have stand-ins under the names of images that cannot be had; says so each time. Whether all are such."""
    wanted: dict[str, list[str]] = {}
    for image in images:
        entry = stand_in(image)
        full = dockerfile.normalise(image)
        registry = full.partition("/")[0]
        found = identity(full)
        if entry is None:
            if not found and registry not in settings().get("registries", []) and not reachable(registry):
                say(
                    f"{what} {image}: {registry} cannot be reached, and no environment of boatyard's stands in for "
                    "this image: map one to it with base_images in boatyard's configuration"
                )
            continue
        if found and found != identity(entry["image"]) and not is_environment(found):
            continue
        if reachable(registry):
            if found:
                podman("untag", full, full, check=False)
            continue
        say(
            f"{what} {image}: using boatyard's {entry['environment']} ({entry['description']}) "
            "because no registry is reachable"
        )
        wanted.setdefault(entry["image"], []).append(full)
    for own, names in wanted.items():
        tag(own, names)
    return sum(map(len, wanted.values())) == len(images)


def tag(own: str, names: list[str]) -> None:
    """Give an environment further names. Done in one command, and looked at: the first may copy the record."""
    for _ in range(3):
        lacking = [name for name in names if identity(name) != identity(own)]
        if not lacking:
            return
        podman("tag", own, *lacking)


def is_environment(found: str) -> bool:
    """Whether an image is an environment itself, perhaps of an earlier version, and nothing built upon one."""
    shown = podman("images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}", check=False).stdout
    return any(found in line and " localhost/boatyard/" in line for line in shown.splitlines())


def without_dropped(arguments: list[str]) -> list[str]:
    """The arguments without options that mean nothing here; cache images are said to be left out."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
            continue
        name, equals, _ = argument.partition("=")
        if name in DROPPED:
            skip = DROPPED[name] and not equals
            if name == "--cache-from":
                say("docker build: --cache-from is left out: the layers of the project's last builds are the cache")
            continue
        kept.append(argument)
    return kept


def option(arguments: list[str], *names: str) -> tuple[str | None, int]:
    """The value of the last of these options, and where it stands."""
    value, place = None, -1
    for index, argument in enumerate(arguments):
        name, equals, rest = argument.partition("=")
        if name in names:
            value, place = (rest if equals else arguments[index + 1] if index + 1 < len(arguments) else None), index
    return value, place


def build(command: list[str], arguments: list[str]) -> int:
    """docker build: stand-ins first, then podman's build with the host's certificates known while building."""
    arguments = without_dropped(arguments)
    context = arguments[-1] if arguments else "."
    named, place = option(arguments, "-f", "--file")
    extra: list[str] = ["--network", "host"] if option(arguments, "--network")[0] != "none" else []
    text, path = None, None
    if named == "-" or (context == "-" and named is None):
        text = sys.stdin.read()
    else:
        path = dockerfile_path(context, named)
        text = path.read_text() if path is not None else None
    if text is not None:
        given = build_arguments(arguments)
        stood_in = ensure(dockerfile.images(text, given), "FROM")
        # The environments trust the host's authorities; images from elsewhere must be told while building.
        passed = [] if stood_in else [name for name in CA_VARIABLES if os.environ.get(name)]
        with tempfile.NamedTemporaryFile("w", prefix="Dockerfile-", delete=False) as file:
            file.write(dockerfile.with_arguments(text, passed))
        if place >= 0:
            del arguments[place : place + (1 if "=" in arguments[place] else 2)]
        if context == "-":
            arguments[-1] = tempfile.mkdtemp(prefix="context-")
        for name in passed:
            extra += ["--build-arg", f"{name}={os.environ[name]}"]
        extra += ["--file", file.name]
    return run(command, [*extra, *arguments])


def dockerfile_path(context: str, named: str | None) -> pathlib.Path | None:
    """The Dockerfile of a build from a directory; None for other contexts, which podman looks into itself."""
    if not pathlib.Path(context).is_dir():
        return None
    if named is not None:
        candidates = [pathlib.Path(named), pathlib.Path(context) / named]
    else:
        candidates = [pathlib.Path(context) / name for name in ("Dockerfile", "Containerfile")]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def build_arguments(arguments: list[str]) -> dict[str, str]:
    """The values of --build-arg, those without a value from the environment."""
    found = {}
    for index, argument in enumerate(arguments):
        name, equals, rest = argument.partition("=")
        if name == "--build-arg":
            pair = rest if equals else arguments[index + 1] if index + 1 < len(arguments) else ""
            key, given, value = pair.partition("=")
            found[key] = value if given else os.environ.get(key, "")
    return found


def login(arguments: list[str]) -> int:
    """docker login: podman wants a host where docker takes a URL, and knows no e-mail."""
    kept = []
    skip = False
    for argument in arguments:
        if skip or argument in ("-e", "--email"):
            skip = not skip
            continue
        kept.append(argument.removeprefix("https://").removeprefix("http://").rstrip("/"))
    password = sys.stdin.buffer.read() if "--password-stdin" in kept else None
    # Only now: whoever makes the password may have waited for the server too.
    waited_for_registry(kept)
    if password is not None:
        reading, writing = os.pipe()
        os.write(writing, password)
        os.close(writing)
        os.dup2(reading, 0)
    return run(["login"], kept)


def waited_for_registry(arguments: list[str]) -> bool:
    """Wait while nothing listens at boatyard's registry, if it is meant: the server is being started again."""
    waited = False
    for name in settings().get("registries", []):
        deadline = time.monotonic() + RESTART_SECONDS
        while any(word.startswith(name) for word in arguments) and time.monotonic() < deadline:
            try:
                socket.create_connection((name, 80), PROBE_SECONDS).close()
                break
            except ConnectionRefusedError:
                waited = True
                time.sleep(0.2)
            except OSError:
                break
    return waited


def run(command: list[str], arguments: list[str]) -> int:
    """Run podman as this process's own, and bury its containers' monitors, which it waits for; its exit code."""
    line = ["podman", *command, *arguments]
    if own_control_group() != "/":
        # podman looks for its containers' control groups below its own, and so must see that as the root.
        line = ["unshare", "--cgroup", *line]
    sys.stdout.flush()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.posix_spawnp(line[0], line, environment())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: os.kill(child, received))
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def own_control_group() -> str:
    """The path of this process's control group as it sees it; "/" in a namespace of its own."""
    lines = pathlib.Path("/proc/self/cgroup").read_text().splitlines()
    return max((line.split(":", 2)[2] for line in lines), key=len, default="/")


def image_argument(arguments: list[str]) -> str | None:
    """The image of `docker run` or `docker pull`: the first word that is neither an option nor its value."""
    flags = {"-d", "-i", "-t", "-it", "-ti", "-q", "--rm", "--detach", "--interactive", "--tty", "--privileged"}
    flags |= {"--init", "--read-only", "--quiet", "--all-tags", "-a", "-P", "--publish-all"}
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument.startswith("-"):
            skip = "=" not in argument and argument not in flags
        else:
            return argument
    return None


def main(arguments: list[str]) -> int:
    """The docker command line."""
    configure()
    if arguments[:1] == ["--version"] or arguments[:1] == ["-v"]:
        return run(["--version"], [])
    for prefix in (["build"], ["image", "build"], ["buildx", "build"], ["builder", "build"]):
        if arguments[: len(prefix)] == prefix:
            return build(["build"], arguments[len(prefix) :])
    if arguments[:1] == ["login"]:
        return login(arguments[1:])
    if arguments[:1] in (["run"], ["create"], ["pull"]):
        image = image_argument(arguments[1:])
        if image is not None:
            stood_in = ensure([image], f"docker {arguments[0]}")
            if stood_in and arguments[0] == "pull":
                return 0
    code = run([], arguments)
    if code and arguments[:1] in (["push"], ["pull"]) and waited_for_registry(arguments[1:]):
        code = run([], arguments)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
