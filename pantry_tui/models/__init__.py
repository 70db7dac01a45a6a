"""The nouns of this program, as values that cross process borders.

Every model is frozen, takes keywords only, and reads and writes JSON (`to_json`, `from_json`). Datetimes are time-zone
aware (UTC where this program makes them); sizes are bytes, durations seconds.
"""

from pantry_tui.models.backups import (
    BackupDetails,
    BackupSummary,
    CatalogRebuild,
    FileSummary,
    Signature,
    TableSummary,
    ValidationResult,
)
from pantry_tui.models.base import Failure, Model, utc_now
from pantry_tui.models.drills import DrillPlace, DrillResult
from pantry_tui.models.findings import Finding, FindingStatus
from pantry_tui.models.foreign import ForeignRestoreResult
from pantry_tui.models.jobs import AuditEntry, Job, JobState, RunnerStatus
from pantry_tui.models.kinds import TAKEN_KINDS, BackupFormat, BackupKind, BackupSelection, Compression, Strategy
from pantry_tui.models.looking import (
    LIVE,
    PEEK_ROWS,
    BackupDiff,
    BackupExport,
    DiffSide,
    DiffStatus,
    ExportedTable,
    ShortenedValue,
    TableDiff,
    TablePage,
    shown_value,
    sizes_of,
)
from pantry_tui.models.requests import (
    STANDARD_OUTPUT,
    BackupRequest,
    DiffRequest,
    DrillRequest,
    ExportRequest,
    ForeignRestoreRequest,
    ImportRequest,
    JobRequest,
    MarkRequest,
    ReleaseRequest,
    RestoreRequest,
    RollbackRequest,
    Unlocking,
    ValidateRequest,
    export_formats,
)
from pantry_tui.models.restores import ReleaseResult, RestoredTable, RestoreResult, RestoreValidation, RollbackResult
from pantry_tui.models.targets import DatabaseTarget, RepositoryTarget

__all__ = [
    "LIVE",
    "PEEK_ROWS",
    "STANDARD_OUTPUT",
    "TAKEN_KINDS",
    "AuditEntry",
    "BackupDetails",
    "BackupDiff",
    "BackupExport",
    "BackupFormat",
    "BackupKind",
    "BackupRequest",
    "BackupSelection",
    "BackupSummary",
    "CatalogRebuild",
    "Compression",
    "DatabaseTarget",
    "DiffRequest",
    "DiffSide",
    "DiffStatus",
    "DrillPlace",
    "DrillRequest",
    "DrillResult",
    "ExportRequest",
    "ExportedTable",
    "Failure",
    "FileSummary",
    "Finding",
    "FindingStatus",
    "ForeignRestoreRequest",
    "ForeignRestoreResult",
    "ImportRequest",
    "Job",
    "JobRequest",
    "JobState",
    "MarkRequest",
    "Model",
    "ReleaseRequest",
    "ReleaseResult",
    "RepositoryTarget",
    "RestoreRequest",
    "RestoreResult",
    "RestoreValidation",
    "RestoredTable",
    "RollbackRequest",
    "RollbackResult",
    "RunnerStatus",
    "ShortenedValue",
    "Signature",
    "Strategy",
    "TableDiff",
    "TablePage",
    "TableSummary",
    "Unlocking",
    "ValidateRequest",
    "ValidationResult",
    "export_formats",
    "shown_value",
    "sizes_of",
    "utc_now",
]
