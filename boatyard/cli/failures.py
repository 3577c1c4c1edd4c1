"""What goes wrong in a command, told in a sentence with a way out."""

from __future__ import annotations


class Failure(Exception):
    """A command cannot do what was asked; the message says why and what to do."""


NO_SERVER = "No boatyard server is running on {directory}. Start one with 'boatyard up'."

_TOLD = frozenset(
    {
        "SetupFailed",
        "EngineUnavailable",
        "EngineError",
        "CannotStart",
        "ExportFailed",
        "ImportFailed",
        "ImportUnfinished",
        "DataDirectoryInUse",
        "NewerDatabase",
    }
)
"""Errors whose text is written for a person."""


def explained(error: BaseException) -> str | None:
    """The text for a person; None for what nobody foresaw, which is shown whole."""
    if isinstance(error, Failure):
        return str(error)
    name, module = type(error).__name__, type(error).__module__
    # Told by name, so that nothing is imported only to be looked for.
    if module.startswith("boatyard.") and name in _TOLD:
        return str(error)
    if module.startswith("pydantic") and name == "ValidationError":
        return _settings(error)
    if module.startswith("botocore.") and name in ("EndpointConnectionError", "ConnectionClosedError"):
        return "The server does not answer. 'boatyard status' tells how it is; 'boatyard up' starts it."
    if module.startswith("botocore.") and hasattr(error, "response"):
        return f"The server refused: {error}"
    if name == "TOMLDecodeError":
        return f"The configuration file is not valid TOML: {error}. Correct it, or name another by --configuration."
    if isinstance(error, PermissionError):
        return f"{error.filename or 'A file'} may not be used by this user: {error.strerror}. Run as its owner."
    return None


def _settings(error: BaseException) -> str:
    problems = []
    for each in error.errors():  # type: ignore[attr-defined]
        setting = ".".join(str(part) for part in each["loc"])
        problems.append(f"{setting}: {each['msg']}")
    listed = "; ".join(problems)
    return f"Settings cannot be read: {listed}. They come from BOATYARD_<NAME> variables and the configuration file."
