"""What can go wrong with containers, each with what happened, where to look and what to do."""

from __future__ import annotations


class EngineError(Exception):
    """The container engine refused or failed; the message is fit for a person."""


class EngineUnavailable(EngineError):
    """There is no container engine that answers."""


class ImageNotFound(EngineError):
    """The image does not exist where it was looked for."""


class PullFailed(EngineError):
    """The image exists or may exist, but could not be brought here."""


class EnvironmentMissing(EngineError):
    """A container environment has not been built yet: `boatyard setup` builds it."""


class SetupFailed(EngineError):
    """Setting up the engine or an environment failed."""


class NotFound(EngineError):
    """The engine has no such container, network or image."""
