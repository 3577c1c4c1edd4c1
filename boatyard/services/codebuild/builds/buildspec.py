"""Buildspecs: parsed and checked (AWS: "Build specification reference for CodeBuild")."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
ENTRIES = frozenset({"version", "run-as", "env", "proxy", "phases", "reports", "artifacts", "cache", "batch"})
RUNTIMES = frozenset({"python", "docker"})
ENV = frozenset(
    {"variables", "parameter-store", "secrets-manager", "exported-variables", "shell", "git-credential-helper"}
)
PHASE = frozenset({"commands", "finally", "on-failure"})
ARTIFACTS = frozenset({"files", "name", "discard-paths", "base-directory", "exclude-paths"})
SHELLS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash"})
ON_FAILURE = re.compile(r"ABORT|CONTINUE|RETRY(-\d+)?(-.*)?")


class BuildspecError(Exception):
    """What is wrong with a buildspec; `code` is the status code of the phase's context."""

    def __init__(self, message: str, code: str = "YAML_FILE_ERROR") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class BuildPhase:
    """The commands of a phase."""

    name: str
    commands: list[str] = field(default_factory=list)
    finally_commands: list[str] = field(default_factory=list)
    on_failure: str | None = None


@dataclass(frozen=True)
class Artifacts:
    """Which files are kept."""

    files: list[str]
    exclude: list[str] = field(default_factory=list)
    name: str | None = None
    discard_paths: bool = False
    base_directory: str = ""


