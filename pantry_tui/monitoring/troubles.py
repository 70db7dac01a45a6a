"""What is wrong, as alerts take it: from checks, and from what happens between two looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from pantry_tui.events import ClockMoved, DatabaseAppeared, NotificationFailed, RunEnded, RunMissed
from pantry_tui.models import (
    NO_RUNNER,
    AlertType,
    Check,
    CheckStatus,
    DatabaseHealth,
    ExpectedRun,
    Health,
    Job,
    JobState,
    Model,
    Remedy,
    Severity,
)
from pantry_tui.monitoring.alert_types import KINDS
from pantry_tui.monitoring.checks import remedy
from pantry_tui.monitoring.room import is_nearly_full
from pantry_tui.monitoring.scheduling import key_of

_BACKUP = "backup"
_ENDED = (JobState.SUCCEEDED, JobState.FAILED, JobState.TIMED_OUT)


class Trouble(Model, frozen=True, kw_only=True):
    """One thing that is wrong. ``cause`` is the same whenever it is seen."""

    type: AlertType
    cause: str
    severity: Severity
    subject: str
    summary: str
    remedy: Remedy
    database: str | None = None
    details: dict[str, str] = msgspec.field(default_factory=dict)


class Sighting(Model, frozen=True, kw_only=True):
    """What one look saw: what is wrong, and of which keys it knows that nothing else is.

    A key is a cause without its type. ``open``: keys that could not be judged; None: the look was not at everything, and
    says nothing of the keys that it does not name.
    """

    troubles: tuple[Trouble, ...] = ()
    judged: frozenset[str] = frozenset()
    open: frozenset[str] | None = None

    def is_well(self, cause: str) -> bool:
        """Whether what an alert tells of is known to be gone: it is mended, or there is nothing more to look at."""
        key = cause.partition(":")[2]
        if any(trouble.cause == cause for trouble in self.troubles):
            return False
        return key in self.judged or (self.open is not None and key not in self.open)


def sighted(health: Health, jobs: Iterable[Job] = ()) -> Sighting:
    """What a health run saw. ``jobs``: those that are over, newest first; the last backup of each database counts.

    What could not be judged is neither wrong nor well.
    """
    found: dict[str, list[Check]] = {}
    for check in health.checks:
        found.setdefault(check.cause or check.id, []).append(check)
    databases = {each.database: each for each in health.databases}
    troubles: list[Trouble] = []
    judged: set[str] = set()
    unjudged: set[str] = set()
    for key, checks in found.items():
        bad = [each for each in checks if each.status in (CheckStatus.WARNING, CheckStatus.CRITICAL)]
        told = [each for each in bad if each.alert is not None]
        if told:
            troubles.append(_of_checks(key, told, databases))
        elif any(each.status is CheckStatus.UNKNOWN for each in checks):
            unjudged.add(key)
        else:
            judged.add(key)
    troubles += [trouble for job in _last_jobs(jobs) if (trouble := _of_job(job, databases)) is not None]
    return Sighting(troubles=tuple(troubles), judged=frozenset(judged), open=frozenset(unjudged))


def sighted_job(job: Job, health: Health | None) -> Sighting:
    """What the end of a job tells; of most nothing. ``health`` is the last one."""
    if job.kind != _BACKUP or job.database is None or job.state not in _ENDED:
        return Sighting()
    databases = {each.database: each for each in health.databases} if health is not None else {}
    trouble = _of_job(job, databases)
    return Sighting(judged=frozenset((_key_of_job(job),)), troubles=(trouble,) if trouble is not None else ())


def sighted_event(event: object) -> Sighting:
    """What the scheduler, or who tells people, has to say; of most events nothing."""
    match event:
        case RunMissed(run=run):
            return Sighting(troubles=_missed(run))
        case RunEnded(run=run) if run.outcome is JobState.SUCCEEDED and not run.is_open:
            return Sighting(judged=frozenset((key_of(run.schedule_id),)))
        case NotificationFailed(receiver=receiver, problem=problem):
            trouble = _trouble(
                AlertType.NOTIFICATION_FAILED,
                "runner:host:messages",  # the check's id
                receiver,
                f"people could not be told: {receiver} ({problem})",
                remedy("see why, and try it (notify test)", "notify", "list"),
            )
            return Sighting(troubles=(trouble,))
        case DatabaseAppeared(schedule=schedule, schedule_id=schedule_id, database=database):
            said = f"database {database} is new; schedule {schedule} takes it in"
            look = remedy("see whether somebody meant it", "schedule", "show", schedule)
            return Sighting(
                troubles=(
                    _trouble(
                        AlertType.DATABASE_APPEARED,
                        f"{schedule_id}:{database}",
                        database,
                        said,
                        look,
                        database=database,
                    ),
                )
            )
        case ClockMoved(cause=cause):
            look = remedy("see whether it is right now", "doctor")
            return Sighting(troubles=(_trouble(AlertType.CLOCK_MOVED, "event", "host", cause, look),))
    return Sighting()


def _missed(run: ExpectedRun) -> tuple[Trouble, ...]:
    """A run that was not started in time; where no runner was there, that is the root of this one and of all others."""
    missed = _trouble(
        AlertType.SCHEDULE_MISSED,
        key_of(run.schedule_id),
        run.schedule,
        f"schedule {run.schedule}: the run of {run.due_at:%Y-%m-%d %H:%M} UTC is {run.state}: {run.why}",
        remedy("see its runs", "schedule", "show", run.schedule),
    )
    if not run.why.startswith(NO_RUNNER):
        return (missed,)
    said = "no runner was at work when schedules were to run"
    install = remedy("have systemd start one whenever the machine is up", "runner", "install-unit")
    return (_trouble(AlertType.RUNNER_ABSENT, "down", "host", said, install), missed)


def _trouble(
    kind: AlertType, cause: str, subject: str, summary: str, mend: Remedy, *, database: str | None = None
) -> Trouble:
    return Trouble(
        type=kind,
        cause=f"{kind}:{cause}",
        severity=KINDS[kind].severity,
        subject=subject,
        summary=summary,
        remedy=mend,
        database=database,
    )


def _of_checks(key: str, checks: list[Check], databases: Mapping[str, DatabaseHealth]) -> Trouble:
    """The trouble of checks that share a cause; the worst speaks for all."""
    worst = max(checks, key=lambda each: each.status.rank)
    assert worst.alert is not None
    assert worst.remedy is not None
    names = sorted({each.database for each in checks if each.database is not None})
    details = {"check": worst.id, "databases": ", ".join(names)} if names else {"check": worst.id}
    return Trouble(
        type=worst.alert,
        cause=f"{worst.alert}:{key}",
        severity=_severity(worst, databases),
        subject=worst.subject,
        summary=worst.summary,
        remedy=worst.remedy,
        database=names[0] if len(names) == 1 else None,
        details=details,
    )


def _severity(check: Check, databases: Mapping[str, DatabaseHealth]) -> Severity:
    assert check.alert is not None
    kind = KINDS[check.alert]
    if check.alert is AlertType.DISK_SPACE_LOW:
        return kind.worst if is_nearly_full(check) else kind.severity
    if check.alert is AlertType.BACKUP_CORRUPTED:
        return kind.worst if _is_unprotected(check.database, databases) else kind.severity
    return kind.worst if check.status is CheckStatus.CRITICAL else kind.severity


def _is_unprotected(database: str | None, databases: Mapping[str, DatabaseHealth]) -> bool:
    """Whether no valid backup is left inside the recovery point objective."""
    health = databases.get(database or "")
    if health is None:
        return False
    return health.at_risk_seconds is None or health.at_risk_seconds > health.rpo_seconds


def _last_jobs(jobs: Iterable[Job]) -> list[Job]:
    """The last backup of each database that ended by itself; drills are known by the records that they leave."""
    found: dict[str, Job] = {}
    for job in jobs:
        if job.kind == _BACKUP and job.database is not None and job.state in _ENDED:
            found.setdefault(job.database, job)
    return list(found.values())


def _key_of_job(job: Job) -> str:
    return f"backup:{job.database}"


def _of_job(job: Job, databases: Mapping[str, DatabaseHealth]) -> Trouble | None:
    """The trouble that the end of a backup tells of."""
    if job.state is JobState.SUCCEEDED or job.database is None:
        return None
    kind = AlertType.BACKUP_FAILED
    why = job.failure.message if job.failure is not None else str(job.state)
    lost = _is_unprotected(job.database, databases)
    return Trouble(
        type=kind,
        cause=f"{kind}:{_key_of_job(job)}",
        severity=KINDS[kind].worst if lost else KINDS[kind].severity,
        subject=job.database,
        summary=f"{job.title} failed: {why}",
        remedy=remedy("see what it did, and take one now", "job", "log", job.id),
        database=job.database,
        details={"job": job.id, "failure": job.failure.code if job.failure is not None else ""},
    )
