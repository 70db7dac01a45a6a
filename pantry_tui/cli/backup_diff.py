"""`pantry-tui backup diff`: a backup compared with another, or with the live database."""

from __future__ import annotations

import argparse

from pantry_tui.cli.output import Column, count, counted, moment, print_document, print_line, print_table, size
from pantry_tui.cli.parser import Parser, command, positive
from pantry_tui.cli.session import add_repository_option, configuration, look_up, repository, run_job, started_by
from pantry_tui.config import Config
from pantry_tui.errors import UsageError
from pantry_tui.models import LIVE, BackupDiff, DatabaseTarget, DiffRequest, DiffSide, DiffStatus, TableDiff, sizes_of

DIFFERENT = 1

_COLUMNS = (
    Column("TABLE", least=20),
    Column("STATUS", least=12),
    Column("ROWS A", right=True, spare=2),
    Column("ROWS B", right=True, spare=3),
    Column("CHANGE", right=True),
)
_TEXTS = (Column("TEXT A", right=True, spare=4), Column("TEXT B", right=True, spare=5))  # of two backups
_DISKS = (Column("DISK A", right=True, spare=4), Column("DISK B", right=True, spare=5))  # with a database
_REMARK = Column("REMARK", least=16, spare=1)


def add_command(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declares the command."""
    diff = command(
        commands,
        "diff",
        diff_backup,
        summary="compare a backup with another, or with the live database",
        description="Compares a backup (A) with another one, or with its database as it is now (B), table by table:\n"
        "columns by name, number of rows, content by fingerprint. Two backups are compared by their manifests; the\n"
        "database is read in one snapshot. Differences are a result: the exit status is 0 unless --exit-code is given.\n"
        "Sizes are those of the rows' text in two backups (TEXT), and with a database those on the server's disk (DISK):\n"
        "pages of the table and of its TOAST table, without indexes, now and when the backup was taken.",
        examples=(
            "pantry-tui backup diff latest",
            "pantry-tui backup diff 20261122T020000Z-daily-51c0 latest --all",
            "pantry-tui backup diff latest live -d crm_restored --exit-code",
        ),
    )
    diff.add_argument("id", metavar="ID", help="a backup's id, the beginning of one, or `latest`")
    diff.add_argument(
        "other", metavar="OTHER-ID | live", nargs="?", default=LIVE, help="another backup, or the database (default)"
    )
    diff.add_argument(
        "-d", "--database", metavar="DATABASE", help="the database to compare with (default: the one it was taken of)"
    )
    diff.add_argument("--all", action="store_true", help="list equal tables too")
    diff.add_argument(
        "--exit-code", action="store_true", help=f"end with status {DIFFERENT} unless all tables are known to be equal"
    )
    diff.add_argument("--jobs", type=positive, metavar="N", help="connections at once (default: one per core)")
    add_repository_option(diff)


def diff_backup(args: argparse.Namespace) -> int:
    """Compares; differences change the exit status only on request."""
    config = configuration(args)
    place = repository(args, config)
    if args.other == LIVE:
        details = look_up(config, lambda reads: reads.backup(place, args.id))
        request = DiffRequest(
            repository=place,
            backup_id=details.summary.id,
            database=_database(args, config, details.summary.database),
            jobs=args.jobs,
            lock_timeout_seconds=config.backup.lock_timeout_seconds,
            started_by=started_by(),
        )
        found = BackupDiff.from_builtins(run_job(args, config, request))
    else:
        _refuse_options_of_live(args)
        found = look_up(config, lambda reads: reads.diff(place, args.id, args.other))
    if args.json:
        print_document(found)
    else:
        print_diff(found, everything=args.all)
    return DIFFERENT if args.exit_code and not found.is_equal else 0


def _database(args: argparse.Namespace, config: Config, taken_of: str) -> DatabaseTarget:
    return config.database_target(args.database or taken_of)


def _refuse_options_of_live(args: argparse.Namespace) -> None:
    for option, value in (("-d", args.database), ("--jobs", args.jobs)):
        if value is not None:
            raise UsageError(
                f"{option} is for comparing with a database; {args.other} is a backup", remedy="leave it out"
            )


def print_diff(diff: BackupDiff, *, everything: bool = False) -> None:
    """Prints what came of it, then the tables that differ; with ``everything`` all of them."""
    print_line(_summary(diff))
    print_line(f"A  {_side(diff.a)}")
    print_line(f"B  {_side(diff.b)}")
    for remark in diff.remarks:
        print_line(f"remark: {remark}")
    tables = [table for table in diff.tables if everything or table.status is not DiffStatus.EQUAL]
    if not tables:
        return
    print_line()
    remarks = [_remark(table) for table in tables]
    sizes = [tuple(map(_size, sizes_of(table, live=diff.is_live))) for table in tables]
    with_sizes, titles = any(map(any, sizes)), _DISKS if diff.is_live else _TEXTS
    columns = (*_COLUMNS, *(titles if with_sizes else ()), *([_REMARK] if any(remarks) else []))
    rows = [
        (
            f"{table.schema}.{table.name}",
            table.status,
            _known(table.rows_a),
            _known(table.rows_b),
            _change(table),
            *(size if with_sizes else ()),
            *([remark] if any(remarks) else []),
        )
        for table, size, remark in zip(tables, sizes, remarks, strict=True)
    ]
    print_table(columns, rows)


def _summary(diff: BackupDiff) -> str:
    parts = [f"{counted(diff.equal, 'table')} equal"]
    if diff.different:
        parts.append(f"{count(diff.different)} {'differs' if diff.different == 1 else 'differ'}")
    if diff.not_comparable:
        parts.append(f"{count(diff.not_comparable)} not comparable")
    return ", ".join(parts)


def _side(side: DiffSide) -> str:
    what = f"{side.name} of {side.database}" if side.kind != LIVE else f"{side.database} (live)"
    return f"{what}, PostgreSQL {side.server_version}, {moment(side.at)}"


def _change(table: TableDiff) -> str:
    """How many rows B has more: `+12`, `-3`, empty where it has as many."""
    change = (table.rows_b or 0) - (table.rows_a or 0)
    unknown = table.status is DiffStatus.UNKNOWN or (table.rows_a is None and table.rows_b is None)
    return "" if unknown or not change else f"{change:+,}"


def _remark(table: TableDiff) -> str:
    columns = [*(f"+{name}" for name in table.columns_added), *(f"-{name}" for name in table.columns_removed)]
    return table.reason or (f"columns {', '.join(columns)}" if columns else "")


def _known(rows: int | None) -> str:
    return "" if rows is None else count(rows)


def _size(amount: int | None) -> str:
    return "" if amount is None else size(amount)
