"""Keys that sign requests: the root pair, users' access keys, and temporary credentials that end.

Secrets are sealed in the database; the root pair is in the data directory's file `credentials`, mode 600, in the
form of an AWS shared credentials file.
"""

from __future__ import annotations

import configparser
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from boatyard.api import timestamps
from boatyard.identity import unique_ids
from boatyard.identity.lookup import exists
from boatyard.identity.principals import Principal
from boatyard.identity.records import (
    ACCESS_KEYS,
    ROLES,
    SERVICE_CREDENTIALS,
    TEMPORARY_CREDENTIALS,
    USERS,
    AccessKey,
    TemporaryCredential,
)
from boatyard.identity.sealing import seal, unseal, write_private
from boatyard.state.changes import Cache

if TYPE_CHECKING:
    from boatyard.api.installation import Installation
    from boatyard.settings import Settings

_KEPT_AFTER_END = timedelta(days=1)
"""So that a client whose credentials have ended is told so, instead of that they never were."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A key pair and whom it stands for; temporary ones have a session token and end."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    principal: Principal
    session_token: str | None = field(default=None, repr=False)
    expires: datetime | None = None

    @property
    def expired(self) -> bool:
        """Whether temporary credentials have ended."""
        return self.expires is not None and self.expires <= timestamps.now()


@dataclass(frozen=True, slots=True)
class RootPair:
    """The root's access key id and secret."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


def root_pair(settings: Settings) -> RootPair:
    """The root's keys: as set, else as kept in the data directory, else made and kept now.

    What is set is kept too, so that `boatyard env` finds it. Raises ValueError where only one half is set, or the
    file cannot be read.
    """
    path = settings.data_directory / "credentials"
    given = (settings.root_access_key_id, settings.root_secret_access_key)
    if any(given):
        if not all(given):
            raise ValueError(
                "Only one of root_access_key_id and root_secret_access_key is set: set both, or neither to have a"
                " pair made."
            )
        pair = RootPair(str(given[0]), str(given[1]))
        if not path.exists() or _read(path) != pair:
            write_private(path, _file(pair), replace=True)
        return pair
    if not path.exists():
        made = RootPair(
            unique_ids.access_key_id(unique_ids.ACCESS_KEY, settings.account_id), unique_ids.secret_access_key()
        )
        write_private(path, _file(made), replace=False)
    return _read(path)


def _file(pair: RootPair) -> bytes:
    return (
        "# The root of this boatyard. Keep it to yourself.\n[default]\n"
        f"aws_access_key_id = {pair.access_key_id}\naws_secret_access_key = {pair.secret_access_key}\n"
    ).encode()


def _read(path: Path) -> RootPair:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text())
        return RootPair(parser["default"]["aws_access_key_id"], parser["default"]["aws_secret_access_key"])
    except (configparser.Error, KeyError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} does not hold a root key pair. Move it away to have a new one made at the next start."
        ) from error


def find(installation: Installation, access_key_id: str) -> Credential | None:
    """The credential of an access key id. Ended ones are found.

    None where there is none, it is inactive, or the user or role behind it has been deleted.
    """
    settings = installation.settings
    pair = _root_of(settings)
    if access_key_id == pair.access_key_id:
        return Credential(pair.access_key_id, pair.secret_access_key, Principal.root(settings.account_id))
    caches = installation.attached("credentials", lambda: _Caches(installation))
    if access_key_id.startswith(unique_ids.TEMPORARY):
        return caches.temporary.get(access_key_id, lambda: _temporary(installation, access_key_id))
    return caches.users.get(access_key_id, lambda: _of_user(installation, access_key_id))


class _Caches:
    """Credentials that were asked for, opened, until a record that makes or ends any of them changes."""

    def __init__(self, installation: Installation) -> None:
        watch = installation.database.watch
        self.temporary: Cache[str, Credential | None] = Cache(watch(TEMPORARY_CREDENTIALS.name, USERS.name, ROLES.name))
        self.users: Cache[str, Credential | None] = Cache(watch(ACCESS_KEYS.name, USERS.name))


