"""The health of two databases: one would survive, one would not."""

from __future__ import annotations

from datetime import timedelta

from pantry_tui.models import (
    Check,
    CheckKind,
    CheckStatus,
    DatabaseHealth,
    DayCompliance,
    Health,
    HealthStatus,
    Remedy,
)
from tests.tui.stand_in import NOW, StandIn

CRM = DatabaseHealth(
    database="crm",
    status=CheckStatus.OK,
    verdict="It would survive today: the newest backup is 31 min old, and a restore of it took 4 min.",
    tier="critical",
    rpo_seconds=3600.0,
    rto_seconds=7200.0,
    at_risk_seconds=1860.0,
    recovery_seconds=240.0,
    last_backup_id="20261123T085900Z-daily-0001",
    last_backup_at=NOW - timedelta(minutes=31),
    last_proof_at=NOW - timedelta(days=2),
    next_run_at=NOW + timedelta(hours=3),
)
BILLING = DatabaseHealth(
    database="billing",
    status=CheckStatus.CRITICAL,
    verdict="It would not survive today: the newest backup cannot be read.",
    tier="standard",
    rpo_seconds=4 * 3600.0,
    rto_seconds=4 * 3600.0,
)
WRONG = (
    Check(
        id="integrity/billing/local",
        kind=CheckKind.INTEGRITY,
        status=CheckStatus.CRITICAL,
        subject="backup 20261014T093000Z-before-migration-0004",
        database="billing",
        summary="billing: the newest backup is damaged: segment 12 is not what was written",
        since=NOW - timedelta(hours=5),
        remedy=Remedy(
            text="take another backup now, and validate the ones before it",
            command=("backup", "create", "-n", "now", "-d", "billing"),
            key_command="backup.create",
        ),
    ),
    Check(
        id="disk_space/local",
        kind=CheckKind.DISK_SPACE,
        status=CheckStatus.WARNING,
        subject="repository local",
        summary="local: 14.2 GiB free of 80 GiB; full in 9 days at this rate",
        value=15_246_000_000.0,
        threshold=21_474_836_480.0,
        unit="bytes",
        since=NOW - timedelta(days=1),
        remedy=Remedy(text="keep fewer backups, or give it more room", command=("retention", "preview")),
    ),
)
WELL = Check(
    id="recent_backup/crm", kind=CheckKind.RECENT_BACKUP, status=CheckStatus.OK, subject="crm", summary="crm: 31 min"
)


def fill(runner: StandIn, *, well: bool = False) -> None:
    """The health as the last look found it, and six weeks of two schedules."""
    databases = (CRM,) if well else (BILLING, CRM)
    checks = (WELL,) if well else (*WRONG, WELL)
    status = HealthStatus.HEALTHY if well else HealthStatus.CRITICAL
    runner.found = Health(at=NOW - timedelta(minutes=4), status=status, seconds=0.4, databases=databases, checks=checks)
    runner.days = [
        DayCompliance(
            schedule_id=schedule,
            schedule=schedule,
            day=(NOW - timedelta(days=back)).date().isoformat(),
            expected=1,
            done=0 if back in (3, 17) and schedule == "nightly" else 1,
            late=1 if back == 9 else 0,
            failed=1 if back == 3 and schedule == "nightly" else 0,
            missed=1 if back == 17 and schedule == "nightly" else 0,
        )
        for back in range(42)
        for schedule in ("nightly", "four-hourly")
    ]
