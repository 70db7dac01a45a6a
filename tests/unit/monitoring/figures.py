"""Figures of jobs and health runs, as they would have been measured."""

from __future__ import annotations

from datetime import UTC, datetime

from pantry_tui.models import CheckFigures, DatabaseFigures, DiskFigures, HealthFigures, JobFigures
from pantry_tui.models.monitoring import CheckKind, CheckStatus

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MIB = 1024**2


def taken(at: datetime = NOON, *, database: str = "crm", seconds: float = 10.0, variety: str = "full") -> JobFigures:
    """A backup that succeeded."""
    return JobFigures(
        at=at,
        kind="backup",
        outcome="succeeded",
        database=database,
        repository="local",
        variety=variety,
        seconds=seconds,
        stored_bytes=25 * MIB,
        raw_bytes=100 * MIB,
        rows=1000,
        user_seconds=4.5,
        system_seconds=0.5,
        peak_bytes=60 * MIB,
        read_bytes=1 * MIB,
        written_bytes=25 * MIB,
        packed_bytes=100 * MIB,
        packed_to_bytes=25 * MIB,
    )


def failed(at: datetime = NOON, *, database: str = "crm") -> JobFigures:
    """A backup that failed."""
    return JobFigures(at=at, kind="backup", outcome="failed", database=database, repository="local", variety="full")


def looked(
    at: datetime = NOON,
    *,
    database: str = "crm",
    at_risk: float | None = 3600.0,
    free: int = 500 * MIB,
    status: CheckStatus = CheckStatus.OK,
) -> HealthFigures:
    """A health run."""
    found = DatabaseFigures(
        database=database,
        status=status,
        at_risk_seconds=at_risk,
        recovery_seconds=120.0,
        rpo_seconds=14400.0,
        rto_seconds=14400.0,
        exposed_runs=int(at_risk is None),
    )
    checks = (
        CheckFigures(
            kind=CheckKind.RECENT_BACKUP,
            subject=database,
            status=status,
            database=database,
            value=at_risk,
            unit="seconds",
            not_ok=int(status is not CheckStatus.OK),
        ),
        CheckFigures(kind=CheckKind.DISK_SPACE, subject="local", status=CheckStatus.OK, value=2.0, unit="days"),
    )
    return HealthFigures(
        at=at,
        status="healthy" if status is CheckStatus.OK else "warning",
        seconds=0.5,
        disks=(DiskFigures(place="local", total_bytes=1000 * MIB, free_bytes=free),),
        databases=(found,),
        checks=checks,
    )
