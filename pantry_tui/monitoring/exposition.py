"""What Prometheus is given, out of what was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from pantry_tui.models import (
    BackupSummary,
    CheckFigures,
    DiskStats,
    HealthFigures,
    JobFigures,
    JobState,
    JobTotals,
    RunnerStatus,
)
from pantry_tui.models.monitoring import HealthStatus
from pantry_tui.monitoring import exposition_names as names
from pantry_tui.monitoring.exposition_text import Definition, Family, Sample, exposition_text
from pantry_tui.monitoring.metrics import FAILED, saved_of, throughput_of

MOST_SAMPLES = 1000  # of one metric: names come from databases, and Prometheus keeps a series for each
_DAY_SECONDS = 86400.0

# A check's unit, the metric for it, and how many of the metric's unit it is
_UNITS: dict[str, tuple[Definition, float]] = {
    "seconds": (names.CHECK_SECONDS, 1.0),
    "days": (names.CHECK_SECONDS, _DAY_SECONDS),
    "bytes": (names.CHECK_BYTES, 1.0),
    "ratio": (names.CHECK_RATIO, 1.0),
    "count": (names.CHECK_NUMBER, 1.0),
}


class Exposed(NamedTuple):
    """What there is to tell. ``jobs`` in the order of their ends; ``health``: the last look; ``runner`` None: there is none."""

    version: str
    runner: RunnerStatus | None
    backups: Sequence[BackupSummary]
    jobs: Sequence[JobFigures]
    totals: Sequence[JobTotals]
    health: HealthFigures | None
    disks: Sequence[DiskStats]
    kept_bytes: int = 0
    lost: int = 0


def exposition(exposed: Exposed) -> str:
    """All metrics in Prometheus's text format."""
    families = [_bounded(Family(definition, tuple(samples))) for definition, samples in _families(exposed)]
    left_out = tuple(Sample({"metric": family.definition.name}, number) for family, number in families if number)
    return exposition_text((*(family for family, _ in families), Family(names.LEFT_OUT, left_out)))


def _bounded(family: Family) -> tuple[Family, int]:
    """The family with as many samples as it may have, and how many were left out."""
    left_out = max(0, len(family.samples) - MOST_SAMPLES)
    return family._replace(samples=family.samples[:MOST_SAMPLES]), left_out


def _families(exposed: Exposed) -> Iterator[tuple[Definition, Iterable[Sample]]]:
    yield names.BUILD, [Sample({"version": exposed.version}, 1)]
    yield from _of_runner(exposed)
    yield from _of_totals(exposed.totals)
    yield from _of_last_jobs(exposed.jobs)
    yield from _of_backups(exposed.backups)
    if exposed.health is not None:
        yield from _of_health(exposed.health)
        yield from _of_databases(exposed.health)
        yield from _of_checks(exposed.health.checks)
    yield from _of_disks(exposed.disks)
    yield names.KEPT_BYTES, [_only(exposed.kept_bytes)]


def _of_runner(exposed: Exposed) -> Iterator[tuple[Definition, Iterable[Sample]]]:
    status = exposed.runner
    yield names.RUNNER_UP, [_only(status is not None)]
    if status is not None:
        yield names.RUNNER_START, [_only(status.started_at.timestamp())]
        states = {JobState.RUNNING: status.running, JobState.QUEUED: status.queued}
        yield names.RUNNER_JOBS, [Sample({"state": str(state)}, number) for state, number in states.items()]
        yield names.UNTOLD, [_only(status.untold)]
        yield names.LOST, [_only(exposed.lost)]


def _of_totals(totals: Sequence[JobTotals]) -> Iterator[tuple[Definition, Iterable[Sample]]]:
    counted: tuple[tuple[Definition, Callable[[JobTotals], float]], ...] = (
        (names.JOBS, lambda each: each.count),
        (names.JOB_SECONDS, lambda each: each.seconds),
        (names.JOB_STORED, lambda each: each.stored_bytes),
        (names.JOB_RAW, lambda each: each.raw_bytes),
        (names.JOB_ROWS, lambda each: each.rows),
        (names.JOB_READ, lambda each: each.read_bytes),
        (names.JOB_WRITTEN, lambda each: each.written_bytes),
    )
    for definition, value in counted:
        yield definition, [Sample(_labels_of(each), value(each)) for each in totals]
    yield (
        names.JOB_CPU,
        [
            Sample(_labels_of(each) | {"mode": mode}, seconds)
            for each in totals
            for mode, seconds in (("user", each.user_seconds), ("system", each.system_seconds))
        ],
    )


def _labels_of(total: JobTotals) -> dict[str, str | None]:
    return {"kind": total.kind, "database": total.database, "outcome": total.outcome}


