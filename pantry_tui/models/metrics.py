"""What was measured: of jobs, of health runs, and what days and databases add up to.

Of the records that are kept for months (`JobFigures`, `HealthFigures` and what they hold) only what is not the default is
written: fields may be added, with a default, and neither renamed nor given another default.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from pantry_tui.models.base import Model
from pantry_tui.models.monitoring import CheckStatus


class JobUsage(Model, frozen=True, kw_only=True):
    """What a job's processes have used, as the kernel counted (wait4(2)): its own and all that it started and waited for.

    The server's processes are not among them, unless it is a private one of the job. What had to be killed, and so was
    waited for by nobody, is not counted. ``peak_bytes`` is the most memory that any single one of the processes had
    resident. Bytes read and written are those that went to or from storage: the page cache saves reads, and memory file
    systems have none.
    """

    user_seconds: float = 0.0
    system_seconds: float = 0.0
    peak_bytes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0


class JobFigures(Model, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="job", tag_field="of"):
    """The figures of one job that has ended, or of ``count`` of them that agree in kind, database, repository and outcome.

    ``at``: when it ended, of several: the last one. Bytes, rows and seconds are sums; ``median_seconds``, ``longest_seconds``:
    of the single jobs, the median of medians where they were added up before. ``packed_bytes`` and ``packed_to_bytes``: raw and
    stored bytes of what was compressed; the ratio is judged by nothing else.
    """

    at: datetime
    kind: str  # of the job: backup, validate, drill …
    outcome: str  # of `JobState`: succeeded, failed …
    database: str | None = None
    repository: str | None = None
    variety: str = ""  # of a backup: full, incremental …; of a drill: where
    count: int = 1
    seconds: float = 0.0
    median_seconds: float | None = None  # None: `seconds`, as of a single one
    longest_seconds: float | None = None
    stored_bytes: int = 0
    raw_bytes: int = 0
    rows: int = 0
    user_seconds: float = 0.0
    system_seconds: float = 0.0
    peak_bytes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    packed_bytes: int = 0
    packed_to_bytes: int = 0

    @property
    def median(self) -> float:
        """How long one of them took: the middle of them."""
        return self.seconds if self.median_seconds is None else self.median_seconds

    @property
    def longest(self) -> float:
        """How long the slowest of them took."""
        return self.seconds if self.longest_seconds is None else self.longest_seconds


class DiskFigures(Model, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """How much room a file system has: ``free_bytes`` for this user, ``least_free_bytes`` of all looks at it."""

    place: str  # `data directory`, else the repository's name
    total_bytes: int
    free_bytes: int
    least_free_bytes: int | None = None  # None: `free_bytes`, as of a single look

    @property
    def least_free(self) -> int:
        """The least that was free."""
        return self.free_bytes if self.least_free_bytes is None else self.least_free_bytes


class DatabaseFigures(Model, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Would it survive? ``at_risk_seconds``: the age of the newest valid backup (None: there is none), and its highest."""

    database: str
    status: CheckStatus
    at_risk_seconds: float | None = None
    worst_at_risk_seconds: float | None = None  # None: `at_risk_seconds`, as of a single look
    recovery_seconds: float | None = None  # how long the last proof took
    rpo_seconds: float = 0.0
    rto_seconds: float = 0.0
    exposed_runs: int = 0  # of the looks that found no backup at all

    @property
    def worst_at_risk(self) -> float | None:
        """The highest age of the newest valid backup."""
        return self.at_risk_seconds if self.worst_at_risk_seconds is None else self.worst_at_risk_seconds


