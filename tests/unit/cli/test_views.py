"""Backups and restores as people read them, whatever they are called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pantry_tui.artifact.environment import (
    DatabaseSetting,
    Environment,
    InstalledExtension,
    NeededRole,
    UsedCollation,
)
from pantry_tui.cli import backup_view, recovery_view
from pantry_tui.models import (
    BackupDetails,
    BackupFormat,
    BackupKind,
    BackupSummary,
    Compression,
    DatabaseTarget,
    FileSummary,
    RestoredTable,
    RestoreResult,
    RestoreValidation,
    Signature,
    TableSummary,
    ValidationResult,
)

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
BACKUP = BackupSummary(
    id="20261123T020000Z-daily-7f3a",
    name="daily\x1b[2J\nname",
    database="crm\u202e",
    kind=BackupKind.FULL,
    format=BackupFormat.SQL,
    compression=Compression.GZIP,
    started_at=NOW - timedelta(hours=6),
    finished_at=NOW - timedelta(hours=6) + timedelta(seconds=9),
    duration_seconds=9.4,
    bytes=35_000_000,
    raw_bytes=140_000_000,
    tables=1,
    rows=1_700_000,
    path="/backups/20261123T020000Z-daily-7f3a",
    repository="local",
    server_version="17.10",
    fingerprints=True,
    started_by="op\x07@host",
    warnings=1,
    validated_at=NOW - timedelta(minutes=5),
    valid=True,
)
TABLE = TableSummary(
    schema="public",
    name="dr\x1b[31mop",
    rows=1_700_000,
    raw_bytes=140_000_000,
    stored_bytes=35_000_000,
    segments=17,
    fingerprint="1",
    columns=("a",),
    carried_by="archive",
    reason="hash-partitioned by an enum",
)
DETAILS = BackupDetails(
    summary=BACKUP,
    tables=(TABLE,),
    files=(FileSummary(name="daily.sql.gz", role="artifact", bytes=35_000_000, sha256="ab"),),
    warnings=("collation\x1b differs",),
    tools={"client tools": "17.10"},
    server={"version": "17.10"},
    source={"name": "crm"},
    signature=Signature.TRUSTED,
    signer="SHA256:abc",
    environment=Environment(
        settings=(
            DatabaseSetting(name="search_path", value="a\nb"),
            DatabaseSetting(name="app.secret", value=None),
            DatabaseSetting(name="work_mem", value="5MB", role="clerk"),
        ),
        privileges=None,
        comment="the\x1b CRM",
        tablespace="pg_default",
        is_template=False,
        public_schema=True,
        roles=(NeededRole(name="clerk", attributes=("LOGIN",), member_of=("staff",), connection_limit=-1),),
        extensions=(
            InstalledExtension(name="citext", version="1.6", schema="public", trusted=True, libraries=("citext",)),
            InstalledExtension(name="plpgsql", version="1.0", schema="pg_catalog", trusted=True, libraries=()),
        ),
        languages=("plpgsql",),
        actual_collation_version=None,
        collations=(
            UsedCollation(schema="pg_catalog", name="de-x-icu", provider="icu", version="1", actual_version="2"),
        ),
        sorted_partitions=(),
        money_columns=0,
        locale={},
        server_settings={"max_connections": "60", "archive_command": None},
    ).to_builtins(),
)
SURROUNDINGS = {
    "settings": "search_path = a\\nb, app.secret (not shown), clerk: work_mem = 5MB",
    "comment": "the\\x1b CRM",
    "roles": "clerk (LOGIN; in staff)",
    "extensions": "citext 1.6 in public",
    "collations": "de-x-icu (icu 2)",
    "server settings": "max_connections = 60, archive_command (not shown)",
}
RESULT = RestoreResult(
    id="R",
    backup_id=BACKUP.id,
    status="succeeded",
    dry_run=False,
    target="crm\nnew",
    created_database=True,
    tables=(
        RestoredTable(schema="public", name="a", inserted=1_500_000, verified="fingerprint"),
        RestoredTable(schema="public", name="b\x1b", inserted=1, verified="text"),
    ),
    validation=RestoreValidation(
        performed=True,
        equal=True,
        tables_compared=2,
        constraints_validated=1,
        constraints_not_valid=0,
        sequences_compared=3,
        differences=(),
    ),
    left_out=("foreign key x",),
    warnings=(),
    started_at=NOW,
    finished_at=NOW,
    duration_seconds=12,
    verification_seconds=1.5,
)


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    damaged = msgspec.structs.replace(BACKUP, name="weekly", valid=False, proven_at=NOW - timedelta(days=3))
    backup_view.print_list([BACKUP, damaged], NOW)
    assert capsys.readouterr().out.splitlines() == [
        (
            r"ID                           NAME                DATABASE   KIND  FORMAT  AGE      SIZE       ROWS"
            r"  VALIDATED  RESTORED"
        ),
        (
            r"20261123T020000Z-daily-7f3a  daily\x1b[2J\nname  crm\u202e  full  sql     6 h  33.4 MiB  1,700,000"
            r"  5 min ago  never"
        ),
        (
            r"20261123T020000Z-daily-7f3a  weekly              crm\u202e  full  sql     6 h  33.4 MiB  1,700,000"
            r"  DAMAGED    3 d ago"
        ),
    ]


def test_a_list_with_encrypted_backups(capsys: pytest.CaptureFixture[str]) -> None:
    backup_view.print_list([BACKUP, msgspec.structs.replace(BACKUP, encrypted=True)], NOW)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines] == ["ENCRYPTED", "no", "yes"]


@pytest.mark.parametrize(
    ("proven", "drilled_at", "drilled", "shown"),
    [
        (None, None, None, "never"),
        (NOW - timedelta(days=3), NOW - timedelta(days=3), True, "3 d ago"),
        (NOW - timedelta(days=3), NOW - timedelta(days=2), False, "FAILED"),
        (NOW - timedelta(days=2), NOW - timedelta(days=3), False, "2 d ago"),
        (None, NOW, False, "FAILED"),
    ],
)
def test_the_age_of_the_proof_or_that_the_last_drill_failed(
    proven: datetime | None,
    drilled_at: datetime | None,
    drilled: bool | None,
    shown: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    backup = msgspec.structs.replace(BACKUP, proven_at=proven, drilled_at=drilled_at, drilled=drilled)
    backup_view.print_list([backup], NOW)
    assert capsys.readouterr().out.splitlines()[1].endswith(f"  {shown}")


def test_created(capsys: pytest.CaptureFixture[str]) -> None:
    backup_view.print_created(BACKUP)
    assert capsys.readouterr().out.splitlines() == [
        r"id        20261123T020000Z-daily-7f3a",
        r"path      /backups/20261123T020000Z-daily-7f3a",
        r"database  crm\u202e (PostgreSQL 17.10)",
        r"content   1 table, 1,700,000 rows",
        r"size      33.4 MiB stored, 133.5 MiB raw (75% saved)",
        r"time      9.40 s",
        r"1 warning: `pantry-tui backup show 20261123T020000Z-daily-7f3a` lists them",
        r"Backed up and verified: 20261123T020000Z-daily-7f3a",
    ]


def test_details(capsys: pytest.CaptureFixture[str]) -> None:
    backup_view.print_details(DETAILS)
    written = capsys.readouterr().out
    assert "\x1b" not in written
    assert "started by    op\\x07@host\n" in written
    assert (
        "public.dr\\x1b[31mop  1,700,000  133.5 MiB  33.4 MiB        17  archive (hash-partitioned by an enum)"
        in written
    )
    assert "daily.sql.gz  artifact  33.4 MiB  ab\n" in written
    assert written.endswith("warning: collation\\x1b differs\n")


def test_details_name_what_surrounded_the_database(capsys: pytest.CaptureFixture[str]) -> None:
    backup_view.print_details(DETAILS)
    fields = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines() if "  " in line)
    assert {name: value.strip() for name, value in fields.items() if name in SURROUNDINGS} == SURROUNDINGS


def test_details_on_a_terminal_of_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pantry_tui.cli.output.terminal_columns", lambda: 80)
    tables = (msgspec.structs.replace(TABLE, carried_by="segments", reason=None, name="a_table_with_a_name_" * 3),)
    files = (FileSummary(name="crm.sql.gz", role="artifact", bytes=35_000_000, sha256="0123456789abcdef" * 4),)
    backup_view.print_details(msgspec.structs.replace(DETAILS, tables=tables, files=files))
    written = capsys.readouterr().out
    assert "CARRIED BY" not in written
    assert "crm.sql.gz  artifact  33.4 MiB  0123456789ab…\n" in written
    assert "public.a_table_with" in written
    assert "…" in next(line for line in written.splitlines() if line.startswith("public."))
    assert max(map(len, written.splitlines())) <= 80


def test_the_document_of_the_details_has_the_keys_of_the_summary() -> None:
    document = backup_view.details_document(DETAILS)
    summary = BACKUP.to_builtins()
    assert {key: document[key] for key in summary} == summary
    assert document["table_list"][0]["segments"] == 17
    more = {
        "table_list",
        "file_list",
        "warning_list",
        "foreign",
        "tools",
        "server",
        "source",
        "signature",
        "signer",
        "selection",
        "left_out",
        "recipients",
        "environment",
    }
    assert set(document) - set(summary) == more


@pytest.mark.parametrize(
    ("problems", "start"), [((), "Valid: B, "), (("file x: bad\x1b",), "problem: file x: bad\\x1b\nDAMAGED: B, ")]
)
def test_validation(problems: tuple[str, ...], start: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = ValidationResult(
        backup_id="B",
        valid=not problems,
        problems=problems,
        bytes_read=1024,
        raw_bytes=2048,
        rows=1,
        tables=1,
        duration_seconds=0.5,
        validated_at=NOW,
    )
    backup_view.print_validation(result)
    assert capsys.readouterr().out.startswith(start)


def test_restored_and_verified(capsys: pytest.CaptureFixture[str]) -> None:
    recovery_view.print_result(RESULT)
    assert capsys.readouterr().out == (
        "TABLE              ROWS  COMPARED BY  RESULT\n"
        "public.a      1,500,000  fingerprint  equal\n"
        "public.b\\x1b          1  every value  equal\n"
        "left out: foreign key x\n"
        "Restored and verified: 2 tables, 1,500,001 rows in new database crm\\nnew, 1 constraint, 3 sequences; 12 s,"
        " verification 1.50 s\n"
    )


def test_only_a_comparison_without_difference_is_called_verified() -> None:
    unequal = msgspec.structs.replace(RESULT.validation, equal=False, differences=("public.a",))
    unperformed = msgspec.structs.replace(RESULT.validation, performed=False)
    for validation, start in ((unequal, "Restored, but DIFFERENT"), (unperformed, "Restored, not verified")):
        line = recovery_view.last_line(msgspec.structs.replace(RESULT, validation=validation))
        assert line.startswith(start)
        assert "and verified" not in line


@pytest.mark.parametrize(
    ("conninfo", "environment", "place"),
    [
        ("host=db port=5433 dbname=x", {}, "host db port 5433"),
        ("postgresql://db/x", {"PGPORT": "6000"}, "host db port 6000"),
        ("dbname=x", {"PGHOST": "/run/postgresql"}, "socket /run/postgresql"),
        ("dbname=x", {}, "host localhost"),
        ("service=crm", {}, "service crm"),
        ("", {"PGSERVICE": "crm"}, "service crm"),
    ],
)
def test_the_place_of_a_restore(conninfo: str, environment: dict[str, str], place: str) -> None:
    assert recovery_view.place(DatabaseTarget(name="x", conninfo=conninfo, environment=environment)) == place
