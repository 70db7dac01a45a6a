"""What a catalog reads anew and what it lists."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.catalog.catalog import PUT_BACK, Catalog
from pantry_tui.errors import RefusedError, StorageError
from pantry_tui.models import CatalogRebuild, MarkRequest
from pantry_tui.repository.local import ProofRecord
from tests.unit.catalog.reading import ReadingRepository, age, ids
from tests.unit.repository.samples import NOON, local_repository, publish_backup


class TestRefreshing:
    def test_only_what_is_new_is_read(self, catalog: Catalog, repository: ReadingRepository) -> None:
        first = publish_backup(repository)
        catalog.refresh(repository)
        assert repository.take_read() == [first]
        second = publish_backup(repository, at=NOON + timedelta(hours=1))
        catalog.refresh(repository)
        assert repository.take_read() == [second]
        catalog.refresh(repository)
        assert repository.take_read() == []
        assert ids(catalog) == [second, first]
        assert catalog.backups()[0] == repository.summary(second)

    def test_another_process_reads_no_manifest_again(
        self, catalog: Catalog, repository: ReadingRepository, tmp_path: Path
    ) -> None:
        made = publish_backup(repository)
        catalog.refresh(repository)
        age(repository)
        catalog.refresh(repository)
        repository.take_read()
        reader = Catalog(tmp_path / "data")
        reader.refresh(repository)  # nothing to write: the writer is not disturbed
        assert ids(reader) == [made]
        assert repository.take_read() == []

    def test_nothing_is_written_when_nothing_changed(self, catalog: Catalog, repository: ReadingRepository) -> None:
        publish_backup(repository)
        age(repository)
        catalog.refresh(repository)
        before = (catalog.directory / "catalog.json").stat()
        catalog.refresh(repository)
        after = (catalog.directory / "catalog.json").stat()
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)

    @pytest.mark.parametrize("aged", [True, False])
    def test_a_proof_shows_without_reading_the_manifest(
        self, catalog: Catalog, repository: ReadingRepository, aged: bool
    ) -> None:
        made = publish_backup(repository)
        if aged:
            age(repository)
        catalog.refresh(repository)
        repository.take_read()
        repository.add_record(made, ProofRecord(kind="validation", at=NOON, ok=True))
        catalog.refresh(repository)
        assert catalog.backups()[0].valid is True
        assert repository.take_read() == []

    def test_a_proof_within_one_tick_of_the_clock_is_seen(
        self, catalog: Catalog, repository: ReadingRepository
    ) -> None:
        made = publish_backup(repository)
        times = repository.path(made).stat()
        catalog.refresh(repository)
        repository.add_record(made, ProofRecord(kind="restore", at=NOON, ok=True))
        os.utime(repository.path(made), ns=(times.st_atime_ns, times.st_mtime_ns))
        catalog.refresh(repository)
        assert catalog.backups()[0].proven_at == NOON

    def test_a_mark_is_seen_without_reading_manifests_again(
        self, catalog: Catalog, repository: ReadingRepository
    ) -> None:
        made = publish_backup(repository)
        age(repository)
        catalog.refresh(repository)
        repository.mark(made, MarkRequest(pinned=True, label="before 2.4"), by="somebody")
        repository.take_read()
        catalog.refresh(repository)
        assert [(each.pinned, each.label) for each in catalog.backups()] == [(True, "before 2.4")]
        assert repository.take_read() == []

    def test_a_deleted_backup_goes(self, catalog: Catalog, repository: ReadingRepository) -> None:
        kept, gone = publish_backup(repository), publish_backup(repository)
        catalog.refresh(repository)
        repository.delete(gone, by="anna")
        catalog.refresh(repository)
        assert ids(catalog) == [kept]
        assert ids(Catalog(catalog.directory)) == [kept]

    def test_a_renamed_repository(self, catalog: Catalog, repository: ReadingRepository) -> None:
        made = publish_backup(repository)
        age(repository)
        catalog.refresh(repository)
        repository.take_read()
        renamed = ReadingRepository(repository.directory, "offsite")
        catalog.refresh(renamed)
        assert ids(catalog, repository="offsite") == [made]
        assert ids(catalog, repository="main") == []
        assert renamed.take_read() == []

    def test_a_damaged_manifest_is_a_problem_and_no_obstacle(
        self, catalog: Catalog, repository: ReadingRepository
    ) -> None:
        good, bad = publish_backup(repository), publish_backup(repository)
        catalog.refresh(repository)
        where = repository.path(bad) / "manifest.json"
        intact = where.read_bytes()
        where.write_bytes(b"{")
        catalog.refresh(repository)
        repository.take_read()
        catalog.refresh(repository)
        assert repository.take_read() == []
        assert ids(catalog) == [good]
        assert catalog.problems == [f"{where} is not a readable manifest"]
        where.write_bytes(intact)
        catalog.refresh(repository)
        assert sorted(ids(catalog)) == sorted([good, bad])
        assert catalog.problems == []

    @pytest.mark.parametrize(("leaves_mount_point", "state"), [(False, "is not there"), (True, "has no backup in it")])
    def test_an_unmounted_repository_keeps_its_entries(
        self, catalog: Catalog, repository: ReadingRepository, tmp_path: Path, leaves_mount_point: bool, state: str
    ) -> None:
        made = publish_backup(repository)
        catalog.refresh(repository)
        repository.directory.rename(tmp_path / "unmounted")
        if leaves_mount_point:
            repository.directory.mkdir(mode=0o700)
        catalog.refresh(repository)
        words = f"the repository main {state}: {repository.directory} (1 backup of it is listed)"
        assert ids(catalog) == [made]
        assert catalog.problems == [words]
        assert catalog.check([repository]) == [f"{words}. {PUT_BACK}"]
        with pytest.raises(StorageError, match="nothing was rebuilt") as caught:
            catalog.rebuild([repository])
        assert caught.value.remedy == PUT_BACK
        assert ids(Catalog(catalog.directory)) == [made]
        if leaves_mount_point:
            assert list(repository.directory.iterdir()) == []
            repository.directory.rmdir()
        (tmp_path / "unmounted").rename(repository.directory)
        catalog.refresh(repository)
        assert catalog.problems == []
        assert catalog.check([repository]) == []

    def test_the_backups_of_a_lost_repository_are_forgotten_by_force(
        self, catalog: Catalog, repository: ReadingRepository
    ) -> None:
        made = publish_backup(repository)
        catalog.refresh(repository)
        shutil.rmtree(repository.directory)
        assert catalog.rebuild([repository], force=True) == CatalogRebuild(backups=0, forgotten=(made,))
        assert ids(catalog) == []
        assert catalog.check([repository]) == []

    def test_the_last_backup_deleted_on_purpose_goes(self, catalog: Catalog, repository: ReadingRepository) -> None:
        made = publish_backup(repository)
        catalog.refresh(repository)
        repository.delete(made, by="anna", force=True)
        catalog.deleted(repository, made)
        assert ids(Catalog(catalog.directory)) == []
        assert catalog.check([repository]) == []

    def test_a_repository_that_others_can_write_is_refused(
        self, catalog: Catalog, repository: ReadingRepository
    ) -> None:
        publish_backup(repository)
        repository.directory.chmod(0o777)
        with pytest.raises(RefusedError):
            catalog.refresh(repository)


class TestListing:
    def test_by_repository_and_database(self, catalog: Catalog, tmp_path: Path) -> None:
        main, second = local_repository(tmp_path / "main"), local_repository(tmp_path / "second", "second")
        crm = publish_backup(main, database="crm")
        shop = publish_backup(main, database="shop", at=NOON + timedelta(hours=1))
        shutil.copytree(main.path(crm), second.directory / crm)
        second.directory.chmod(0o700)
        for repository in (main, second):
            catalog.refresh(repository)
        assert ids(catalog) == [shop, crm, crm]
        assert ids(catalog, repository="main") == [shop, crm]
        assert ids(catalog, repository=str(tmp_path / "second")) == [crm]
        assert ids(catalog, database="shop") == [shop]
        assert [summary.id for summary in catalog.backups(limit=1)] == [shop]

    def test_nothing_yet(self, tmp_path: Path) -> None:
        catalog = Catalog(tmp_path / "never made")
        assert catalog.backups() == []
        assert catalog.jobs() == []
        assert catalog.problems == []
        assert not catalog.directory.exists()
