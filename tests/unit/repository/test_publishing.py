"""Backups become part of a repository: whole, once, and in a directory that is its user's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pantry_tui.errors import (
    BackupDamagedError,
    ConfigError,
    InternalError,
    NotFoundError,
    RefusedError,
    StorageError,
)
from pantry_tui.repository.local import LocalRepository, new_backup_id
from tests.unit.repository.samples import CONTENT, NOON, local_repository, manifest_of, publish_backup


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestPublishing:
    def test_a_published_backup_reads_back(self, local: LocalRepository) -> None:
        made = publish_backup(local, database="crm")
        assert local.ids() == [made]
        assert local.manifest(made).database == "crm"
        with local.open(made, "crm.sql.gz") as file:
            assert file.read(0, file.size) == CONTENT["crm.sql.gz"]
        assert local.problems(made) == []
        assert sorted(path.name for path in local.path(made).iterdir()) == sorted(
            [*CONTENT, "manifest.json", "manifest.json.sig"]
        )

    def test_everything_is_for_the_owner_alone(self, local: LocalRepository) -> None:
        before = os.umask(0)
        try:
            made = publish_backup(local)
        finally:
            os.umask(before)
        assert mode(local.directory) == 0o700
        assert mode(local.path(made)) == 0o700
        assert {mode(path) for path in local.path(made).iterdir()} == {0o600}

    def test_files_made_by_tools_are_tightened(self, local: LocalRepository) -> None:
        made = new_backup_id("daily", NOON)
        staged = local.begin(made)
        for name, data in CONTENT.items():
            (staged.path / name).write_bytes(data)
            (staged.path / name).chmod(0o644)
        local.publish(staged, manifest_of(made))
        assert {mode(path) for path in local.path(made).iterdir()} == {0o600}

    def test_without_a_manifest_there_is_no_backup(self, local: LocalRepository) -> None:
        staged = local.begin(new_backup_id("daily", NOON))
        assert local.ids() == []
        with pytest.raises(NotFoundError):
            local.path(staged.id)
        with pytest.raises(NotFoundError):
            local.resolve(staged.id)
        local.discard(staged)
        assert [path.name for path in local.directory.iterdir()] == [".lock"]

    @pytest.mark.parametrize("change", ["missing", "short"])
    def test_a_backup_with_wrong_files_is_not_published(self, local: LocalRepository, change: str) -> None:
        made = new_backup_id("daily", NOON)
        staged = local.begin(made)
        (staged.path / "archive.dump").write_bytes(CONTENT["archive.dump"])
        if change == "short":
            (staged.path / "crm.sql.gz").write_bytes(CONTENT["crm.sql.gz"][:-1])
        with pytest.raises(BackupDamagedError, match=r"crm\.sql\.gz should hold 128 bytes"):
            local.publish(staged, manifest_of(made))
        assert local.ids() == []
        local.discard(staged)

    def test_a_file_is_never_created_twice_or_through_a_link(self, local: LocalRepository, tmp_path: Path) -> None:
        staged = local.begin(new_backup_id("daily", NOON))
        os.close(staged.create("a"))
        (staged.path / "b").symlink_to(tmp_path / "elsewhere")
        for name in ("a", "b"):
            with pytest.raises(StorageError, match="creating a file of the backup"):
                staged.create(name)
        assert not (tmp_path / "elsewhere").exists()
        local.discard(staged)

    @pytest.mark.parametrize(
        "name", ["../a", "/a", "", ".", "..", "a\0b", "manifest.json", "manifest.json.sig", ".lock"]
    )
    def test_names_that_are_not_files_of_a_backup(self, local: LocalRepository, name: str) -> None:
        staged = local.begin(new_backup_id("daily", NOON))
        with pytest.raises(InternalError):
            staged.create(name)
        local.discard(staged)

    def test_an_id_is_begun_once(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        with pytest.raises(StorageError):
            local.begin(made)
        assert local.problems(made) == []


class TestDirectory:
    def test_others_may_not_write_into_it(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        local.directory.chmod(0o770)
        for attempt in (
            local.prepare,
            local.ids,
            lambda: local.resolve("latest"),
            lambda: local.delete(made, by="anna"),
        ):
            with pytest.raises(RefusedError, match=r"other users can write into .* \(mode 0770\)") as caught:
                attempt()
            assert caught.value.remedy == f"chmod 700 {local.directory}"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
    def test_it_belongs_to_this_user(self, local: LocalRepository) -> None:
        local.prepare()
        os.chown(local.directory, 12345, 12345)
        with pytest.raises(RefusedError, match="belongs to the user 12345, and this program runs as root"):
            local.ids()

    def test_it_is_a_directory(self, local: LocalRepository) -> None:
        local.directory.write_bytes(b"")
        with pytest.raises(ConfigError, match="is not a directory"):
            local.prepare()

    def test_its_path_is_absolute(self) -> None:
        with pytest.raises(ConfigError, match="not an absolute path"):
            local_repository(Path("backups")).prepare()

    def test_before_the_first_backup_it_is_empty(self, local: LocalRepository) -> None:
        assert not local.is_there()
        assert local.ids() == []
        assert local.leftovers() == []
        assert local.clean_leftovers() == []
        with pytest.raises(NotFoundError, match="has no backup yet"):
            local.resolve("latest")
        assert not local.directory.exists()


class TestLeftovers:
    def test_a_backup_in_the_making_is_none(self, local: LocalRepository) -> None:
        staged = local.begin(new_backup_id("daily", NOON))
        assert local.leftovers() == []
        assert local.clean_leftovers() == []
        staged.release()  # its process died
        assert local.leftovers() == [staged.id]
        assert local.clean_leftovers() == [staged.id]
        assert local.leftovers() == []
        assert not staged.path.exists()

    def test_what_is_no_backup_is_left_alone(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        (local.directory / "notes").mkdir()
        (local.directory / new_backup_id("file", NOON)).write_bytes(b"")
        assert local.clean_leftovers() == []
        assert local.ids() == [made]
        assert (local.directory / "notes").is_dir()

    def test_one_that_cannot_be_removed_does_not_keep_the_others(self, local: LocalRepository) -> None:
        stubborn, other = (local.begin(new_backup_id(name, NOON)) for name in ("a-stubborn", "other"))
        (stubborn.path / "mine").mkdir()
        stubborn.release()
        other.release()
        with pytest.raises(StorageError, match="cleaning up"):
            local.clean_leftovers()
        assert local.leftovers() == [stubborn.id]

    def test_a_record_that_was_not_finished(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        name = f"{made}/.validation-20261123T120000Z-0000.json.tmp"
        (local.directory / name).write_bytes(b"{")
        assert local.problems(made) + local.oddities(made) == []
        assert local.leftovers() == [name]
        assert local.clean_leftovers() == [name]
        assert local.leftovers() == []
        assert local.ids() == [made]


def test_a_directory_that_cannot_be_made_is_no_matter_of_links(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="creating the repository main: /proc/x"):
        local_repository(Path("/proc/x")).prepare()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="link leads nowhere"):
        local_repository(tmp_path / "link").prepare()