_ROOT_PAIRS: dict[tuple[Path, str | None, str | None], RootPair] = {}


def _root_of(settings: Settings) -> RootPair:
    key = (settings.data_directory, settings.root_access_key_id, settings.root_secret_access_key)
    if key not in _ROOT_PAIRS:
        _ROOT_PAIRS[key] = root_pair(settings)
    return _ROOT_PAIRS[key]


def _temporary(installation: Installation, access_key_id: str) -> Credential | None:
    with installation.database.reading() as rx:
        record = TEMPORARY_CREDENTIALS.get(rx, access_key_id)
    if record is None or not exists(installation, record.principal):
        return None
    opened = unseal(installation.settings.data_directory, record.secret, access_key_id).decode()
    secret, token = opened.split(" ")
    return Credential(access_key_id, secret, record.principal, token, record.expires)


def _of_user(installation: Installation, access_key_id: str) -> Credential | None:
    with installation.database.reading() as rx:
        key = ACCESS_KEYS.get(rx, access_key_id)
        user = USERS.get(rx, key.account, key.user) if key else None
    if key is None or user is None or key.status != "Active":
        return None
    secret = unseal(installation.settings.data_directory, key.secret, key.id).decode()
    return Credential(key.id, secret, Principal.of_user(user.account, user.path, user.name, user.id))


def issue(installation: Installation, principal: Principal, expires: datetime) -> Credential:
    """New temporary credentials of a principal, kept until they end."""
    made = Credential(
        unique_ids.access_key_id(unique_ids.TEMPORARY, principal.account),
        unique_ids.secret_access_key(),
        principal,
        secrets.token_urlsafe(120),
        expires,
    )
    sealed = seal(
        installation.settings.data_directory,
        f"{made.secret_access_key} {made.session_token}".encode(),
        made.access_key_id,
    )
    record = TemporaryCredential(
        id=made.access_key_id,
        secret=sealed,
        principal=principal,
        expires=expires,
        expires_at=int(expires.timestamp()),
    )
    with installation.database.transaction() as tx:
        TEMPORARY_CREDENTIALS.insert(tx, record)
        ended = int((timestamps.now() - _KEPT_AFTER_END).timestamp())
        tx.execute("DELETE FROM identity_temporary_credentials WHERE expires_at < ?", (ended,))
    return made


def new_access_key(installation: Installation, account: str, user: str) -> tuple[AccessKey, str]:
    """A user's new access key, not yet stored, and its secret in the clear. `user` is the folded name."""
    key_id = unique_ids.access_key_id(unique_ids.ACCESS_KEY, account)
    secret = unique_ids.secret_access_key()
    sealed = seal(installation.settings.data_directory, secret.encode(), key_id)
    return (
        AccessKey(id=key_id, account=account, user=user, secret=sealed, created=timestamps.now()),
        secret,
    )


def check_service_password(installation: Installation, service: str, login: str, password: str) -> Principal | None:
    """The user whose service-specific credential this is (e.g. for codecommit.amazonaws.com), or None."""
    with installation.database.reading() as rx:
        for item in SERVICE_CREDENTIALS.select(rx, {"login": login}):
            opened = unseal(installation.settings.data_directory, item.secret, item.id).decode()
            if (
                item.service == service
                and item.status == "Active"
                and hmac.compare_digest(opened.encode(), password.encode())
            ):
                user = USERS.get(rx, item.account, item.user)
                return Principal.of_user(user.account, user.path, user.name, user.id) if user else None
    return None


def secret_of(installation: Installation, access_key_id: str) -> str:
    """A user's secret access key, active or not; LookupError where there is no such key."""
    with installation.database.reading() as rx:
        key = ACCESS_KEYS.get(rx, access_key_id)
    if key is None:
        raise LookupError(f"no access key {access_key_id}")
    return unseal(installation.settings.data_directory, key.secret, key.id).decode()
