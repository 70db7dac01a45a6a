"""Reading what was measured, in the runner and out of it: the history of some days, and what everything comes to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from pantry_tui.catalog.metrics import MetricsStore
from pantry_tui.catalog.totals import TotalsFile
from pantry_tui.models import (
    BackupSummary,
    DiskStats,
    HealthFigures,
    JobFigures,
    JobTotals,
    MetricsHistory,
    MonitoringStats,
    RunnerStatus,
    utc_now,
)
from pantry_tui.monitoring.exposition import Exposed, exposition
from pantry_tui.monitoring.metrics import history_of
from pantry_tui.monitoring.metrics_stats import Measured, disks_of, stats_of
from pantry_tui.version import __version__

HISTORY_DAYS = 30  # where nobody says how many


class Latest(NamedTuple):
    """What Prometheus is told of all that is kept: the last of each sort."""

    jobs: Sequence[JobFigures]
    totals: Sequence[JobTotals]
    health: HealthFigures | None
    disks: Sequence[DiskStats]
    kept_bytes: int


def get_metrics_history(directory: Path, days: int = HISTORY_DAYS, *, records: bool = True) -> MetricsHistory:
    """The last ``days`` days of the data directory, today included. What cannot be read is left out, and told of.

    Without ``records`` only the days, and not what they are made of, of which there may be tens of thousands.
    """
    now = utc_now()
    since = (now - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    read = MetricsStore(directory).read(since, now + timedelta(days=1))
    history = history_of(read.records, since, now, read.problems)
    return history if records else msgspec.structs.replace(history, jobs=(), health=())


def get_stats(directory: Path, backups: Sequence[BackupSummary]) -> MonitoringStats:
    """What everything comes to. ``backups``: those that are there now."""
    now = utc_now()
    read = MetricsStore(directory).read(until=now + timedelta(days=1))
    counted = TotalsFile(directory)
    totals = counted.read()
    problems = (*read.problems, *([counted.problem] if counted.problem else []))
    measured = Measured(
        records=read.records,
        totals=totals.jobs if totals is not None else (),
        counting_since=totals.since if totals is not None else None,
        backups=backups,
        kept_days=read.days,
        kept_bytes=read.bytes,
        problems=problems,
    )
    return stats_of(measured, now)


def get_latest(directory: Path) -> Latest:
    """The last of each sort, out of everything that is kept."""
    read = MetricsStore(directory).read(until=utc_now() + timedelta(days=1))
    totals = TotalsFile(directory).read()
    health = [each for each in read.records if isinstance(each, HealthFigures)]
    jobs = (each for each in read.records if isinstance(each, JobFigures))
    last = {(job.kind, job.variety, job.database, job.outcome): job for job in jobs}
    return Latest(
        jobs=tuple(sorted(last.values(), key=lambda job: job.at)),
        totals=totals.jobs if totals is not None else (),
        health=health[-1] if health else None,
        disks=disks_of(health),
        kept_bytes=read.bytes,
    )


def metrics_text(
    latest: Latest, backups: Sequence[BackupSummary], runner: RunnerStatus | None, *, lost: int = 0
) -> str:
    """All of it in Prometheus's text format."""
    exposed = Exposed(
        version=__version__,
        runner=runner,
        backups=backups,
        jobs=latest.jobs,
        totals=latest.totals,
        health=latest.health,
        disks=latest.disks,
        kept_bytes=latest.kept_bytes,
        lost=lost,
    )
    return exposition(exposed)
