"""The lab that the demonstration runs: its names, its files, and the clients it works with."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boatyard.cli.servers import Running

UNIQUE_ID = "lab"
FUNCTIONS = ("train", "status", "deploy", "evaluate")
DATA = ("smoke", "validation", "train")


class DemoFailed(Exception):
    """A step of the demonstration did not come out as it must; the message says where to look."""


def blueprint_directory() -> Path:
    """The blueprint's files: in the repository, or in the installed package."""
    here = Path(__file__).resolve().parent
    candidates = (here.parent.parent / "blueprints", here.parent / "_data" / "blueprints")
    for candidate in candidates:
        if (candidate / "byo-algorithm" / "templates").is_dir():
            return candidate / "byo-algorithm"
    raise DemoFailed("The blueprint's files are missing from this installation: install boatyard again.")


@dataclass
class Lab:
    """One run's things."""

    server: Running
    blueprint: Path = field(default_factory=blueprint_directory)
    data_bucket: str = ""
    code_bucket: str = ""
    clone_url: str = ""
    prefix: str = f"mlops-byo-{UNIQUE_ID}"

    @property
    def pipeline(self) -> str:
        """The pipeline's name."""
        return self.prefix

    @property
    def work_tree(self) -> Path:
        """Where the demonstration's clone of the repository is."""
        return self.server.settings.data_directory / "demo" / "repository"

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self.server.client(service)

    def endpoint(self, stage: str) -> str:
        """The endpoint's name of dev, test or prod."""
        return f"{self.prefix}-{stage}"

    def environment(self) -> dict[str, str]:
        """The environment for git: only what it needs, and where the server is."""
        from boatyard.cli.env import variables

        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        author = {"GIT_AUTHOR_NAME": "boatyard demo", "GIT_AUTHOR_EMAIL": "demo@example.com"}
        committer = {"GIT_COMMITTER_NAME": "boatyard demo", "GIT_COMMITTER_EMAIL": "demo@example.com"}
        return kept | author | committer | {"GIT_TERMINAL_PROMPT": "0"} | variables(self.server)


def function_zip(blueprint: Path, name: str) -> bytes:
    """A function's zip, the same bytes for the same source."""
    return _zip({f"{name}.py": blueprint / "functions" / name / f"{name}.py"})


def algorithm_zip(blueprint: Path) -> bytes:
    """The algorithm's files as a zip, which the notebook starts from."""
    root = blueprint / "algorithm"
    files = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return _zip({path.relative_to(root).as_posix(): path for path in files})


def _zip(files: dict[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (path.stat().st_mode & 0o777) << 16
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
