from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.files import create_exclusive
from pantry_tui.artifact.manifest import encode_manifest
from pantry_tui.errors import (
    BackupDamagedError,
    ConfigError,
    InternalError,
    NotFoundError,
    RefusedError,
    StorageError,
    UsageError,
)
from pantry_tui.models import MarkRequest
from pantry_tui.repository.local import LocalRepository, ProofRecord, new_backup_id
from pantry_tui.repository.staging import remove_backup_directory
from tests.unit.repository.samples import CONTENT, NOON, local_repository, manifest_of, publish_backup


@pytest.fixture
def local(tmp_path: Path) -> LocalRepository:
    return local_repository(tmp_path / "backups")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestPublishing:
    def test_a_published_backup_reads_back(self, local: LocalRepository) -> None:
        made = publish_backup(local, database="crm")
        assert local.ids() == [made]
        assert local.manifest(made).database == "crm"
        with local.open(made, "crm.sql.gz") as file:
            assert file.read() == CONTENT["crm.sql.gz"]
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


class TestResolving:
    def test_ids_are_newest_first(self, local: LocalRepository) -> None:
        made = [publish_backup(local, at=NOON + timedelta(hours=hour)) for hour in (2, 0, 1)]
        assert local.ids() == [made[0], made[2], made[1]]
        assert local.resolve("latest") == made[0]
        assert local.resolve(made[1][:16]) == made[1]
        assert local.resolve(made[2]) == made[2]

    def test_latest_of_a_database_by_either_name(self, local: LocalRepository) -> None:
        crm = publish_backup(local, database="crm", source="crm_production")
        shop = publish_backup(local, database="shop", source="shop", at=NOON + timedelta(hours=1))
        assert local.resolve("latest") == shop
        assert local.resolve("latest", database="crm") == crm
        assert local.resolve("latest", database="crm_production") == crm
        with pytest.raises(NotFoundError, match="no backup of the database other yet"):
            local.resolve("latest", database="other")

    def test_latest_of_a_database_passes_over_what_cannot_be_read(self, local: LocalRepository) -> None:
        good = publish_backup(local)
        bad = publish_backup(local, at=NOON + timedelta(hours=1))
        (local.path(bad) / "manifest.json").write_bytes(b"{")
        assert local.resolve("latest", database="crm") == good
        assert local.resolve("latest") == bad

    def test_a_link_to_a_directory_is_no_backup(self, local: LocalRepository, tmp_path: Path) -> None:
        made = publish_backup(local)
        (local.directory / made).rename(tmp_path / made)
        (local.directory / made).symlink_to(tmp_path / made)
        assert local.ids() == []
        with pytest.raises(NotFoundError):
            local.manifest(made)