@dataclass(frozen=True)
class Buildspec:
    """A whole buildspec."""

    version: str
    shell: str = "sh"
    variables: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    exported: list[str] = field(default_factory=list)
    phases: list[BuildPhase] = field(default_factory=list)
    runtimes: dict[str, str] = field(default_factory=dict)
    artifacts: Artifacts | None = None
    secondary: dict[str, Artifacts] = field(default_factory=dict)
    cache: list[str] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """YAML with numbers, dates and truth values left as the text they are: 3.10 is no number in a buildspec."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in found if tag in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str) -> Buildspec:
    """Parse a buildspec; BuildspecError says where it is wrong."""
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise BuildspecError(f"The buildspec is not YAML{place}: {getattr(error, 'problem', error)}") from error
    if not isinstance(document, dict):
        raise BuildspecError("The buildspec must be a mapping with version and phases")
    version = str(document.get("version", ""))
    if version not in ("0.1", "0.2"):
        raise BuildspecError(f"invalid buildspec version {version or '(none)'}: it must be 0.1 or 0.2")
    unknown = sorted(str(name) for name in document if name not in ENTRIES)
    if unknown:
        raise BuildspecError(f"unknown entries in the buildspec: {', '.join(unknown)}")
    for name in ("batch", "reports", "proxy", "run-as"):
        if document.get(name):
            raise BuildspecError(f"boatyard does not do {name} in a buildspec; remove it")
    environment = _mapping(document, "env")
    _known(environment, "env", ENV)
    if environment.get("secrets-manager"):
        raise BuildspecError("boatyard does not do env/secrets-manager; use env/parameter-store")
    shell = str(environment.get("shell") or "sh")
    if shell not in SHELLS:
        raise BuildspecError(f"env/shell must be bash or sh, not {shell}")
    caches = _mapping(document, "cache")
    _known(caches, "cache", {"paths"})
    primary, secondary = _artifacts(_mapping(document, "artifacts"))
    phases, runtimes = _phases(_mapping(document, "phases"))
    return Buildspec(
        version=version,
        shell=shell.rpartition("/")[2],
        variables=_texts(_mapping(environment, "variables")),
        parameters=_texts(_mapping(environment, "parameter-store")),
        exported=_list(environment, "exported-variables", "env"),
        phases=phases,
        runtimes=runtimes,
        artifacts=primary,
        secondary=secondary,
        cache=_list(caches, "paths", "cache"),
    )


def _mapping(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BuildspecError(f"{name} must be a mapping")
    return value


def _known(mapping: dict[str, Any], where: str, known: Collection[str]) -> None:
    unknown = sorted(str(name) for name in mapping if name not in known)
    if unknown:
        raise BuildspecError(f"boatyard does not know {', '.join(unknown)} in {where} of a buildspec")


def _list(mapping: dict[str, Any], name: str, where: str) -> list[str]:
    value = mapping.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BuildspecError(f"{where}/{name} must be a list of texts")
    return list(value)


def _texts(mapping: dict[str, Any]) -> dict[str, str]:
    for name, value in mapping.items():
        if not isinstance(value, str | None):
            raise BuildspecError(f"{name} must be a text, not a {'mapping' if isinstance(value, dict) else 'list'}")
    return {str(name): value or "" for name, value in mapping.items()}


def _commands(phase: dict[str, Any], name: str, where: str) -> list[str]:
    value = phase.get(name)
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise BuildspecError(f"{where}/{name} must be a list of commands")
    for index, command in enumerate(value):
        if not isinstance(command, str):
            kind = "a mapping" if isinstance(command, dict) else "a list" if isinstance(command, list) else "empty"
            raise BuildspecError(
                f"{where}/{name}: command {index + 1} is not a text but {kind}; put quotes around a command that "
                "holds ': '"
            )
    return list(value)


def _phases(mapping: dict[str, Any]) -> tuple[list[BuildPhase], dict[str, str]]:
    unknown = sorted(str(name) for name in mapping if name not in PHASES)
    if unknown:
        raise BuildspecError(f"unknown phases: {', '.join(unknown)}; there are {', '.join(PHASES)}")
    phases: list[BuildPhase] = []
    runtimes: dict[str, str] = {}
    for name in PHASES:
        phase = mapping.get(name)
        if phase is None:
            phase = {}
        if not isinstance(phase, dict):
            raise BuildspecError(f"phases/{name} must be a mapping")
        _known(phase, f"phases/{name}", PHASE | {"runtime-versions"} if name == "install" else PHASE)
        on_failure = phase.get("on-failure")
        if on_failure is not None and not ON_FAILURE.fullmatch(str(on_failure)):
            raise BuildspecError(f"phases/{name}/on-failure must be ABORT or CONTINUE, not {on_failure}")
        if str(on_failure).startswith("RETRY"):
            raise BuildspecError(f"boatyard does not do RETRY in phases/{name}/on-failure; use ABORT or CONTINUE")
        where = f"phases/{name}"
        commands, last = _commands(phase, "commands", where), _commands(phase, "finally", where)
        phases.append(BuildPhase(name, commands, last, on_failure))
        if name == "install":
            runtimes = _texts(_mapping(phase, "runtime-versions"))
    return phases, runtimes


def _artifacts(mapping: dict[str, Any]) -> tuple[Artifacts | None, dict[str, Artifacts]]:
    if not mapping:
        return None, {}
    secondary = {str(name): _files(each, f"artifacts/{name}") for name, each in _mapping(
        mapping, "secondary-artifacts").items()}  # fmt: skip
    if "files" not in mapping and secondary:
        return None, secondary
    return _files(mapping, "artifacts"), secondary


def _files(mapping: Any, where: str) -> Artifacts:
    if not isinstance(mapping, dict):
        raise BuildspecError(f"{where} must be a mapping")
    _known(mapping, where, ARTIFACTS | ({"secondary-artifacts"} if where == "artifacts" else set()))
    files = _list(mapping, "files", where)
    if not files:
        raise BuildspecError(f"{where}/files must be a list of paths")
    return Artifacts(
        files=files,
        exclude=_list(mapping, "exclude-paths", where),
        name=None if mapping.get("name") is None else str(mapping["name"]),
        discard_paths=str(mapping.get("discard-paths", "no")).lower() in ("yes", "true"),
        base_directory=str(mapping.get("base-directory") or ""),
    )
