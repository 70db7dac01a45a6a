from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.catalog.catalog import PUT_BACK, Catalog
from pantry_tui.errors import RefusedError, RunnerBusyError, StorageError
from pantry_tui.models import CatalogRebuild, MarkRequest, RepositoryTarget
from pantry_tui.repository.local import LocalRepository, ProofRecord
from tests.unit.repository.samples import NOON, installation, local_repository, publish_backup


class ReadingRepository(LocalRepository):
    """A repository that says which manifests were read."""

    def __init__(self, directory: Path, name: str = "main") -> None:
        super().__init__(RepositoryTarget(name=name, location=str(directory)), installation(directory))
        self.read: list[str] = []

    def manifest(self, backup_id: str) -> Manifest:
        self.read.append(backup_id)
        return super().manifest(backup_id)

    def take_read(self) -> list[str]:
        read, self.read = self.read, []
        return read


@pytest.fixture
def repository(tmp_path: Path) -> ReadingRepository:
    return ReadingRepository(tmp_path / "backups")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "data") as made:
        yield made


def ids(catalog: Catalog, *, repository: str | None = None, database: str | None = None) -> list[str]:
    return [summary.id for summary in catalog.backups(repository=repository, database=database)]


def age(repository: LocalRepository) -> None:
    """Makes every backup's directory look as if nothing happened to it lately."""
    for backup_id in repository.ids():
        os.utime(repository.path(backup_id), (1_700_000_000, 1_700_000_000))


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


class TestRecovering:
    def test_every_truncation_of_the_file_is_survived(self, catalog: Catalog, repository: ReadingRepository) -> None:
        first = publish_backup(repository)
        catalog.refresh(repository)
        second = publish_backup(repository, at=NOON + timedelta(hours=1))
        catalog.refresh(repository)
        catalog.close()
        path = catalog.directory / "catalog.json"
        whole = path.read_bytes()
        for length in (0, 1, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:length])
            found = Catalog(catalog.directory)
            assert ids(found) == [first]
            assert len(found.problems) == 1
            assert f"{path} is damaged" in found.problems[0]
            assert "its previous copy was used" in found.problems[0]
        with Catalog(catalog.directory) as healed:
            healed.refresh(repository)
            assert ids(healed) == [second, first]
        assert path.with_name("catalog.json.damaged").read_bytes() == whole[:-1]
        assert ids(Catalog(catalog.directory)) == [second, first]
        assert Catalog(catalog.directory).problems == []

    @pytest.mark.parametrize("data", [b"[]", b"null", b'{"backups": []}', b"\xff", b'{"catalog": {"1": {"id": "x"}}}'])
    def test_what_is_no_catalog(self, catalog: Catalog, repository: ReadingRepository, data: bytes) -> None:
        made = publish_backup(repository)
        catalog.directory.mkdir(mode=0o700)
        (catalog.directory / "catalog.json").write_bytes(data)
        assert ids(catalog) == []
        assert len(catalog.problems) == 1
        catalog.refresh(repository)
        assert ids(catalog) == [made]
        assert Catalog(catalog.directory).problems == []

    def test_a_missing_file_with_a_previous_copy(self, catalog: Catalog, repository: ReadingRepository) -> None:
        publish_backup(repository)
        catalog.refresh(repository)
        publish_backup(repository)
        catalog.refresh(repository)
        (catalog.directory / "catalog.json").unlink()
        found = Catalog(catalog.directory)
        assert len(ids(found)) == 1
        assert found.problems == [f"{catalog.directory}/catalog.json is missing: its previous copy was used"]

    def test_a_link_in_its_place_is_not_followed(self, catalog: Catalog, tmp_path: Path) -> None:
        catalog.directory.mkdir(mode=0o700)
        (tmp_path / "elsewhere").write_bytes(b"{}")
        (catalog.directory / "catalog.json").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(StorageError, match="reading the catalog"):
            catalog.backups()


