"""Schedules: what is to be done when, and what became of each time that it was to be done."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pantry_tui.models.base import Failure, Model
from pantry_tui.models.jobs import JobState
from pantry_tui.models.kinds import BackupFormat, BackupSelection, Compression


class ScheduleKind(StrEnum):
    """What a schedule has done."""

    FULL = "full"
    INCREMENTAL = "incremental"
    SCHEMA = "schema"
    DATA = "data"
    DRILL = "drill"  # the latest backup is restored into a throw-away server
    VALIDATE = "validate"  # the latest backup is read back, whole
    COPY = "copy"  # what is missing in the repositories that copies go to is copied there

    @property
    def takes_backup(self) -> bool:
        """Whether a run of it is a backup."""
        return self in (ScheduleKind.FULL, ScheduleKind.INCREMENTAL, ScheduleKind.SCHEMA, ScheduleKind.DATA)


class MissedRuns(StrEnum):
    """What becomes of runs whose time came while no runner was there."""

    RUN_ONCE = "run-once"  # the last one is run late, however late, and stands for all
    IF_YOUNGER = "if-younger"  # the last one is run if it is not too late
    SKIP = "skip"  # none is run


class RunState(StrEnum):
    """What became of one time that a schedule was to run."""

    EXPECTED = "expected"  # its time is to come
    STARTED = "started"  # in time
    LATE = "late"  # started, but not in time
    MISSED = "missed"  # not started, because it was too late
    CAUGHT_UP = "caught up"  # not started itself; a later run stands for it
    SKIPPED = "skipped"  # not started on purpose

    @property
    def was_started(self) -> bool:
        """Whether there were jobs, or should have been."""
        return self in (RunState.STARTED, RunState.LATE)


class Schedule(Model, frozen=True, kw_only=True):
    """Something to be done again and again. Holds no secret: databases, repositories and whom to tell are names.

    ``database`` is a name of the configuration, or of a database on the default server; None: the default database of whoever
    runs the schedule, which must be the one at ``address``. ``all_databases``: every database of that one's server, new ones
    as they come. ``repository`` None is the default one; one that only the environment names must be at ``location``.
    """

    id: str = ""  # given when it is created
    name: str
    cron: str
    timezone: str = "UTC"
    seconds: bool = False  # the expression has six fields
    enabled: bool = True
    kind: ScheduleKind = ScheduleKind.FULL
    database: str | None = None
    all_databases: bool = False
    address: str = ""  # where the default database was when the schedule was made; empty for a configured one
    repository: str | None = None
    location: str = ""  # where the repository was when the schedule was made; empty for a configured one
    format: BackupFormat = BackupFormat.SQL
    compression: Compression | None = None  # None: as configured
    selection: BackupSelection = BackupSelection()
    or_full: bool = True  # where no incremental backup can be, take a full one
    tags: tuple[str, ...] = ()
    retention_days: int | None = None  # None: as configured
    retention_policy: str | None = None  # a name of the configuration
    recipients: tuple[str, ...] = ()  # public keys to whom its backups are encrypted; none: as configured
    hooks: str | None = None  # a name of [hook_sets] of the configuration; None: those of the database
    on_success: tuple[str, ...] = ()
    on_failure: tuple[str, ...] = ()
    timeout_seconds: float | None = None  # of one job; None: as long as it takes
    retries: int = 2
    retry_seconds: float = 60.0  # before the first one; doubled for each that follows
    missed: MissedRuns = MissedRuns.RUN_ONCE
    missed_seconds: float = 3600.0  # how late a run may be, under `MissedRuns.IF_YOUNGER`
    databases_seen: tuple[str, ...] = ()  # of a server whose databases are all taken: those that were there last
    created_at: datetime | None = None
    created_by: str = ""
    changed_at: datetime | None = None
    deleted_at: datetime | None = None  # it is remembered for its backups alone, which are kept as it said

    @property
    def backs_up_whole(self) -> bool:
        """Whether its runs are backups from which the database can be made whole."""
        return self.kind in (ScheduleKind.FULL, ScheduleKind.INCREMENTAL) and self.selection.is_everything


NO_RUNNER = "no runner was at work"  # how the reason begins of a run that was not started for that


class ExpectedRun(Model, frozen=True, kw_only=True):
    """One time that a schedule was, or is, to run. Written down before it is due."""

    schedule_id: str
    schedule: str  # its name then
    due_at: datetime
    state: RunState = RunState.EXPECTED
    why: str = ""  # of one that was not started in time
    written_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: int = 0
    job_ids: tuple[str, ...] = ()
    left: tuple[str, ...] = ()  # the databases that this attempt, or the next one, is about; none: all
    given_up: tuple[str, ...] = ()  # those that failed in a way that will not pass
    retry_at: datetime | None = None
    outcome: JobState | None = None  # of the last attempt; of several jobs, that of the first that failed
    failure: Failure | None = None

    @property
    def key(self) -> tuple[str, datetime]:
        """Which run of which schedule."""
        return self.schedule_id, self.due_at

    @property
    def is_open(self) -> bool:
        """Whether it was started and has not come to its end: it is at work, or waits to be tried again."""
        return self.state.was_started and self.finished_at is None


class ScheduleStatus(Model, frozen=True, kw_only=True):
    """A schedule with what is to be known at a glance."""

    schedule: Schedule
    words: str  # its cron expression in English
    next_runs: tuple[datetime, ...] = ()  # none while it is disabled
    last_run: ExpectedRun | None = None  # the last one whose time has come
    running: bool = False


class SchedulePreview(Model, frozen=True, kw_only=True):
    """What a cron expression means; ``notes``: what it comes to where clocks are changed, within a year."""

    cron: str
    timezone: str
    words: str
    next_runs: tuple[datetime, ...] = ()
    notes: tuple[str, ...] = ()
