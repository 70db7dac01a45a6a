"""Whether the databases would survive today: checks, the health they add up to, and alerts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from pantry_tui.models.base import Model


class CheckStatus(StrEnum):
    """How one check came out, best first."""

    OK = "ok"
    UNKNOWN = "unknown"  # it could not be judged, and says why; never taken for good
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """For comparison: the higher, the worse."""
        return list(CheckStatus).index(self)


class CheckKind(StrEnum):
    """What is looked at."""

    RECENT_BACKUP = "recent_backup"  # the newest backup against the recovery point objective
    INTEGRITY = "integrity"  # stored bytes and the chain of manifests
    SHRUNK = "shrunk"  # the newest backup against those before it
    RESTORE_PROOF = "restore_proof"  # the last drill, and its time against the recovery time objective
    TIER = "tier"  # whether the schedules can meet the objectives at all
    SERVER = "server"  # reachable, client tools, privileges
    SCHEDULES = "schedules"  # missed, late, failing, disabled, never run
    PERFORMANCE = "performance"  # duration, throughput, compression, failure rate
    DISK_SPACE = "disk_space"  # free bytes, and days until there are none
    OFF_SITE = "off_site"  # copies that lag behind
    CATALOG = "catalog"  # catalog and audit trail intact
    RUNNER = "runner"  # alive, and telling people succeeds
    CLOCK = "clock"  # set back, or backups from the future


class Remedy(Model, frozen=True, kw_only=True):
    """What mends it: a sentence, and the command line, where one does."""

    text: str
    command: tuple[str, ...] = ()  # arguments of `pantry-tui`
    key_command: str | None = None  # id of the screens' command that does the same


class Check(Model, frozen=True, kw_only=True):
    """One check of one thing. ``value`` and ``threshold`` are in ``unit``; both None where there is no figure.

    ``id`` is the same for the same cause in every run: kind, database and subject.
    """

    id: str
    kind: CheckKind
    status: CheckStatus
    subject: str  # what was looked at: a database, repository, schedule, or this host
    database: str | None = None
    summary: str  # a sentence with the figure, for people
    value: float | None = None
    threshold: float | None = None
    unit: str = ""  # seconds, bytes, ratio, days, count
    since: datetime | None = None  # since when it has this status
    remedy: Remedy | None = None  # None only when it is ok
    alert: AlertType | None = None  # what it is told as while it is not ok; None: nobody is told of it
    cause: str = ""  # of that alert, where several checks see one trouble; empty: the check's id


class DatabaseHealth(Model, frozen=True, kw_only=True):
    """Would this database survive today? ``verdict`` says it in a sentence.

    ``at_risk_seconds``: how old what would be left is (None: nothing is left). ``recovery_seconds``: how long it would take
    to bring back, as measured by the last proof (None: not known).
    """

    database: str
    status: CheckStatus
    verdict: str
    tier: str
    rpo_seconds: float
    rto_seconds: float
    at_risk_seconds: float | None = None
    recovery_seconds: float | None = None
    last_backup_id: str | None = None
    last_backup_at: datetime | None = None
    last_proof_at: datetime | None = None
    next_run_at: datetime | None = None


class HealthStatus(StrEnum):
    """What everything adds up to."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"


class Health(Model, frozen=True, kw_only=True):
    """One health run: every check, worst first, and what they mean for each database."""

    at: datetime
    status: HealthStatus
    seconds: float
    databases: tuple[DatabaseHealth, ...] = ()
    checks: tuple[Check, ...] = ()


class HealthRequest(Model, frozen=True, kw_only=True):
    """Look at everything now. ``notify``: tell people of alerts; None: as the runner does, which tells while it stays.

    ``thresholds`` by their names in the configuration: judge by these instead. Alerts then stay as they are, and so does
    what is kept as the last health.
    """

    notify: bool | None = None
    thresholds: dict[str, float] = msgspec.field(default_factory=dict)


class Severity(StrEnum):
    """How bad it is, mildest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """For comparison: the higher, the worse."""
        return list(Severity).index(self)


class AlertType(StrEnum):
    """What an alert tells of."""

    BACKUP_FAILED = "backup_failed"
    BACKUP_CORRUPTED = "backup_corrupted"
    BACKUP_TOO_OLD = "backup_too_old"
    BACKUP_SHRUNK = "backup_shrunk"
    SCHEDULE_MISSED = "schedule_missed"
    SCHEDULE_FAILING = "schedule_failing"
    DISK_SPACE_LOW = "disk_space_low"
    PERFORMANCE_DEGRADED = "performance_degraded"
    PROOF_TOO_OLD = "proof_too_old"
    DRILL_FAILED = "drill_failed"
    OBJECTIVE_UNREACHABLE = "objective_unreachable"
    SERVER_UNREACHABLE = "server_unreachable"
    PRIVILEGES_LOST = "privileges_lost"
    OFF_SITE_LAG = "off_site_lag"
    TRAIL_BROKEN = "trail_broken"  # of the audit trail, or of the chain of manifests
    CATALOG_DAMAGED = "catalog_damaged"
    REPOSITORY_UNUSABLE = "repository_unusable"
    CLIENT_TOOLS_UNFIT = "client_tools_unfit"
    RUNNER_ABSENT = "runner_absent"
    NOTIFICATION_FAILED = "notification_failed"
    CLOCK_MOVED = "clock_moved"
    DATABASE_APPEARED = "database_appeared"


class AlertState(StrEnum):
    """Where an alert is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Alert(Model, frozen=True, kw_only=True):
    """Something that is wrong, opened once for its cause however often it is seen.

    ``cause``: the same for the same trouble, an alert's key while it is not resolved. ``root``: the alert that explains this
    one, where one trouble brought many.
    """

    id: str
    type: AlertType
    severity: Severity
    state: AlertState = AlertState.OPEN
    cause: str
    subject: str
    database: str | None = None
    summary: str
    remedy: Remedy
    opened_at: datetime
    seen_at: datetime
    seen: int = 1  # how many runs have seen it
    told_at: datetime | None = None  # None: nobody was, because the root says it all
    well_since: datetime | None = None  # first of the looks at which the trouble was gone
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""  # empty: it went away by itself
    escalations: int = 0  # how many contacts were told after the first
    escalated_at: datetime | None = None
    root: str | None = None
    details: dict[str, str] = msgspec.field(default_factory=dict)


class DayCompliance(Model, frozen=True, kw_only=True):
    """What became of one schedule's runs on one day of its own time zone."""

    schedule_id: str
    schedule: str
    day: str  # YYYY-MM-DD
    expected: int = 0
    done: int = 0
    late: int = 0
    failed: int = 0
    missed: int = 0
