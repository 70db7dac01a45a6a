"""Adding up measurements: what many jobs or health runs come to as one record of the same sort."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import msgspec

from pantry_tui.models import CheckFigures, DatabaseFigures, DiskFigures, HealthFigures, JobFigures
from pantry_tui.models.monitoring import HealthStatus

T = TypeVar("T")

_SUMS = (
    "count",
    "seconds",
    "stored_bytes",
    "raw_bytes",
    "rows",
    "user_seconds",
    "system_seconds",
    "read_bytes",
    "written_bytes",
    "packed_bytes",
    "packed_to_bytes",
)
_HEALTH_RANKS = {str(status): rank for rank, status in enumerate(HealthStatus)}


def summarized(records: Iterable[JobFigures | HealthFigures]) -> list[JobFigures | HealthFigures]:
    """The records of a day as few: jobs that agree in all their words become one, and so do all health runs."""
    kept = list(records)
    jobs = grouped((each for each in kept if isinstance(each, JobFigures)), _sort_of_job)
    health = [each for each in kept if isinstance(each, HealthFigures)]
    found: list[JobFigures | HealthFigures] = [jobs_together(each) for each in jobs.values()]
    return [*found, *([health_together(health)] if health else [])]


def jobs_together(jobs: Sequence[JobFigures]) -> JobFigures:
    """What these jobs come to; their words are those of the last one. There must be one."""
    last = max(jobs, key=lambda each: each.at)
    return msgspec.structs.replace(
        last,
        **{name: sum(getattr(each, name) for each in jobs) for name in _SUMS},
        median_seconds=weighted_median([(each.median, each.count) for each in jobs]),
        longest_seconds=max(each.longest for each in jobs),
        peak_bytes=max(each.peak_bytes for each in jobs),
    )


def health_together(runs: Sequence[HealthFigures]) -> HealthFigures:
    """What these health runs come to: the last figures, the worst of each. There must be one."""
    runs = sorted(runs, key=lambda each: each.at)
    disks = grouped((disk for run in runs for disk in run.disks), lambda disk: disk.place)
    databases = grouped((found for run in runs for found in run.databases), lambda found: found.database)
    checks = grouped(
        (check for run in runs for check in run.checks),
        lambda check: (check.kind, check.subject, check.part, check.database),
    )
    return HealthFigures(
        at=runs[-1].at,
        status=max((run.status for run in runs), key=lambda status: _HEALTH_RANKS.get(status, len(_HEALTH_RANKS))),
        seconds=max(run.seconds for run in runs),
        disks=tuple(_disk(each) for each in disks.values()),
        databases=tuple(_database(each) for each in databases.values()),
        checks=tuple(_check(each) for each in checks.values()),
        runs=sum(run.runs for run in runs),
    )


def weighted_median(values: Iterable[tuple[float, int]]) -> float:
    """The value in the middle, of values each of which stands for so many; 0 of none."""
    ordered = sorted(values)
    half, seen = sum(weight for _, weight in ordered) / 2, 0
    for place, (value, weight) in enumerate(ordered):
        seen += weight
        if seen == half and place + 1 < len(ordered):
            return (value + ordered[place + 1][0]) / 2
        if seen >= half:
            return value
    return 0.0


def grouped(values: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, list[T]]:
    """The values by their key, in the order in which keys and values came."""
    found: dict[Hashable, list[T]] = defaultdict(list)
    for value in values:
        found[key(value)].append(value)
    return dict(found)


def _sort_of_job(job: JobFigures) -> Hashable:
    return job.kind, job.variety, job.outcome, job.database, job.repository


def _disk(looks: Sequence[DiskFigures]) -> DiskFigures:
    least = min(look.least_free for look in looks)
    return msgspec.structs.replace(looks[-1], least_free_bytes=least)


def _database(looks: Sequence[DatabaseFigures]) -> DatabaseFigures:
    ages = [age for look in looks if (age := look.worst_at_risk) is not None]
    return msgspec.structs.replace(
        looks[-1],
        status=max((look.status for look in looks), key=lambda status: status.rank),
        worst_at_risk_seconds=max(ages, default=None),
        exposed_runs=sum(look.exposed_runs for look in looks),
    )


def _check(looks: Sequence[CheckFigures]) -> CheckFigures:
    spans = [span for look in looks if (span := look.span) is not None]
    return msgspec.structs.replace(
        looks[-1],
        status=max((look.status for look in looks), key=lambda status: status.rank),
        least=min((least for least, _ in spans), default=None),
        most=max((most for _, most in spans), default=None),
        not_ok=sum(look.not_ok for look in looks),
    )