def _of_last_jobs(jobs: Sequence[JobFigures]) -> Iterator[tuple[Definition, Iterable[Sample]]]:
    failed = _last(job for job in jobs if job.outcome in FAILED)
    yield names.LAST_FAILURE, _of_each(failed, lambda job: job.at.timestamp())
    done = _last(job for job in jobs if job.outcome == JobState.SUCCEEDED)
    figures: tuple[tuple[Definition, Callable[[JobFigures], float | None]], ...] = (
        (names.LAST_SUCCESS, lambda job: job.at.timestamp()),
        (names.LAST_SECONDS, lambda job: job.median),
        (names.LAST_STORED, lambda job: job.stored_bytes / job.count),
        (names.LAST_RAW, lambda job: job.raw_bytes / job.count),
        (names.LAST_ROWS, lambda job: job.rows / job.count),
        (names.LAST_SPEED, lambda job: throughput_of([job])),
        (names.LAST_SAVED, lambda job: saved_of([job])),
        (names.LAST_CPU, lambda job: (job.user_seconds + job.system_seconds) / job.count),
        (names.LAST_PEAK, lambda job: job.peak_bytes),
    )
    for definition, value in figures:
        yield definition, _of_each(done, value)


def _last(jobs: Iterable[JobFigures]) -> list[JobFigures]:
    """Of each kind, variety and database the last one."""
    last = {(job.kind, job.variety, job.database or ""): job for job in jobs}
    return [last[key] for key in sorted(last)]


def _of_each(jobs: Iterable[JobFigures], value: Callable[[JobFigures], float | None]) -> list[Sample]:
    found = ((job, value(job)) for job in jobs)
    return [
        Sample({"kind": job.kind, "variety": job.variety, "database": job.database}, figure)
        for job, figure in found
        if figure is not None
    ]


def _of_backups(backups: Iterable[BackupSummary]) -> Iterator[tuple[Definition, Iterable[Sample]]]:
    grouped: dict[tuple[str, str, str], list[BackupSummary]] = defaultdict(list)
    for backup in backups:
        grouped[backup.repository, backup.database, str(backup.kind)].append(backup)
    stored = [
        ({"repository": repository, "database": database, "kind": kind}, grouped[repository, database, kind])
        for repository, database, kind in sorted(grouped)
    ]
    yield names.STORED, [Sample(labels, len(found)) for labels, found in stored]
    yield names.STORED_BYTES, [Sample(labels, sum(each.bytes for each in found)) for labels, found in stored]
    yield names.NEWEST, [Sample(labels, max(each.started_at for each in found).timestamp()) for labels, found in stored]


def _of_health(health: HealthFigures) -> Iterator[tuple[Definition, Iterable[Sample]]]:
    ranks = {str(status): rank for rank, status in enumerate(HealthStatus)}
    yield names.HEALTH_STATUS, [_only(ranks[health.status])] if health.status in ranks else []
    yield names.HEALTH_AT, [_only(health.at.timestamp())]
    yield names.HEALTH_SECONDS, [_only(health.seconds)]


def _of_databases(health: HealthFigures) -> Iterator[tuple[Definition, Iterable[Sample]]]:
    found = sorted(health.databases, key=lambda each: each.database)
    yield names.DATABASE_STATUS, [Sample({"database": each.database}, each.status.rank) for each in found]
    yield (
        names.RECOVERY_POINT,
        [
            Sample({"database": each.database}, (health.at - timedelta(seconds=each.at_risk_seconds)).timestamp())
            for each in found
            if each.at_risk_seconds is not None
        ],
    )
    yield names.RPO, [Sample({"database": each.database}, each.rpo_seconds) for each in found if each.rpo_seconds]
    yield (
        names.RECOVERY_TIME,
        [
            Sample({"database": each.database}, each.recovery_seconds)
            for each in found
            if each.recovery_seconds is not None
        ],
    )
    yield names.RTO, [Sample({"database": each.database}, each.rto_seconds) for each in found if each.rto_seconds]


def _of_checks(checks: Iterable[CheckFigures]) -> Iterator[tuple[Definition, Iterable[Sample]]]:
    found = {(check.kind, check.subject, check.part, check.database): check for check in checks}
    labelled = [
        ({"check": kind, "subject": subject, "part": part, "database": database}, check)
        for (kind, subject, part, database), check in found.items()
    ]
    yield names.CHECK_STATUS, [Sample(labels, check.status.rank) for labels, check in labelled]
    figures: dict[Definition, list[Sample]] = defaultdict(list)
    for labels, check in labelled:
        if check.value is not None and check.unit in _UNITS:
            definition, times = _UNITS[check.unit]
            figures[definition].append(Sample(labels, check.value * times))
    yield from figures.items()


def _of_disks(disks: Sequence[DiskStats]) -> Iterator[tuple[Definition, Iterable[Sample]]]:
    yield names.DISK_SIZE, [Sample({"place": disk.place}, disk.total_bytes) for disk in disks]
    yield names.DISK_FREE, [Sample({"place": disk.place}, disk.free_bytes) for disk in disks]
    growth = ((disk.place, disk.forecast.growth_bytes_per_day) for disk in disks)
    yield (
        names.DISK_GROWTH,
        [
            Sample({"place": place}, bytes_a_day / _DAY_SECONDS)
            for place, bytes_a_day in growth
            if bytes_a_day is not None
        ],
    )
    days = ((disk.place, disk.forecast.days) for disk in disks)
    yield names.DISK_FULL, [Sample({"place": place}, left * _DAY_SECONDS) for place, left in days if left is not None]


def _only(value: float) -> Sample:
    return Sample({}, float(value))
