"""What an export is: one tar, packed with gzip, that opens with its head and ends with the digests of all of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

FORMAT = 1
HEAD = "boatyard-export.json"
MANIFEST = "manifest.json"
STATE = "state.db"
SECRETS = ("sealing-key", "credentials")
VOLUMES = "sagemaker/notebook-instances"
JSON_LIMIT = 1 << 20
"""Bytes that the head may have."""
MANIFEST_LIMIT = 1 << 30
_FILES = re.compile(
    r"state\.db|sealing-key|credentials"
    r"|blobs/(?:[a-z0-9-]{3,64}/)?([0-9a-f]{2})/\1[0-9a-f]{30}"
    r"|git/[A-Za-z0-9-]{1,64}\.git/(?:HEAD|packed-refs|objects/[0-9a-f]{2}/[0-9a-f]{38}"
    r"|objects/pack/pack-[0-9a-f]{40}\.(?:pack|idx|rev|bitmap|mtimes))"
)
_VOLUME = re.compile(r"sagemaker/notebook-instances/[A-Za-z0-9-]{1,64}/volume(?:/.*)?", re.DOTALL)
GIT_OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{38}|pack/pack-[0-9a-f]{40}\.(?:pack|idx|rev|bitmap|mtimes)")


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What an import must know before it reads on."""

    format: int
    version: str
    created: str
    account: str
    region: str
    port: int
    schemas: dict[str, int]


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file of an export by its digest; a folder or a link of a notebook's volume by what it is."""

    kind: str = "file"
    size: int = 0
    sha256: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in the archive, and what the rules below say of it."""

    name: str
    in_volume: bool
    is_volume: bool = False


def checked(name: str) -> Entry | None:
    """The entry of a member's name; None for a name that no export has, such as one that leads out of it."""
    if _FILES.fullmatch(name):
        return Entry(name, False)
    if _VOLUME.fullmatch(name) and "\0" not in name:
        parts = name.split("/")
        if all(part not in ("", ".", "..") for part in parts) and PurePosixPath(name).parts == tuple(parts):
            return Entry(name, True, is_volume=parts[-1] == "volume" and len(parts) == 4)
    return None
