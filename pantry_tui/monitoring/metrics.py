"""What was measured, day by day: the history that tables and plots are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from pantry_tui.models import DatabaseFigures, DayMetrics, HealthFigures, JobFigures, JobState, MetricsHistory
from pantry_tui.monitoring.metrics_summary import weighted_median

BACKUP = "backup"
FAILED = (JobState.FAILED, JobState.TIMED_OUT)  # cancelled by somebody is no failure

Records = Iterable[JobFigures | HealthFigures]


def history_of(records: Records, since: datetime, until: datetime, problems: Sequence[str] = ()) -> MetricsHistory:
    """The days from the first record to ``until``, each whole and for every database; a day of which there is nothing too."""
    kept = list(records)
    jobs = [each for each in kept if isinstance(each, JobFigures)]
    health = [each for each in kept if isinstance(each, HealthFigures)]
    days = _days_between(min((_day(each.at) for each in kept), default=None), _day(until))
    names = {each.database for each in jobs if each.kind == BACKUP and each.database is not None}
    names |= {found.database for run in health for found in run.databases}
    return MetricsHistory(
        since=since,
        until=until,
        days=_day_metrics(days, jobs, health, None),
        by_database={name: _day_metrics(days, jobs, health, name) for name in sorted(names)},
        jobs=tuple(jobs),
        health=tuple(health),
        problems=tuple(problems),
    )


def is_taken(job: JobFigures) -> bool:
    """Whether these are backups that succeeded."""
    return job.kind == BACKUP and job.outcome == JobState.SUCCEEDED


def has_failed(job: JobFigures) -> bool:
    """Whether these are backups that were to be taken and could not."""
    return job.kind == BACKUP and job.outcome in FAILED


def throughput_of(jobs: Iterable[JobFigures]) -> float | None:
    """Raw bytes a second; None where nothing took any time."""
    kept = list(jobs)
    seconds = sum(job.seconds for job in kept)
    return sum(job.raw_bytes for job in kept) / seconds if seconds > 0 else None


def saved_of(jobs: Iterable[JobFigures]) -> float | None:
    """Which share compression has saved (1 - stored / raw); None where nothing was compressed."""
    kept = list(jobs)
    raw = sum(job.packed_bytes for job in kept)
    return 1 - sum(job.packed_to_bytes for job in kept) / raw if raw > 0 else None


def typical_seconds(jobs: Iterable[JobFigures]) -> float | None:
    """The median of how long they took; None of none."""
    kept = [(job.median, job.count) for job in jobs]
    return weighted_median(kept) if kept else None


def _day_metrics(
    days: Sequence[str], jobs: Iterable[JobFigures], health: Iterable[HealthFigures], database: str | None
) -> tuple[DayMetrics, ...]:
    jobs_by_day: dict[str, list[JobFigures]] = defaultdict(list)
    for job in jobs:
        if database in (None, job.database):
            jobs_by_day[_day(job.at)].append(job)
    health_by_day: dict[str, list[HealthFigures]] = defaultdict(list)
    for run in health:
        health_by_day[_day(run.at)].append(run)
    return tuple(_one_day(day, jobs_by_day[day], health_by_day[day], database) for day in days)


def _one_day(day: str, jobs: Sequence[JobFigures], health: Sequence[HealthFigures], database: str | None) -> DayMetrics:
    taken = [job for job in jobs if is_taken(job)]
    looks = [found for run in health for found in run.databases if database in (None, found.database)]
    return DayMetrics(
        day=day,
        database=database,
        backups=_count(taken),
        failures=_count(job for job in jobs if has_failed(job)),
        jobs=_count(jobs),
        median_seconds=typical_seconds(taken),
        longest_seconds=max((job.longest for job in taken), default=None),
        stored_bytes=sum(job.stored_bytes for job in taken),
        raw_bytes=sum(job.raw_bytes for job in taken),
        rows=sum(job.rows for job in taken),
        throughput=throughput_of(taken),
        saved=saved_of(taken),
        cpu_seconds=sum(job.user_seconds + job.system_seconds for job in jobs),
        peak_bytes=max((job.peak_bytes for job in jobs), default=0),
        read_bytes=sum(job.read_bytes for job in jobs),
        written_bytes=sum(job.written_bytes for job in jobs),
        worst_at_risk_seconds=_worst(found.worst_at_risk for found in looks),
        exposed_runs=sum(found.exposed_runs for found in looks),
        recovery_seconds=_slowest_last(looks),
        health_runs=sum(run.runs for run in health),
        least_free_bytes=_least_free(health),
    )


def _slowest_last(looks: Sequence[DatabaseFigures]) -> float | None:
    """How long the recovery of that database takes, of several the one that takes longest, as last proven on the day."""
    last = {found.database: found.recovery_seconds for found in looks}
    return _worst(last.values())


def _least_free(health: Iterable[HealthFigures]) -> dict[str, int]:
    found: dict[str, int] = {}
    for disk in (disk for run in health for disk in run.disks):
        found[disk.place] = min(found.get(disk.place, disk.least_free), disk.least_free)
    return found


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _count(jobs: Iterable[JobFigures]) -> int:
    return sum(job.count for job in jobs)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def _days_between(first: str | None, last: str) -> list[str]:
    if first is None:
        return []
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(begin + timedelta(days=number)).isoformat() for number in range((end - begin).days + 1)]