class TestReading:
    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"manifest_version": 1}', b"null" * 100])
    def test_a_damaged_manifest_is_said_to_be_one(self, local: LocalRepository, data: bytes) -> None:
        made = publish_backup(local)
        where = local.path(made) / "manifest.json"
        where.write_bytes(data)
        for read in (local.manifest, local.summary, local.details):
            with pytest.raises(BackupDamagedError, match=f"{where} is not a readable manifest"):
                read(made)
        assert local.problems(made) == [f"{where} is not a readable manifest"]

    def test_a_manifest_of_another_backup(self, local: LocalRepository) -> None:
        made, other = publish_backup(local), new_backup_id("daily", NOON)
        (local.path(made) / "manifest.json").write_bytes(encode_manifest(manifest_of(other)))
        with pytest.raises(BackupDamagedError, match=f"is the manifest of another backup: {other}"):
            local.manifest(made)

    def test_a_monstrous_manifest_is_not_read(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        os.truncate(local.path(made) / "manifest.json", (1 << 30) + 1)  # sparse
        with pytest.raises(BackupDamagedError, match="larger than any such file can be"):
            local.manifest(made)

    def test_a_file_that_is_missing(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        (local.path(made) / "crm.sql.gz").unlink()
        with pytest.raises(BackupDamagedError, match=r"crm\.sql\.gz is missing"):
            local.open(made, "crm.sql.gz")

    def test_nothing_but_a_plain_file_is_opened(self, local: LocalRepository, tmp_path: Path) -> None:
        made = publish_backup(local)
        (tmp_path / "secret").write_bytes(b"secret")
        (local.path(made) / "link").symlink_to(tmp_path / "secret")
        os.mkfifo(local.path(made) / "pipe")
        (local.path(made) / "directory").mkdir()
        with pytest.raises(StorageError):
            local.open(made, "link")
        for name in ("pipe", "directory", "../../secret", str(tmp_path / "secret"), "a\0b"):
            with pytest.raises(BackupDamagedError):
                local.open(made, name)

    def test_problems_name_the_files(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        directory = local.path(made)
        (directory / "crm.sql.gz").unlink()
        (directory / "archive.dump").write_bytes(b"short")
        (directory / "stranger").write_bytes(b"")
        (directory / "validation-20261123T120000Z-0000.json").write_bytes(b"{")
        assert local.problems(made) == [
            f"{directory}/crm.sql.gz is missing",
            f"{directory}/archive.dump holds 5 bytes; the manifest says 15",
        ]
        assert local.oddities(made) == [
            f"{directory}/stranger does not belong to the backup",
            f"{directory}/validation-20261123T120000Z-0000.json is not a readable signed document",
        ]


class TestSummaries:
    def test_what_lists_show(self, local: LocalRepository) -> None:
        made = publish_backup(local, name="Täglich")
        summary = local.summary(made)
        assert (summary.id, summary.name, summary.database) == (made, "Täglich", "crm")
        assert (summary.bytes, summary.raw_bytes, summary.tables, summary.rows) == (143, 300, 1, 3)
        assert (summary.path, summary.repository) == (str(local.directory / made), "main")
        assert (summary.warnings, summary.started_by, summary.server_version) == (1, "anna", "15.20")
        assert (summary.validated_at, summary.valid, summary.proven_at) == (None, None, None)

    def test_details_add_up_the_segments_of_each_table(self, local: LocalRepository) -> None:
        details = local.details(publish_backup(local))
        (table,) = details.tables
        assert (table.schema, table.name, table.stored_bytes, table.segments) == ("public", "contacts", 88, 2)
        assert [file.name for file in details.files] == [*CONTENT]
        assert details.source["name"] == "crm_production"
        assert details.server["version_num"] == 150020

    def test_the_last_validation_and_the_last_good_restore_count(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        hour = timedelta(hours=1)
        for record in (
            ProofRecord(kind="validation", at=NOON + 2 * hour, ok=False),
            ProofRecord(kind="validation", at=NOON + hour, ok=True, details={"rows": 3}),
            ProofRecord(kind="restore", at=NOON + hour, ok=True),
            ProofRecord(kind="restore", at=NOON + 2 * hour, ok=False),
        ):
            local.add_record(made, record)
        summary = local.summary(made)
        assert (summary.valid, summary.validated_at) == (False, NOON + 2 * hour)
        assert summary.proven_at == NOON + hour
        validations = [record for record in local.records(made) if record.kind == "validation"]
        assert [(record.at, record.details) for record in validations] == [
            (NOON + hour, {"rows": 3}),
            (NOON + 2 * hour, {}),
        ]
        assert local.problems(made) == []

    @pytest.mark.parametrize("data", [b"", b'{"kind":"validation","at":"2026-11-23T12:00:00","ok":true}', b"\xff"])
    def test_an_unreadable_record_proves_nothing(self, local: LocalRepository, data: bytes) -> None:
        made = publish_backup(local)
        local.add_record(made, ProofRecord(kind="validation", at=NOON, ok=True))
        (local.path(made) / "validation-20261123T130000Z-0000.json").write_bytes(data)
        assert local.summary(made).valid is True
        assert local.problems(made) == []
        assert len(local.oddities(made)) == 1


class TestMarks:
    def mark(
        self, local: LocalRepository, made: str, *, pinned: bool | None = None, label: str | None = None
    ) -> tuple[bool, str]:
        marked = local.mark(made, MarkRequest(pinned=pinned, label=label), by="somebody")
        assert marked == local.summary(made)
        return marked.pinned, marked.label

    def test_the_newest_mark_counts(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        assert (local.summary(made).pinned, local.summary(made).label) == (False, "")
        assert self.mark(local, made, pinned=True) == (True, "")
        assert self.mark(local, made, label="before 2.4") == (True, "before 2.4")
        assert self.mark(local, made, pinned=False, label="after 2.4") == (False, "after 2.4")
        assert self.mark(local, made, label="") == (False, "")
        assert self.mark(local, made) == (False, "")
        assert local.problems(made) == []
        assert local.oddities(made) == []

    def test_nothing_that_was_written_is_written_again(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        self.mark(local, made, pinned=True)
        before = {path.name: path.read_bytes() for path in local.path(made).iterdir()}
        self.mark(local, made, pinned=False)
        after = {path.name: path.read_bytes() for path in local.path(made).iterdir()}
        assert before.items() < after.items()

    def test_a_pinned_backup_is_not_deleted(self, local: LocalRepository) -> None:
        publish_backup(local)
        made = publish_backup(local, at=NOON + timedelta(hours=1))
        self.mark(local, made, pinned=True)
        with pytest.raises(RefusedError, match="is pinned, by somebody on ") as caught:
            local.delete(made, by="anna")
        assert f"unpin {made}" in str(caught.value.remedy)
        self.mark(local, made, pinned=False)
        local.delete(made, by="anna")
        assert made not in local.ids()

    @pytest.mark.parametrize("label", ["x" * 201, "two\nlines", "\x1b[2J", "\x9b", "\u2028"])
    def test_what_a_label_cannot_be(self, local: LocalRepository, label: str) -> None:
        made = publish_backup(local)
        with pytest.raises(UsageError, match="the label of a backup"):
            self.mark(local, made, pinned=True, label=label)
        assert local.records(made) == ()

    def test_an_unreadable_mark_marks_nothing(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        self.mark(local, made, pinned=True)
        (local.path(made) / "pin-29990101T000000Z-0000.json").write_bytes(b'{"kind":"pin"}')
        assert local.summary(made).pinned
        assert len(local.oddities(made)) == 1

    def test_what_cannot_be_read_is_not_marked(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        (local.path(made) / "manifest.json").write_bytes(b"{")
        with pytest.raises(BackupDamagedError):
            self.mark(local, made, pinned=True)
        assert local.records(made) == ()


class TestDeleting:
    def test_the_last_valid_backup_of_a_database_stays(self, local: LocalRepository) -> None:
        crm = publish_backup(local)
        publish_backup(local, database="shop", source="shop")
        publish_backup(local, database="crm", source="crm_test")
        with pytest.raises(RefusedError, match=f"{crm} is the last valid backup of the database crm") as caught:
            local.delete(crm, by="anna")
        assert "--force" in str(caught.value.remedy)
        assert local.problems(crm) == []
        local.delete(crm, by="anna", force=True)
        assert crm not in local.ids()
        assert not (local.directory / crm).exists()

    def test_one_of_two_goes(self, local: LocalRepository) -> None:
        first, second = publish_backup(local), publish_backup(local, at=NOON + timedelta(hours=1))
        local.delete(second, by="anna")
        assert local.ids() == [first]
        with pytest.raises(RefusedError):
            local.delete(first, by="anna")

    @pytest.mark.parametrize("fault", ["invalid", "manifest", "missing", "short"])
    def test_a_bad_backup_replaces_nothing_and_may_go(self, local: LocalRepository, fault: str) -> None:
        good, bad = publish_backup(local), publish_backup(local, at=NOON + timedelta(hours=1))
        if fault == "invalid":
            local.add_record(bad, ProofRecord(kind="validation", at=NOON, ok=False))
        elif fault == "manifest":
            (local.path(bad) / "manifest.json").write_bytes(b"{")
        elif fault == "missing":
            (local.path(bad) / "crm.sql.gz").unlink()
        else:
            os.truncate(local.path(bad) / "crm.sql.gz", 3)
        with pytest.raises(RefusedError, match="last valid backup"):
            local.delete(good, by="anna")
        if fault == "manifest":
            with pytest.raises(RefusedError, match="cannot be read"):
                local.delete(bad, by="anna")
        local.delete(bad, by="anna", force=fault == "manifest")
        assert local.ids() == [good]

    def test_what_it_did_not_make_is_not_deleted(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        (local.path(made) / "mine").mkdir()
        with pytest.raises(RefusedError, match="mine"):
            local.delete(made, by="anna", force=True)
        assert local.ids() == [made]

    def test_links_inside_go_and_not_what_they_point_to(self, local: LocalRepository, tmp_path: Path) -> None:
        made = publish_backup(local)
        (tmp_path / "kept").write_bytes(b"")
        (local.path(made) / "link").symlink_to(tmp_path / "kept")
        local.delete(made, by="anna", force=True)
        assert (tmp_path / "kept").exists()

    def test_an_unknown_id(self, local: LocalRepository) -> None:
        local.prepare()
        with pytest.raises(NotFoundError):
            local.delete(new_backup_id("daily", NOON), by="anna", force=True)


def meanwhile(work: Callable[[], object]) -> threading.Thread:
    """Starts the work in another thread and gives it time to get in between, if it can."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=0.3)
    return thread


class TestAtOnce:
    def test_two_deletions_do_not_each_leave_the_last_backup_to_the_other(
        self, local: LocalRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = publish_backup(local), publish_backup(local, at=NOON + timedelta(hours=1))
        refused: list[RefusedError] = []
        threads: list[threading.Thread] = []

        def delete_second() -> None:
            try:
                local_repository(local.directory).delete(second, by="anna")
            except RefusedError as error:
                refused.append(error)

        def remove(path: Path) -> None:
            if not threads:
                threads.append(meanwhile(delete_second))
            remove_backup_directory(path)

        monkeypatch.setattr("pantry_tui.repository.deletion.remove_backup_directory", remove)
        local.delete(first, by="anna")
        threads[0].join()
        assert local.ids() == [second]
        assert len(refused) == 1

    def test_nobody_cleans_up_what_has_just_begun(
        self, local: LocalRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        threads: list[threading.Thread] = []
        cleaned: list[str] = []

        def create(path: Path) -> int:
            threads.append(meanwhile(lambda: cleaned.extend(local.clean_leftovers())))
            return create_exclusive(path)

        monkeypatch.setattr("pantry_tui.repository.staging.create_exclusive", create)
        staged = local.begin(new_backup_id("daily", NOON))
        threads[0].join()
        assert cleaned == []
        assert staged.path.is_dir()
        local.discard(staged)


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


def test_a_manifest_that_names_files_elsewhere_reaches_nothing(local: LocalRepository, tmp_path: Path) -> None:
    made = publish_backup(local)
    (tmp_path / "outside").write_bytes(b"outside")
    manifest = local.manifest(made)
    hostile = msgspec.structs.replace(
        manifest, files=(msgspec.structs.replace(manifest.files[0], name="../../outside", bytes=7),)
    )
    (local.path(made) / "manifest.json").write_bytes(encode_manifest(hostile))
    assert any("outside is missing" in problem for problem in local.problems(made))
    with pytest.raises(BackupDamagedError):
        local.open(made, "../../outside")


def test_a_directory_that_cannot_be_made_is_no_matter_of_links(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="creating the repository main: /proc/x"):
        local_repository(Path("/proc/x")).prepare()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="link leads nowhere"):
        local_repository(tmp_path / "link").prepare()
