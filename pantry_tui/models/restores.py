"""What a restore did."""

from __future__ import annotations

from datetime import datetime

from pantry_tui.models.assertions import AssertionOutcome
from pantry_tui.models.base import Model
from pantry_tui.models.kinds import Strategy
from pantry_tui.models.measurements import Measurement


class RestoredTable(Model, frozen=True, kw_only=True):
    """What a restore did to one table, and whether the result equals the backup."""

    schema: str
    name: str
    inserted: int
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    verified: str = "unverified"  # "fingerprint", "text", "count" or "unverified"
    difference: str | None = None
    created: bool = False  # it was not there


class RestoreValidation(Model, frozen=True, kw_only=True):
    """The comparison of the restored database with the backup."""

    performed: bool
    equal: bool
    tables_compared: int
    constraints_validated: int
    constraints_not_valid: int  # as they were in the source: NOT VALID there too
    sequences_compared: int
    differences: tuple[str, ...]


class RestoreResult(Model, frozen=True, kw_only=True):
    """The outcome of a restore. ``status`` is "succeeded" only when every comparison was equal."""

    id: str
    backup_id: str
    status: str
    dry_run: bool
    target: str  # database name
    created_database: bool
    tables: tuple[RestoredTable, ...]
    validation: RestoreValidation
    left_out: tuple[str, ...]  # objects of a table selection that point outside it
    warnings: tuple[str, ...]
    started_at: datetime
    finished_at: datetime
    duration_seconds: float  # without verification and analyzing
    verification_seconds: float
    analyzed_tables: int = 0  # that the planner has statistics of
    analyze_seconds: float = 0.0
    way: str = "new database"  # "in place" or "side by side"
    strategy: Strategy = Strategy.REPLACE
    checkpoint: str | None = None  # the schema or database on the server that keeps what undoes it
    violations: tuple[str, ...] = ()  # of constraints and assertions, that a dry run found
    assertions: tuple[AssertionOutcome, ...] = ()  # those that were asked
    measured: Measurement | None = None  # None: the server did not say which it is


class RollbackResult(Model, frozen=True, kw_only=True):
    """The outcome of undoing a recovery. ``already``: the rollback that had undone it before; nothing was done then."""

    id: str
    undone: str  # the recovery
    backup_id: str
    status: str
    target: str
    tables: tuple[RestoredTable, ...]
    checkpoint: str | None  # the schema that keeps what undoes the rollback
    already: str | None
    warnings: tuple[str, ...]
    started_at: datetime
    finished_at: datetime
    duration_seconds: float


class ReleaseResult(Model, frozen=True, kw_only=True):
    """A recovery that can no more be undone."""

    released: str  # the recovery
    status: str
    target: str
    tables: tuple[str, ...]
    rows: int  # that were kept
    database: str | None = None  # that was kept
