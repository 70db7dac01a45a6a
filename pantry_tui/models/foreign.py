"""What the restore of a foreign dump did."""

from __future__ import annotations

from datetime import datetime

from pantry_tui.models.base import Model
from pantry_tui.models.restores import RestoredTable, RestoreValidation


class ForeignRestoreResult(Model, frozen=True, kw_only=True):
    """The outcome of restoring a dump that somebody brought.

    ``status`` is always "unverified": there was nothing to compare with. ``tables`` are those that rows went into, by
    COPY or INSERT, with the server's own count.
    """

    id: str
    source: str  # the path of the dump
    backup_id: str | None = None  # of a dump that was taken into a repository
    source_kind: str  # script, archive, tar or directory
    source_sha256: str  # of the script, unpacked
    status: str
    dry_run: bool
    target: str  # database name
    created_database: bool
    tables: tuple[RestoredTable, ...]
    statements: int
    rows_sent: int  # behind COPY statements; the server took as many
    validation: RestoreValidation
    warnings: tuple[str, ...]
    started_at: datetime
    finished_at: datetime
    duration_seconds: float
