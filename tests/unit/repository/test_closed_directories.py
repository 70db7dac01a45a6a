"""Directories that this user may not enter: named as what they are, and no trouble for the backups beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import BackupDamagedError, ConfigError, StorageError
from pantry_tui.repository.local import LocalRepository
from tests.permissions import permissions_hold
from tests.unit.repository.samples import NOON, local_repository, publish_backup


@pytest.fixture
def local(tmp_path: Path) -> LocalRepository:
    return local_repository(tmp_path / "backups")


@pytest.fixture
def closed(local: LocalRepository) -> Iterator[tuple[str, str, str]]:
    """Three backups, of which nobody may enter the one in the middle."""
    first, second, third = (publish_backup(local, at=NOON + timedelta(hours=hour)) for hour in range(3))
    (local.directory / second).chmod(0o000)
    with permissions_hold():
        yield first, second, third
    (local.directory / second).chmod(0o700)


def test_a_repository_below_a_closed_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o000)
    local = local_repository(tmp_path / "closed" / "backups")
    with permissions_hold():
        for look in (local.is_there, local.ids, local.has_backups, local.leftovers, local.clean_leftovers):
            with pytest.raises(StorageError, match=f"{local.directory}: Permission denied") as caught:
                look()
            assert "give the user" in (caught.value.remedy or "")


def test_a_file_is_no_repository(local: LocalRepository) -> None:
    local.directory.write_text("")
    with pytest.raises(ConfigError, match="backups is not a directory"):
        local.ids()


def test_the_others_are_read(local: LocalRepository, closed: tuple[str, str, str]) -> None:
    first, second, third = closed
    assert local.ids() == [third, second, first]
    assert local.summary(first).id == first
    assert local.resolve("latest", database="crm") == third
    assert local.leftovers() == local.clean_leftovers() == []
    with pytest.raises(StorageError, match=f"{second}/manifest.json: Permission denied"):
        local.manifest(second)


def test_the_next_backup_is_taken_and_the_closed_one_not_missed(
    local: LocalRepository, closed: tuple[str, str, str]
) -> None:
    made = publish_backup(local, at=NOON + timedelta(hours=4))
    previous = local.manifest(made).previous
    assert previous is not None
    assert previous.id == closed[2]
    assert local.signature_problems() == []
    assert local.forget_missing(by="anna") == []


def test_the_catalog_lists_the_others_and_the_closed_one_once_it_is_open(
    tmp_path: Path, local: LocalRepository, closed: tuple[str, str, str]
) -> None:
    first, second, third = closed
    (tmp_path / "data").mkdir(mode=0o700)
    with Catalog(tmp_path / "data") as catalog:
        catalog.refresh(local)
        assert [each.id for each in catalog.backups()] == [third, first]
        assert list(catalog.damaged) == [second]
        assert any(f"{second}" in problem and "Permission denied" in problem for problem in catalog.check([local]))
        (local.directory / second).chmod(0o700)
        catalog.refresh(local)
        assert [each.id for each in catalog.backups()] == [third, second, first]
        assert catalog.damaged == {}


def test_a_link_is_not_the_file_that_was_written(local: LocalRepository) -> None:
    made = publish_backup(local)
    file = local.directory / made / "crm.sql.gz"
    file.rename(local.directory / "elsewhere")
    file.symlink_to(local.directory / "elsewhere")
    with pytest.raises(BackupDamagedError, match=f"{file} is a symbolic link"):
        local.open(made, "crm.sql.gz")


def test_a_backup_that_cannot_be_removed_is_named(local: LocalRepository) -> None:
    kept, other = publish_backup(local), publish_backup(local, at=NOON + timedelta(hours=1))
    (local.directory / kept).chmod(0o500)
    with permissions_hold(), pytest.raises(StorageError, match=f"deleting a backup: {local.directory}/{kept}/manifest"):
        local.delete(kept, by="anna")
    (local.directory / kept).chmod(0o700)
    assert local.ids() == [other, kept]
