"""A catalog that was damaged, is rebuilt, or is opened twice."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import RefusedError, RunnerBusyError, StorageError
from pantry_tui.models import CatalogRebuild
from pantry_tui.repository.local import ProofRecord
from tests.unit.catalog.reading import ReadingRepository, ids
from tests.unit.repository.samples import NOON, local_repository, publish_backup


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