class TestRebuildingAndChecking:
    def test_rebuild_reads_everything_again(self, catalog: Catalog, repository: ReadingRepository) -> None:
        made = [publish_backup(repository, at=NOON + timedelta(hours=hour)) for hour in range(3)]
        catalog.refresh(repository)
        repository.take_read()
        assert catalog.rebuild([repository]) == CatalogRebuild(backups=3)
        assert sorted(repository.take_read()) == made
        assert ids(catalog) == made[::-1]

    def test_rebuild_forgets_repositories_that_are_not_given(self, catalog: Catalog, tmp_path: Path) -> None:
        main, second = local_repository(tmp_path / "main"), local_repository(tmp_path / "second", "second")
        kept = publish_backup(main)
        publish_backup(second)
        catalog.rebuild([main, second])
        assert catalog.check([main]) == [
            f"the catalog lists backups in {second.directory}, which is no repository of yours"
        ]
        assert catalog.rebuild([main]).backups == 1
        assert ids(catalog) == [kept]
        assert catalog.check([main]) == []

    def test_a_rebuild_names_what_it_could_not_read(self, catalog: Catalog, repository: ReadingRepository) -> None:
        publish_backup(repository)
        where = repository.path(publish_backup(repository)) / "manifest.json"
        where.write_bytes(b"{")
        expected = CatalogRebuild(backups=1, damaged=(f"{where} is not a readable manifest",))
        assert catalog.rebuild([repository]) == expected

    def test_a_failed_rebuild_changes_nothing(self, catalog: Catalog, repository: ReadingRepository) -> None:
        made = publish_backup(repository)
        catalog.refresh(repository)
        repository.directory.chmod(0o777)
        with pytest.raises(RefusedError):
            catalog.rebuild([repository])
        assert ids(catalog) == [made]

    def test_check_finds_what_is_amiss(self, catalog: Catalog, repository: ReadingRepository) -> None:
        made = [publish_backup(repository, at=NOON + timedelta(hours=hour)) for hour in range(4)]
        catalog.refresh(repository)
        assert catalog.check([repository]) == []
        directory = repository.directory
        new = publish_backup(repository, at=NOON + timedelta(hours=9))
        repository.delete(made[0], by="anna")
        (directory / made[1] / "manifest.json").write_bytes(b"{")
        (directory / made[2] / "crm.sql.gz").unlink()
        repository.add_record(made[3], ProofRecord(kind="validation", at=NOON, ok=False))
        staged = repository.begin(f"20261124T000000Z-cut-{'0' * 4}")
        staged.release()
        assert sorted(catalog.check([repository])) == sorted(
            [
                f"main: the catalog lists {made[0]}, which is not there or cannot be read",
                f"main: the catalog lists {made[1]}, which is not there or cannot be read",
                f"main: what the catalog says of {made[3]} is out of date",
                f"main: the catalog does not list {new}",
                f"{directory}/{made[1]}/manifest.json is not a readable manifest",
                f"the manifest of backup {made[1]} is not the one that backup {made[2]} names: it was changed or exchanged",
                f"{directory}/{made[2]}/crm.sql.gz is missing",
                f"{directory}/{staged.id} was left behind by a crash",
            ]
        )
        catalog.refresh(repository)
        repository.clean_leftovers()
        assert sorted(catalog.check([repository])) == sorted(
            [
                f"{directory}/{made[1]}/manifest.json is not a readable manifest",
                f"the manifest of backup {made[1]} is not the one that backup {made[2]} names: it was changed or exchanged",
                f"{directory}/{made[2]}/crm.sql.gz is missing",
            ]
        )

    def test_check_goes_on_after_a_repository_it_cannot_look_at(self, catalog: Catalog, tmp_path: Path) -> None:
        main, second = local_repository(tmp_path / "main"), local_repository(tmp_path / "second", "second")
        publish_backup(main)
        new = publish_backup(second)
        main.directory.chmod(0o777)
        problems = catalog.check([main, second])
        assert len(problems) == 2
        assert "other users can write" in problems[0]
        assert problems[1] == f"second: the catalog does not list {new}"


class TestOneWriter:
    def test_a_second_writer_is_refused_until_the_first_is_done(
        self, catalog: Catalog, repository: ReadingRepository
    ) -> None:
        first = publish_backup(repository)
        catalog.refresh(repository)
        other = Catalog(catalog.directory)
        assert ids(other) == [first]
        second = publish_backup(repository, at=NOON + timedelta(hours=1))
        with pytest.raises(RunnerBusyError, match="another process writes the catalog"):
            other.refresh(repository)
        catalog.refresh(repository)
        catalog.close()
        with other:
            third = publish_backup(repository, at=NOON + timedelta(hours=2))
            other.refresh(repository)  # on top of what the first wrote meanwhile
            assert ids(other) == [third, second, first]
        catalog.refresh(repository)
        fourth = publish_backup(repository, at=NOON + timedelta(hours=3))
        catalog.refresh(repository)
        assert ids(Catalog(catalog.directory)) == [fourth, third, second, first]

    def test_another_process_is_refused_too(self, catalog: Catalog) -> None:
        catalog.rebuild([])
        script = (
            "import sys; from pathlib import Path; from pantry_tui.catalog.catalog import Catalog\n"
            "from pantry_tui.errors import RunnerBusyError\n"
            "try: Catalog(Path(sys.argv[1])).rebuild([])\n"
            "except RunnerBusyError: print('refused')"
        )
        told = subprocess.run(
            [sys.executable, "-c", script, str(catalog.directory)], capture_output=True, text=True, check=True
        )
        assert told.stdout == "refused\n"

    def test_the_data_directory_is_private(self, catalog: Catalog) -> None:
        catalog.rebuild([])
        assert catalog.directory.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in catalog.directory.iterdir()} == {0o600}
        other = Catalog(catalog.directory)
        catalog.close()
        catalog.directory.chmod(0o770)
        with pytest.raises(RefusedError, match="the data directory"):
            other.rebuild([])
