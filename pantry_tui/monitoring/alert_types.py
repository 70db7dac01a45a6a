"""The table of alerts: how bad each type is, after how long somebody else is told, and what it explains."""

from __future__ import annotations

from typing import NamedTuple

from pantry_tui.models import AlertType, Severity

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


class AlertKind(NamedTuple):
    """One type. ``escalate_seconds`` None: nobody else is told. ``lasts_seconds``: of what happens once and is over."""

    severity: Severity
    worst: Severity
    worst_when: str  # in words, for the documentation
    escalate_seconds: float | None
    what: str  # for people
    explains: tuple[AlertType, ...] = ()
    lasts_seconds: float | None = None
    told_by_job: bool = False  # whom a job names in on_failure hears of it from the job


_LOW, _MEDIUM, _HIGH, _CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL
_NO_BACKUP = "no valid backup is left inside the recovery point objective"
_OF_BACKUPS = (
    AlertType.BACKUP_FAILED,
    AlertType.SCHEDULE_FAILING,
    AlertType.BACKUP_TOO_OLD,
)

KINDS: dict[AlertType, AlertKind] = {
    AlertType.BACKUP_FAILED: AlertKind(
        _HIGH, _CRITICAL, _NO_BACKUP, 15 * _MINUTE, "a backup failed", (AlertType.SCHEDULE_FAILING,), told_by_job=True
    ),
    AlertType.BACKUP_CORRUPTED: AlertKind(_HIGH, _CRITICAL, _NO_BACKUP, 30 * _MINUTE, "a backup is damaged"),
    AlertType.BACKUP_TOO_OLD: AlertKind(
        _HIGH,
        _CRITICAL,
        "older than the age threshold too, or there is none",
        15 * _MINUTE,
        "the newest backup is too old",
    ),
    AlertType.BACKUP_SHRUNK: AlertKind(_MEDIUM, _HIGH, "by half or more", 2 * _HOUR, "the newest backup shrank"),
    AlertType.SCHEDULE_MISSED: AlertKind(
        _MEDIUM, _MEDIUM, "", 2 * _HOUR, "a run of a schedule did not begin when it was to", told_by_job=True
    ),
    AlertType.SCHEDULE_FAILING: AlertKind(
        _MEDIUM, _HIGH, "three times running", 2 * _HOUR, "a schedule's runs fail", told_by_job=True
    ),
    AlertType.DISK_SPACE_LOW: AlertKind(
        _HIGH, _CRITICAL, "under a tenth of the threshold", 1 * _HOUR, "room for backups runs out", _OF_BACKUPS
    ),
    AlertType.PERFORMANCE_DEGRADED: AlertKind(_LOW, _LOW, "", None, "backups take longer, save less or fail more"),
    AlertType.PROOF_TOO_OLD: AlertKind(_MEDIUM, _MEDIUM, "", 24 * _HOUR, "no restore was rehearsed lately"),
    AlertType.DRILL_FAILED: AlertKind(
        _HIGH, _HIGH, "", 1 * _HOUR, "a restore drill failed", (AlertType.SCHEDULE_FAILING,), told_by_job=True
    ),
    AlertType.OBJECTIVE_UNREACHABLE: AlertKind(_LOW, _LOW, "", None, "an objective cannot be met as things are set up"),
    AlertType.SERVER_UNREACHABLE: AlertKind(
        _HIGH, _HIGH, "", 15 * _MINUTE, "a server cannot be reached", (*_OF_BACKUPS, AlertType.DRILL_FAILED)
    ),
    AlertType.PRIVILEGES_LOST: AlertKind(
        _HIGH, _HIGH, "", 1 * _HOUR, "the role no longer sees everything", _OF_BACKUPS
    ),
    AlertType.CLIENT_TOOLS_UNFIT: AlertKind(
        _HIGH, _HIGH, "", 1 * _HOUR, "the client tools do not fit the server", _OF_BACKUPS
    ),
    AlertType.OFF_SITE_LAG: AlertKind(_MEDIUM, _MEDIUM, "", 2 * _HOUR, "copies elsewhere lag behind"),
    AlertType.TRAIL_BROKEN: AlertKind(
        _HIGH, _HIGH, "", 30 * _MINUTE, "somebody changed the audit trail, or removed backups or signatures"
    ),
    AlertType.CATALOG_DAMAGED: AlertKind(_MEDIUM, _MEDIUM, "", 2 * _HOUR, "files of the catalog were damaged"),
    AlertType.REPOSITORY_UNUSABLE: AlertKind(
        _HIGH,
        _HIGH,
        "",
        30 * _MINUTE,
        "a repository cannot be used",
        (*_OF_BACKUPS, AlertType.BACKUP_CORRUPTED, AlertType.TRAIL_BROKEN),
    ),
    AlertType.RUNNER_ABSENT: AlertKind(
        _HIGH, _HIGH, "", 1 * _HOUR, "no runner works the schedules off", (AlertType.SCHEDULE_MISSED,)
    ),
    AlertType.NOTIFICATION_FAILED: AlertKind(_MEDIUM, _MEDIUM, "", 2 * _HOUR, "somebody could not be told"),
    AlertType.CLOCK_MOVED: AlertKind(
        _MEDIUM, _MEDIUM, "", None, "the clock was set, or it is wrong", (AlertType.SCHEDULE_MISSED,), 1 * _DAY
    ),
    AlertType.DATABASE_APPEARED: AlertKind(_LOW, _LOW, "", None, "a database is there that was not", (), 7 * _DAY),
}
