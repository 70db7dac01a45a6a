"""Finding and reading the backups of a repository."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.manifest import encode_manifest
from pantry_tui.errors import (
    BackupDamagedError,
    NotFoundError,
    StorageError,
)
from pantry_tui.repository.local import LocalRepository, ProofRecord, new_backup_id
from tests.unit.repository.samples import CONTENT, NOON, manifest_of, publish_backup


class TestResolving:
    def test_ids_are_newest_first(self, local: LocalRepository) -> None:
        made = [publish_backup(local, at=NOON + timedelta(hours=hour)) for hour in (2, 0, 1)]
        assert local.ids() == [made[0], made[2], made[1]]
        assert local.resolve("latest") == made[0]
        assert local.resolve(made[1][:16]) == made[1]
        assert local.resolve(made[2]) == made[2]

    def test_of_one_second_the_last_published_is_newest(self, local: LocalRepository) -> None:
        made = [publish_backup(local, at=NOON) for _ in range(6)]
        assert local.ids() == made[::-1]
        assert local.resolve("latest") == made[-1]

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

    def test_drills_prove_like_restores_and_their_failures_show(self, local: LocalRepository) -> None:
        made = publish_backup(local)
        hour = timedelta(hours=1)
        assert (local.summary(made).drilled_at, local.summary(made).drilled) == (None, None)
        local.add_record(made, ProofRecord(kind="drill", at=NOON + hour, ok=True))
        summary = local.summary(made)
        assert (summary.proven_at, summary.drilled_at, summary.drilled) == (NOON + hour, NOON + hour, True)
        local.add_record(made, ProofRecord(kind="drill", at=NOON + 2 * hour, ok=False))
        summary = local.summary(made)
        assert (summary.proven_at, summary.drilled_at, summary.drilled) == (NOON + hour, NOON + 2 * hour, False)
        assert (local.problems(made), local.oddities(made)) == ([], [])

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
