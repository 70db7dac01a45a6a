"""From jobs and health runs to the figures that are kept of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pantry_tui.models import (
    CheckFigures,
    Compression,
    DatabaseFigures,
    DiskFigures,
    HealthFigures,
    Job,
    JobFigures,
    JobUsage,
)
from pantry_tui.models.monitoring import Check, CheckStatus, Health

MOST_DATABASES = 500  # of one health run; those that are worst
MOST_CHECKS = 1000


def figures_of_job(job: Job, *, repository: str | None, variety: str = "") -> JobFigures | None:
    """The figures of a job that has ended; None of one that is alive. ``variety``: the kind of a backup, the place of a drill.

    What a backup or drill took is what it says itself: hooks, retention and waiting for a process are not counted.
    """
    if job.finished_at is None:
        return None
    result = job.result or {}
    usage = job.usage or JobUsage()
    seconds = round(_seconds(job, result), 3)
    stored, raw = _number(result, "bytes"), _number(result, "raw_bytes") or _measured(result, "raw_bytes")
    is_packed = job.kind == "backup" and result.get("compression", Compression.NONE) != Compression.NONE
    return JobFigures(
        at=_to_seconds(job.finished_at),
        kind=job.kind,
        outcome=str(job.state),
        database=job.database or result.get("database"),
        repository=repository,
        variety=str(result.get("kind") or variety) if job.kind == "backup" else variety,
        seconds=seconds,
        stored_bytes=stored,
        raw_bytes=raw,
        rows=_number(result, "rows") or _measured(result, "rows"),
        user_seconds=round(usage.user_seconds, 3),
        system_seconds=round(usage.system_seconds, 3),
        peak_bytes=usage.peak_bytes,
        read_bytes=usage.read_bytes,
        written_bytes=usage.written_bytes,
        packed_bytes=raw if is_packed else 0,
        packed_to_bytes=stored if is_packed else 0,
    )


def figures_of_health(health: Health, disks: Sequence[DiskFigures]) -> HealthFigures:
    """The figures of a health run, with what was free at that time."""
    databases = sorted(health.databases, key=lambda found: -found.status.rank)[:MOST_DATABASES]
    checks = sorted(health.checks, key=lambda check: -check.status.rank)[:MOST_CHECKS]
    return HealthFigures(
        at=_to_seconds(health.at),
        status=str(health.status),
        seconds=round(health.seconds, 3),
        disks=tuple(disks),
        databases=tuple(
            DatabaseFigures(
                database=found.database,
                status=found.status,
                at_risk_seconds=_rounded(found.at_risk_seconds),
                recovery_seconds=_rounded(found.recovery_seconds),
                rpo_seconds=found.rpo_seconds,
                rto_seconds=found.rto_seconds,
                exposed_runs=int(found.at_risk_seconds is None),
            )
            for found in databases
        ),
        checks=tuple(
            CheckFigures(
                kind=str(check.kind),
                subject=check.subject,
                status=check.status,
                database=check.database,
                part=_part(check),
                value=_rounded(check.value),
                unit=check.unit if check.value is not None else "",
                not_ok=int(check.status is not CheckStatus.OK),
            )
            for check in checks
        ),
    )


def _seconds(job: Job, result: Mapping[str, Any]) -> float:
    own = result.get("duration_seconds", result.get("total_seconds"))
    if isinstance(own, int | float) and own >= 0:
        return float(own)
    if job.started_at is None or job.finished_at is None:
        return 0.0
    return max(0.0, (job.finished_at - job.started_at).total_seconds())  # the clock may have been set back


def _number(result: Mapping[str, Any], name: str) -> int:
    found = result.get(name)
    return found if isinstance(found, int) and found > 0 else 0


def _measured(result: Mapping[str, Any], name: str) -> int:
    measured = result.get("measured")
    return _number(measured, name) if isinstance(measured, dict) else 0


def _part(check: Check) -> str:
    """What of the check's id its kind and subject do not say already."""
    said = f"{check.kind}:{check.subject}"
    return check.id[len(said) :].removeprefix(":") if check.id.startswith(said) else check.id


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _to_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
