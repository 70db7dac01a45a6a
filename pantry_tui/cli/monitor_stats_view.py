"""What `pantry-tui monitor stats` shows."""

from __future__ import annotations

import argparse

import msgspec

from pantry_tui.cli.output import (
    Column,
    age,
    count,
    counted,
    duration,
    moment,
    print_document,
    print_fields,
    print_line,
    print_table,
    size,
)
from pantry_tui.models import DatabaseStats, DiskStats, MonitoringStats

_DATABASES = (
    Column("DATABASE", least=12),
    Column("30 DAYS"),
    Column("TYPICAL", right=True),
    Column("SIZE", right=True),
    Column("SAVED", right=True, spare=2),
    Column("GROWTH", right=True, spare=1),
    Column("LAST", right=True),
    Column("PROVEN IN", right=True, spare=3),
)
_DISKS = (Column("DISK", least=8), Column("FREE", right=True), Column("OF", right=True), Column("FORECAST", least=30))


def show_stats(args: argparse.Namespace, stats: MonitoringStats) -> None:
    """Prints them: of one database where one was named, else everything."""
    databases = [each for each in stats.databases if args.database in (None, each.database)]
    if args.json:
        print_document(msgspec.structs.replace(stats, databases=tuple(databases)))
        return
    if args.database is None:
        print_fields(_whole(stats))
        print_line()
    if databases:
        print_table(_DATABASES, [_database(each) for each in databases])
    if stats.disks:
        print_line()
        print_table(_DISKS, [_disk(each) for each in stats.disks])


def _whole(stats: MonitoringStats) -> list[tuple[str, str]]:
    since = f" since {moment(stats.counting_since)}" if stats.counting_since is not None else ""
    return [
        ("taken", f"{counted(stats.backups, 'backup')}, {count(stats.failures)} failed{since}"),
        ("stored", f"{counted(stats.stored_backups, 'backup')}, {size(stats.stored_bytes)}"),
        ("jobs", f"{count(stats.jobs)}, {duration(stats.cpu_seconds)} of CPU time"),
        ("metrics", f"{counted(stats.kept_days, 'day')}, {size(stats.kept_bytes)}"),
    ]


def _database(stats: DatabaseStats) -> tuple[str, ...]:
    done = f"{count(stats.backups)} of {count(stats.backups + stats.failures)}"
    rate = f" ({stats.success_rate:.0%})" if stats.success_rate is not None else ""
    return (
        stats.database,
        f"{done}{rate}",
        duration(stats.typical_seconds) if stats.typical_seconds is not None else "",
        size(round(stats.typical_bytes)) if stats.typical_bytes is not None else "",
        f"{stats.saved:.0%}" if stats.saved is not None else "",
        _growth(stats.growth_bytes_per_day),
        age(stats.last_backup_at) if stats.last_backup_at is not None else "never",
        duration(stats.recovery_seconds) if stats.recovery_seconds is not None else "",
    )


def _growth(bytes_per_day: float | None) -> str:
    if bytes_per_day is None:
        return ""
    sign = "-" if bytes_per_day < 0 else "+"
    return f"{sign}{size(abs(round(bytes_per_day)))}/d"


def _disk(disk: DiskStats) -> tuple[str, ...]:
    return disk.place, size(disk.free_bytes), size(disk.total_bytes), disk.forecast.words
