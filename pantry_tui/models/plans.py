"""What a recovery would do, found out before it does anything."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pantry_tui.models.base import Failure, Model
from pantry_tui.models.kinds import Strategy


class RecoveryWay(StrEnum):
    """How a recovery gets its rows to where they are wanted."""

    NEW = "new database"  # into a database that is made, or one that is empty
    SIDE_BY_SIDE = "side by side"  # into a new one beside the one that is there, then the names are exchanged
    IN_PLACE = "in place"  # rows are exchanged in tables that are there, in one transaction
    EMPTY_TABLES = "empty tables"  # rows alone, into tables that are there and empty
    BESIDE = "beside"  # schemas under other names, beside what the database has


class ColumnDrift(Model, frozen=True, kw_only=True):
    """A column that is otherwise in the database than in the backup, and what becomes of it.

    ``change``: "added" or "dropped" since the backup, "retyped", "generated". ``handled``: the recovery copes with it.
    """

    column: str
    change: str
    in_backup: str | None
    in_database: str | None
    handled: bool
    words: str


class PlannedTable(Model, frozen=True, kw_only=True):
    """What becomes of one table.

    ``action``: "load" into a new table, "replace", "merge", "append", "make again" where it is gone, "fill" where it is empty.
    ``rows_now`` None: the table is not there. ``written`` are rows that were inserted or updated since the backup, None where
    that cannot be told. ``refers_to``: selected tables that foreign keys of this one point to. ``cycle``: the number of the
    cycle of foreign keys that it is part of.
    """

    schema: str
    name: str
    action: str
    rows_backup: int
    raw_bytes: int
    rows_now: int | None = None
    rows_now_exact: bool = True
    written: int | None = None
    refers_to: tuple[str, ...] = ()
    cycle: int | None = None
    drift: tuple[ColumnDrift, ...] = ()
    refusal: str | None = None

    @property
    def qualified_name(self) -> str:
        """`schema.name`, unquoted, for people."""
        return f"{self.schema}.{self.name}"


class Dependent(Model, frozen=True, kw_only=True):
    """Something outside of the selection that depends on a table in it. ``offer``: options that take it in, or what helps."""

    kind: str  # "foreign key", "view", "materialized view"
    name: str
    table: str  # that it depends on
    offer: str | None = None


class LockHolder(Model, frozen=True, kw_only=True):
    """A session that is in the way now."""

    pid: int
    role: str
    application: str
    state: str
    mode: str | None = None  # of the lock it holds
    table: str | None = None
    seconds: float | None = None  # since its transaction, or else the session, began


class PlannedLocks(Model, frozen=True, kw_only=True):
    """What is locked, and who holds what conflicts with it at this moment."""

    words: str
    tables: tuple[str, ...] = ()
    holders: tuple[LockHolder, ...] = ()
    wait_seconds: float | None = None  # after that the recovery gives up


class PlannedRoom(Model, frozen=True, kw_only=True):
    """Bytes on the server's disk. ``free`` None: this program cannot see it, and ``words`` say why."""

    needed: int
    free: int | None
    words: str


class DataLoss(Model, frozen=True, kw_only=True):
    """How far back the recovery goes, and what was written since, where that can be told.

    ``written_rows``: inserted or updated since the backup in the selected tables, deleted ones not counted; None: unknown.
    ``log_bytes``: what the whole server wrote into its log since.
    """

    backup_at: datetime
    age_seconds: float
    written_rows: int | None = None
    log_bytes: int | None = None
    rpo_seconds: float | None = None
    words: tuple[str, ...] = ()


class PlannedPhase(Model, frozen=True, kw_only=True):
    """A phase and how long it is expected to take."""

    name: str
    seconds: float


class Estimate(Model, frozen=True, kw_only=True):
    """How long it is expected to take, and how much that is worth.

    ``source``: "history", "drills", "probe" or "backup". ``within_rto`` is about the longest time; None: no objective is
    known, or the range has it inside.
    """

    seconds: float
    least: float
    most: float
    source: str
    confidence: str  # "good", "fair" or "rough"
    rates: tuple[str, ...]  # in words, with their figures
    phases: tuple[PlannedPhase, ...] = ()
    rto_seconds: float | None = None
    within_rto: bool | None = None


class RecoveryPlan(Model, frozen=True, kw_only=True):
    """Everything that a person should know before a recovery. ``refusals``: what keeps it from being executed, now."""

    backup_id: str
    database: str  # that was backed up
    target: str
    target_exists: bool
    server_version: str
    backup_version: str
    way: RecoveryWay
    why: str
    strategy: Strategy
    tables: tuple[PlannedTable, ...]
    cycles: tuple[tuple[str, ...], ...]
    dependents: tuple[Dependent, ...]
    locks: PlannedLocks
    room: PlannedRoom
    loss: DataLoss
    estimate: Estimate | None  # None: nothing to reckon with
    assertions: tuple[str, ...]
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]
    risks: tuple[str, ...]
    refusals: tuple[Failure, ...]
    command: str
    dry_run_command: str | None  # None: it cannot be rehearsed

    @property
    def executable(self) -> bool:
        """Whether nothing stands in its way, as far as can be told beforehand."""
        return not self.refusals


class ForeignPlan(Model, frozen=True, kw_only=True):
    """What is known beforehand of restoring a dump that somebody brought, and what is not.

    Figures are None where the dump could not be read to its end: ``refusals`` say why. ``rows`` stand behind COPY statements,
    ``bytes`` are of the whole script, unpacked.
    """

    source: str  # the path of the dump
    backup_id: str | None  # of one that was taken into a repository
    source_kind: str  # script, archive, tar or directory
    target: str
    target_exists: bool | None  # None: the server could not be asked, or refuses the target
    server_version: str | None
    tables: tuple[PlannedTable, ...]
    statements: int | None
    rows: int | None
    bytes: int | None
    encoding: str | None
    source_version: str | None  # of the server that was dumped, as the dump says
    reading_seconds: float
    known: tuple[str, ...]
    unknown: tuple[str, ...]
    warnings: tuple[str, ...]
    refusals: tuple[Failure, ...]
    command: str

    @property
    def executable(self) -> bool:
        """Whether nothing stands in its way, as far as can be told beforehand."""
        return not self.refusals
