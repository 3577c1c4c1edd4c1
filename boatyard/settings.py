"""Boatyard's settings: environment variables BOATYARD_*, then a TOML configuration file, then defaults."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


def configuration_file() -> Path:
    """The TOML file that is read: BOATYARD_CONFIGURATION, else boatyard/config.toml in the user's configuration."""
    named = os.environ.get("BOATYARD_CONFIGURATION")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "boatyard" / "config.toml"


def default_data_directory() -> Path:
    """Where state is kept unless told otherwise: boatyard in the user's data directory."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "boatyard"


def default_environments_directory() -> Path:
    """Where the container environments are built and shared between data directories."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "boatyard" / "environments"


class Settings(BaseSettings):
    """What a person can set; every field is read from BOATYARD_<NAME> or the configuration file."""

    model_config = SettingsConfigDict(env_prefix="BOATYARD_", extra="forbid", frozen=True)

    data_directory: Path = Field(default_factory=default_data_directory, description="Where all state is kept.")
    environments_directory: Path = Field(
        default_factory=default_environments_directory,
        description="Where container environments are built; shared between data directories.",
    )
    port: int = Field(default=4566, ge=0, le=65535, description="The TCP port of the AWS API on 127.0.0.1.")
    account_id: str = Field(default="000000000000", pattern=r"^\d{12}$", description="The AWS account id.")
    region: str = Field(default="us-east-1", description="The region used where a request names none.")
    root_access_key_id: str | None = Field(default=None, description="The root access key id; made when unset.")
    root_secret_access_key: str | None = Field(default=None, description="The root secret key; made when unset.")
    ephemeral: bool = Field(default=False, description="Throw the data directory away at the end; allow reset.")
    engine: str | None = Field(
        default=None, description="A Docker Engine API address to use instead of boatyard's own podman."
    )
    upstream: str | None = Field(
        default=None, description="An AWS-compatible URL that gets whatever boatyard does not do."
    )
    authorization: Literal["off", "enforce"] = Field(
        default="enforce", description="Whether policies are enforced on every call."
    )
    threads: int = Field(default=32, ge=2, le=256, description="How many operations run at the same time.")
    lambda_action_timeout_seconds: float = Field(
        default=1200, gt=0, description="How long a pipeline waits for a function that does not report its job."
    )
    retention_unused_hours: float = Field(
        default=1, ge=0, description="How long files, folders and images that nothing needs any more are kept."
    )
    retention_build_cache_days: float = Field(
        default=30, ge=0, description="How long a project's docker layers and caches are kept after its last build."
    )
    retention_history_days: float = Field(
        default=365, ge=1, description="How long ended builds and pipeline executions are listed."
    )
    retention_logs_days: float | None = Field(
        default=None, gt=0, description="How long log events are kept in groups that have no retention of their own."
    )
    base_images: dict[str, str] = Field(
        default_factory=dict,
        description="Which environment stands in for an image in FROM when no registry can be reached.",
    )
    quotas: dict[str, int] = Field(
        default_factory=dict,
        description="Quotas other than AWS's defaults, by name; docs/reference/quotas.md lists them.",
    )
    git_mirrors: dict[str, str] = Field(
        default_factory=dict,
        description="Where git in notebook instances fetches from instead of an address that cannot be reached.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then the configuration file."""
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, toml_file=configuration_file()),
        )

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Everything but the secret, which must not reach a log."""
        return [(name, value) for name, value in super().__repr_args__() if name != "root_secret_access_key"]
