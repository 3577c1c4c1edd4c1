"""An export holds all of one moment, for its owner's eyes only, and comes back as it was."""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from pathlib import Path

import pytest

from boatyard.api.installation import Installation
from boatyard.keeping import snapshot
from boatyard.keeping.export import export
from boatyard.keeping.importing import ImportFailed, import_file
from boatyard.keeping.snapshot import ExportFailed
from boatyard.settings import Settings
from tests.unit.keeping.conftest import KEY, LARGE, decoded, fill, quiet


def test_what_was_exported_comes_back(exported: Path, elsewhere: Settings) -> None:
    import_file(elsewhere, exported, say=quiet, moved=quiet)
    installation = Installation(elsewhere)
    call = installation.root_call()
    assert call.invoke("s3", "GetObject", Bucket="kept", Key=KEY)["Body"] == b"small"
    assert b"".join(call.invoke("s3", "GetObject", Bucket="kept", Key="large")["Body"]) == LARGE
    found = call.invoke("codecommit", "GetFile", repositoryName="code", filePath="file")
    assert found["fileContent"] == b"one"
    installation.close()
    volume = elsewhere.data_directory / "sagemaker" / "notebook-instances" / "abc-1" / "volume"
    assert (volume / "here").readlink() == Path("deep/notes.ipynb")
    assert (volume / "here").read_text() == "{}"
    assert stat.S_IMODE((volume / "deep" / "run").stat().st_mode) == 0o755, "executable still, but as nobody else"
    left = {each.name for each in elsewhere.data_directory.iterdir()}
    assert left - {"state.db-wal", "state.db-shm"} == {
        "blobs",
        "git",
        "sagemaker",
        "state.db",
        "sealing-key",
        "lock",
    }


def test_the_file_is_for_its_owner_alone_and_names_no_place(original: tuple[Settings, Path]) -> None:
    settings, exported = original
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    assert not list(settings.data_directory.glob(f"{snapshot.PREFIX}*"))
    place = str(settings.data_directory).encode()
    with tarfile.open(exported) as tar:
        names = tar.getnames()
        for name in names:
            content = tar.extractfile(name) if tar.getmember(name).isreg() else None
            assert content is None or place not in content.read(), f"{name} holds the path of the data directory"
        manifest = decoded(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
    assert (names[0], names[-1]) == ("boatyard-export.json", "manifest.json")
    assert set(manifest) == set(names) - {"manifest.json"}


def test_a_file_is_replaced_only_when_asked(exported: Path, original: tuple[Settings, Path]) -> None:
    settings, _ = original
    before = exported.read_bytes()
    with pytest.raises(ExportFailed, match="--yes"):
        export(settings, exported, replace=False, port=1, say=quiet, moved=quiet)
    assert exported.read_bytes() == before
    export(settings, exported, replace=True, port=1, say=quiet, moved=quiet)


def test_nothing_is_left_of_an_export_that_fails(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = Installation(settings)
    fill(installation)
    installation.close()
    leftover = settings.data_directory / f"{snapshot.PREFIX}999999999-00"
    leftover.mkdir()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportFailed, match="No space left"):
        export(settings, tmp_path / "out" / "x", replace=False, port=1, say=quiet, moved=quiet)
    assert list((tmp_path / "out").iterdir()) == []
    assert not list(settings.data_directory.glob(f"{snapshot.PREFIX}*"))


def test_without_a_data_directory_there_is_nothing_to_export(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match="nothing to export"):
        export(settings, tmp_path / "x", replace=False, port=1, say=quiet, moved=quiet)


def test_another_account_is_refused_with_what_to_set(exported: Path, elsewhere: Settings) -> None:
    other = elsewhere.model_copy(update={"account_id": "111122223333"})
    with pytest.raises(ImportFailed, match="BOATYARD_ACCOUNT_ID=000000000000"):
        import_file(other, exported, say=quiet, moved=quiet)
    assert not (other.data_directory / "state.db").exists()


def test_a_file_system_without_links_is_copied(
    original: tuple[Settings, Path], elsewhere: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    file = tmp_path / "copied.tar.gz"
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse)
        export(original[0], file, replace=False, port=1, say=quiet, moved=quiet)
    import_file(elsewhere, file, say=quiet, moved=quiet)
    installation = Installation(elsewhere)
    found = installation.root_call().invoke("s3", "GetObject", Bucket="kept", Key="large")
    assert b"".join(found["Body"]) == LARGE
    installation.close()