class CheckFigures(Model, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One check: its last figure, the lowest and highest, the worst status, and how often it was not well.

    ``part``: what distinguishes it from others of its kind and subject, by its id.
    """

    kind: str
    subject: str
    status: CheckStatus
    database: str | None = None
    part: str = ""
    value: float | None = None
    unit: str = ""
    least: float | None = None  # None: `value`, as of a single one
    most: float | None = None
    not_ok: int = 0

    @property
    def span(self) -> tuple[float, float] | None:
        """The lowest and the highest figure; None where there is none."""
        least = self.value if self.least is None else self.least
        most = self.value if self.most is None else self.most
        return None if least is None or most is None else (least, most)


class HealthFigures(Model, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="health", tag_field="of"):
    """The figures of one health run, or of ``runs`` of them; what they say last, and the worst of it."""

    at: datetime
    status: str
    seconds: float = 0.0
    disks: tuple[DiskFigures, ...] = ()
    databases: tuple[DatabaseFigures, ...] = ()
    checks: tuple[CheckFigures, ...] = ()
    runs: int = 1


class Summarized(Model, frozen=True, kw_only=True, tag="summarized", tag_field="of"):
    """Says that what follows in a file was added up, and when."""

    at: datetime


MetricRecord = JobFigures | HealthFigures | Summarized


class JobTotals(Model, frozen=True, kw_only=True):
    """What all jobs of one kind, database and outcome came to, since counting began: it never goes down."""

    kind: str
    outcome: str
    database: str | None = None
    count: int = 0
    seconds: float = 0.0
    stored_bytes: int = 0
    raw_bytes: int = 0
    rows: int = 0
    user_seconds: float = 0.0
    system_seconds: float = 0.0
    read_bytes: int = 0
    written_bytes: int = 0


class DiskForecast(Model, frozen=True, kw_only=True):
    """When a file system will be full if it goes on as it did. ``days`` None: not within ten years, or not known."""

    place: str
    known: bool
    days: float | None = None
    growth_bytes_per_day: float | None = None
    days_of_data: float = 0.0
    little_data: bool = False
    words: str


class DayMetrics(Model, frozen=True, kw_only=True):
    """One day (UTC) of a database, or of all of them where ``database`` is None.

    ``median_seconds``, ``throughput`` (raw bytes a second) and ``saved`` (1 - stored / raw) are of the backups that succeeded.
    """

    day: str  # YYYY-MM-DD
    database: str | None = None
    backups: int = 0
    failures: int = 0  # of backups: failed, timed out
    jobs: int = 0  # of all kinds
    median_seconds: float | None = None
    longest_seconds: float | None = None
    stored_bytes: int = 0
    raw_bytes: int = 0
    rows: int = 0
    throughput: float | None = None
    saved: float | None = None
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    worst_at_risk_seconds: float | None = None
    exposed_runs: int = 0
    recovery_seconds: float | None = None
    health_runs: int = 0
    least_free_bytes: dict[str, int] = msgspec.field(default_factory=dict)  # by place


class MetricsHistory(Model, frozen=True, kw_only=True):
    """The days that were asked for, oldest first, each whole and per database, and the records that they are made of."""

    since: datetime
    until: datetime
    days: tuple[DayMetrics, ...] = ()
    by_database: dict[str, tuple[DayMetrics, ...]] = msgspec.field(default_factory=dict)
    jobs: tuple[JobFigures, ...] = ()
    health: tuple[HealthFigures, ...] = ()
    problems: tuple[str, ...] = ()  # what reading had to put up with


class DatabaseStats(Model, frozen=True, kw_only=True):
    """A database over the last 30 days. ``growth_bytes_per_day``: of what a full backup reads."""

    database: str
    backups: int
    failures: int
    success_rate: float | None
    typical_seconds: float | None
    typical_bytes: float | None
    saved: float | None
    throughput: float | None
    growth_bytes_per_day: float | None
    last_backup_at: datetime | None = None
    stored_backups: int = 0  # there now, in all repositories
    stored_bytes: int = 0
    at_risk_seconds: float | None = None
    recovery_seconds: float | None = None


class DiskStats(Model, frozen=True, kw_only=True):
    """A file system: its room now, and how long it will last."""

    place: str
    total_bytes: int
    free_bytes: int
    at: datetime
    forecast: DiskForecast


class MonitoringStats(Model, frozen=True, kw_only=True):
    """What everything came to: since counting began, over 30 days, and now."""

    at: datetime
    counting_since: datetime | None
    backups: int  # that were ever taken, while counted
    failures: int
    stored_backups: int  # there now
    stored_bytes: int
    jobs: int
    cpu_seconds: float
    databases: tuple[DatabaseStats, ...] = ()
    disks: tuple[DiskStats, ...] = ()
    kept_days: int = 0  # of which metrics are kept
    kept_bytes: int = 0  # that they take
    problems: tuple[str, ...] = ()
