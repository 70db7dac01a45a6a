"""What it all comes to: each database over 30 days, each disk and how long it will last, and everything together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pantry_tui.models import (
    BackupKind,
    BackupSummary,
    DatabaseFigures,
    DatabaseStats,
    DiskFigures,
    DiskStats,
    HealthFigures,
    JobFigures,
    JobTotals,
    MonitoringStats,
)
from pantry_tui.monitoring.forecast import Room, day_number, forecast, slope_per_day
from pantry_tui.monitoring.metrics import has_failed, is_taken, saved_of, throughput_of, typical_seconds

STATS_DAYS = 30
_GONE_AFTER = timedelta(days=2)  # a place that was not looked at for so long is none any more


class Measured(NamedTuple):
    """What statistics are made of: records in the order of their time, totals, and the backups that are there now."""

    records: Sequence[JobFigures | HealthFigures]
    totals: Sequence[JobTotals]
    counting_since: datetime | None
    backups: Sequence[BackupSummary]
    kept_days: int = 0
    kept_bytes: int = 0
    problems: tuple[str, ...] = ()


def stats_of(measured: Measured, now: datetime) -> MonitoringStats:
    """What everything came to."""
    health = [each for each in measured.records if isinstance(each, HealthFigures)]
    backups = [each for each in measured.totals if each.kind == "backup"]
    return MonitoringStats(
        at=now,
        counting_since=measured.counting_since,
        backups=sum(each.count for each in backups if each.outcome == "succeeded"),
        failures=sum(each.count for each in backups if each.outcome in ("failed", "timed_out")),
        stored_backups=len(measured.backups),
        stored_bytes=sum(backup.bytes for backup in measured.backups),
        jobs=sum(each.count for each in measured.totals),
        cpu_seconds=sum(each.user_seconds + each.system_seconds for each in measured.totals),
        databases=_databases(measured, health, now),
        disks=disks_of(health),
        kept_days=measured.kept_days,
        kept_bytes=measured.kept_bytes,
        problems=measured.problems,
    )


def disks_of(health: Iterable[HealthFigures]) -> tuple[DiskStats, ...]:
    """Every file system that is looked at, with what its room will come to."""
    looks: dict[str, list[Room]] = defaultdict(list)
    last: dict[str, tuple[datetime, DiskFigures]] = {}
    for run in sorted(health, key=lambda each: each.at):
        for disk in run.disks:
            looks[disk.place].append(Room(run.at, disk.total_bytes, disk.least_free))
            last[disk.place] = run.at, disk
    newest = max((at for at, _ in last.values()), default=None)
    return tuple(
        DiskStats(
            place=place,
            total_bytes=disk.total_bytes,
            free_bytes=disk.free_bytes,
            at=at,
            forecast=forecast(place, looks[place]),
        )
        for place, (at, disk) in sorted(last.items())
        if newest is not None and at > newest - _GONE_AFTER
    )


def _databases(measured: Measured, health: Sequence[HealthFigures], now: datetime) -> tuple[DatabaseStats, ...]:
    since = now - timedelta(days=STATS_DAYS)
    jobs: dict[str, list[JobFigures]] = defaultdict(list)
    for each in measured.records:
        if isinstance(each, JobFigures) and each.kind == "backup" and each.database is not None and each.at >= since:
            jobs[each.database].append(each)
    stored: dict[str, list[BackupSummary]] = defaultdict(list)
    for backup in measured.backups:
        stored[backup.database].append(backup)
    looked = {found.database: found for found in health[-1].databases} if health else {}
    names = sorted(jobs.keys() | stored.keys() | looked.keys())
    return tuple(_database(name, jobs[name], stored[name], looked.get(name)) for name in names)


def _database(
    name: str, jobs: Sequence[JobFigures], stored: Sequence[BackupSummary], look: DatabaseFigures | None
) -> DatabaseStats:
    taken = [job for job in jobs if is_taken(job)]
    backups = sum(job.count for job in taken)
    failures = sum(job.count for job in jobs if has_failed(job))
    return DatabaseStats(
        database=name,
        backups=backups,
        failures=failures,
        success_rate=backups / (backups + failures) if backups + failures else None,
        typical_seconds=typical_seconds(taken),
        typical_bytes=sum(job.stored_bytes for job in taken) / backups if backups else None,
        saved=saved_of(taken),
        throughput=throughput_of(taken),
        growth_bytes_per_day=_growth(taken),
        last_backup_at=max((backup.finished_at for backup in stored), default=None),
        stored_backups=len(stored),
        stored_bytes=sum(backup.bytes for backup in stored),
        at_risk_seconds=look.at_risk_seconds if look is not None else None,
        recovery_seconds=look.recovery_seconds if look is not None else None,
    )


def _growth(taken: Iterable[JobFigures]) -> float | None:
    """By how much the rows' text grows in a day, by the largest full backup of each day."""
    largest: dict[int, float] = {}
    for job in taken:
        if job.variety == BackupKind.FULL:
            day = day_number(job.at)
            largest[day] = max(largest.get(day, 0.0), job.raw_bytes / job.count)
    return slope_per_day([(float(day), size) for day, size in sorted(largest.items())])
