"""Credentials: the root pair, users' keys, temporary ones, and what is on disk of them."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from boatyard.api.installation import Installation
from boatyard.api.timestamps import now
from boatyard.identity import credentials, unique_ids
from boatyard.identity.principals import Principal
from boatyard.identity.records import ACCESS_KEYS, User
from boatyard.settings import Settings

ACCOUNT = "000000000000"


def test_the_root_pair_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path / "data")
    made = credentials.root_pair(settings)
    assert credentials.root_pair(settings) == made
    assert unique_ids.account_of(made.access_key_id) == ACCOUNT
    assert stat.S_IMODE((tmp_path / "data" / "credentials").stat().st_mode) == 0o600
    assert made.secret_access_key not in repr(made)


def test_a_root_pair_that_is_set_replaces_the_one_that_was_made(tmp_path: Path) -> None:
    credentials.root_pair(Settings(data_directory=tmp_path))
    chosen = Settings(
        data_directory=tmp_path, root_access_key_id="AKIACHOSEN", root_secret_access_key="a-chosen-secret"
    )
    assert credentials.root_pair(chosen).access_key_id == "AKIACHOSEN"
    assert credentials.root_pair(Settings(data_directory=tmp_path)).secret_access_key == "a-chosen-secret"


def test_half_a_root_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="set both"):
        credentials.root_pair(Settings(data_directory=tmp_path, root_access_key_id="AKIAONLY"))


def test_an_unreadable_credentials_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("nonsense")
    with pytest.raises(ValueError, match="does not hold a root key pair"):
        credentials.root_pair(Settings(data_directory=tmp_path))


def test_the_root_pair_signs_as_root(installation: Installation) -> None:
    found = credentials.find(installation, "AKIAROOTROOTROOTROOT")
    assert found is not None
    assert found.principal.is_root
    assert found.principal.arn == f"arn:aws:iam::{ACCOUNT}:root"


def test_a_users_key_is_found_while_it_is_active(installation: Installation, make_user: Callable[..., User]) -> None:
    make_user("Alice")
    key, secret = credentials.new_access_key(installation, ACCOUNT, "alice")
    with installation.database.transaction() as tx:
        ACCESS_KEYS.insert(tx, key)
    found = credentials.find(installation, key.id)
    assert found is not None
    assert (found.secret_access_key, found.principal.arn) == (secret, f"arn:aws:iam::{ACCOUNT}:user/Alice")
    assert secret.encode() not in key.secret
    with installation.database.transaction() as tx:
        tx.execute(
            "UPDATE identity_access_keys SET record = json_set(record, '$.status', 'Inactive') WHERE id = ?",
            (key.id,),
        )
    assert credentials.find(installation, key.id) is None


def test_temporary_credentials_outlive_a_restart_and_end(settings: Settings) -> None:
    first = Installation(settings)
    lasting = credentials.issue(first, Principal.root(ACCOUNT), now() + timedelta(hours=1))
    ended = credentials.issue(first, Principal.root(ACCOUNT), now() - timedelta(hours=1))
    first.close()
    second = Installation(settings)
    try:
        found = credentials.find(second, lasting.access_key_id)
        assert found == lasting
        assert not found.expired
        late = credentials.find(second, ended.access_key_id)
        assert late is not None
        assert late.expired
    finally:
        second.close()


def test_an_unknown_key_is_none(installation: Installation) -> None:
    assert credentials.find(installation, "AKIANOBODYNOBODY0000") is None
    assert credentials.find(installation, "ASIANOBODYNOBODY0000") is None


def test_access_key_ids_carry_their_account() -> None:
    for account in ("000000000000", "123456789012", "999999999999"):
        assert unique_ids.account_of(unique_ids.access_key_id("ASIA", account)) == account
    assert unique_ids.account_of("AKIAshort") is None
