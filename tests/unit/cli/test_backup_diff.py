"""What a comparison found, as people read it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pantry_tui.cli.backup_diff import print_diff
from pantry_tui.models import BackupDiff, DiffSide, DiffStatus, TableDiff

AT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def side(kind: str, name: str) -> DiffSide:
    return DiffSide(kind=kind, name=name, database="crm\x1b", server_version="17.10", at=AT)


def table(name: str, status: DiffStatus, a: int | None, b: int | None, **more: object) -> TableDiff:
    values = {"schema": "public", "name": name, "status": status, "rows_a": a, "rows_b": b, **more}
    return TableDiff.from_builtins(values)


TABLES = (
    table("a", DiffStatus.EQUAL, 5, 5),
    table("b\n", DiffStatus.ROWS, 5, 1_007, bytes_a=10, bytes_b=2048, server_bytes_a=8192, server_bytes_b=65536),
    table("c", DiffStatus.COLUMNS, 5, 5, columns_added=["x\x1b"], columns_removed=["y"]),
    table("d", DiffStatus.ONLY_A, 5, None),
    table("e", DiffStatus.UNKNOWN, 5, 5, reason="taken without fingerprints"),
)


def printed(capsys: pytest.CaptureFixture[str], *, everything: bool = False, live: bool = True) -> list[str]:
    diff = BackupDiff(
        a=side("backup", "20261123T020000Z-daily-7f3a"),
        b=side("live", "crm") if live else side("backup", "20261124T020000Z-daily-7f3b"),
        tables=TABLES,
        equal=1,
        different=3,
        not_comparable=1,
        remarks=("A and B are of different servers",),
    )
    print_diff(diff, everything=everything)
    return capsys.readouterr().out.splitlines()


def test_differences_are_listed_below_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys)

    assert lines[0] == "1 table equal, 3 differ, 1 not comparable"
    assert lines[1].startswith(r"A  20261123T020000Z-daily-7f3a of crm\x1b, PostgreSQL 17.10, 2026-11-23")
    assert lines[2].startswith(r"B  crm\x1b (live), PostgreSQL 17.10")
    assert lines[3:] == [
        "remark: A and B are of different servers",
        "",
        "TABLE       STATUS          ROWS A  ROWS B  CHANGE   DISK A    DISK B  REMARK",
        r"public.b\n  rows differ          5   1,007  +1,002  8.0 KiB  64.0 KiB",
        r"public.c    columns differ       5       5                             columns +x\x1b, -y",
        "public.d    only in A            5              -5",
        "public.e    not comparable       5       5                             taken without fingerprints",
    ]


def test_all_tables_and_sizes_of_two_backups(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, everything=True, live=False)

    assert lines[5].split() == [
        "TABLE",
        "STATUS",
        "ROWS",
        "A",
        "ROWS",
        "B",
        "CHANGE",
        "TEXT",
        "A",
        "TEXT",
        "B",
        "REMARK",
    ]
    assert lines[6].split() == ["public.a", "equal", "5", "5"]
    assert lines[7].split()[-5:] == ["+1,002", "10", "Bytes", "2.0", "KiB"]
