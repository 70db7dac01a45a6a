"""The nouns of this program, as values that cross process borders.

Every model is frozen, takes keywords only, and reads and writes JSON (`to_json`, `from_json`). Datetimes are time-zone
aware (UTC where this program makes them); sizes are bytes, durations seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self, TypeVar

import msgspec

from pantry_tui.errors import PantryError, error_from_code

T = TypeVar("T")


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value that reads and writes JSON."""

    def to_json(self) -> bytes:
        """This value as one line of JSON."""
        return msgspec.json.encode(self)

    def to_builtins(self) -> dict[str, Any]:
        """This value as plain dicts, lists and strings."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return value

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """Reads the value back. Raises `msgspec.ValidationError` when the data does not fit."""
        return msgspec.json.decode(data, type=cls)

    @classmethod
    def from_builtins(cls, data: object) -> Self:
        """The reverse of `to_builtins`. Raises `msgspec.ValidationError` when the data does not fit."""
        return msgspec.convert(data, type=cls)


def utc_now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


class BackupKind(StrEnum):
    """What a backup holds."""

    FULL = "full"  # schema and all rows
    INCREMENTAL = "incremental"  # what changed since a base backup
    SCHEMA = "schema"  # everything but rows
    DATA = "data"  # rows only


class BackupFormat(StrEnum):
    """How the rows are written."""

    SQL = "sql"  # one document that psql restores
    JSON = "json"
    CSV = "csv"


class Compression(StrEnum):
    """How the artifact is compressed."""

    GZIP = "gzip"
    ZSTD = "zstd"
    NONE = "none"


class JobState(StrEnum):
    """Where a job stands. The first two are alive, the others final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Failure(Model, frozen=True, kw_only=True):
    """An error of `pantry_tui.errors`, as it crosses a process border."""

    code: str
    message: str
    remedy: str | None = None
    detail: str | None = None
    exit_status: int = 1

    @classmethod
    def of(cls, error: PantryError) -> Failure:
        """The failure that describes ``error``."""
        return cls(
            code=error.code,
            message=error.message,
            remedy=error.remedy,
            detail=error.detail,
            exit_status=error.exit_status,
        )

    def as_error(self) -> PantryError:
        """The error again, to be raised on this side of the border."""
        return error_from_code(self.code, self.message, remedy=self.remedy, detail=self.detail)


class DatabaseTarget(Model, frozen=True, kw_only=True):
    """A database as libpq finds it: conninfo without a password, and the PG* variables that go with it.

    ``name`` is what people call it: the name in the configuration, else the database's own. The password, where there
    is one outside pgpass and service files, stands in ``environment`` as PGPASSWORD and nowhere else.
    """

    name: str
    conninfo: str = ""
    environment: dict[str, str] = {}
    client_tools: str | None = None  # directory of pg_dump and friends; None: discover

    def redacted(self) -> DatabaseTarget:
        """The same without anything secret, for history and audit."""
        shown = {key: value for key, value in self.environment.items() if key != "PGPASSWORD"}
        return msgspec.structs.replace(self, environment=shown)

    def __repr__(self) -> str:
        return f"DatabaseTarget(name={self.name!r}, conninfo={self.conninfo!r})"


class RepositoryTarget(Model, frozen=True, kw_only=True):
    """Where backups are kept. ``location`` is an absolute directory path."""

    name: str
    location: str


class BackupSelection(Model, frozen=True, kw_only=True):
    """What of a database a backup is to hold: patterns as `pg_dump` takes them. Empty: everything."""

    tables: tuple[str, ...] = ()
    exclude_tables: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    exclude_schemas: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.tables or self.exclude_tables or self.schemas or self.exclude_schemas)


class Unlocking(Model, frozen=True, kw_only=True):
    """The identities that open encrypted backups, as `AGE-SECRET-KEY-…` each. Secret: repr does not show them."""

    identities: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Unlocking({len(self.identities)} identities)"


class BackupRequest(Model, frozen=True, kw_only=True, tag="backup", tag_field="type"):
    """Take a backup of ``database`` into ``repository``."""

    database: DatabaseTarget
    repository: RepositoryTarget
    name: str
    kind: BackupKind = BackupKind.FULL
    format: BackupFormat = BackupFormat.SQL
    compression: Compression = Compression.GZIP
    selection: BackupSelection = BackupSelection()
    batch_size: int | None = None  # most rows of a segment; None: by size alone
    recipients: tuple[str, ...] = ()  # whom the backup is encrypted to; none: it is not
    jobs: int | None = None  # worker processes; None: one per core
    fingerprints: bool = True
    lock_timeout_seconds: float = 10.0
    started_by: str = ""
    data_directory: str | None = None  # whose key signs; the runner puts its own in


class ValidateRequest(Model, frozen=True, kw_only=True, tag="validate", tag_field="type"):
    """Read a backup back, whole."""

    repository: RepositoryTarget
    backup_id: str
    unlocking: Unlocking = Unlocking()
    started_by: str = ""
    data_directory: str | None = None  # whose key signs and whose signers are trusted; the runner puts its own in


class RestoreRequest(Model, frozen=True, kw_only=True, tag="restore", tag_field="type"):
    """Restore a backup into a new or empty database and compare the result.

    ``target`` names server and database: the database is created when it does not exist. ``tables`` selects some tables
    (`schema.name` as the backup lists them); empty means all. ``trust`` names signers that are believed this once besides
    those that always are: fingerprints, or `unsigned` for a backup without a signature.
    """

    repository: RepositoryTarget
    backup_id: str
    target: DatabaseTarget
    tables: tuple[str, ...] = ()
    jobs: int | None = None
    verify: bool = True
    trust: tuple[str, ...] = ()
    analyze: bool = True  # collect the planner's statistics
    unlocking: Unlocking = Unlocking()
    started_by: str = ""
    data_directory: str | None = None  # whose key signs and whose signers are trusted; the runner puts its own in


class DiffRequest(Model, frozen=True, kw_only=True, tag="diff", tag_field="type"):
    """Compare a backup with ``database`` as it is now."""

    repository: RepositoryTarget
    backup_id: str
    database: DatabaseTarget
    jobs: int | None = None  # connections; None: one per core
    lock_timeout_seconds: float = 10.0
    started_by: str = ""
    data_directory: str | None = None  # whose signers are trusted; the runner puts its own in


STANDARD_OUTPUT = "-"  # in the place of a file


class ExportRequest(Model, frozen=True, kw_only=True, tag="export", tag_field="type"):
    """Write what a backup holds into a new file, whole or some tables of it, in its own or another format.

    ``output`` is an absolute path, whose ending says how it is compressed and whether it is encrypted; of a request that
    `-` is written for, the bytes go where the caller says. ``tables`` are names or patterns (`sales.*`); none: all.
    """

    repository: RepositoryTarget
    backup_id: str
    output: str
    format: BackupFormat | None = None  # None: the backup's own
    tables: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()  # whom the file is encrypted to; none: it is not
    unlocking: Unlocking = Unlocking()
    trust: tuple[str, ...] = ()  # fingerprints of signers to believe besides those of the data directory
    data_directory: str | None = None  # whose signers are believed
    started_by: str = ""


def export_formats(backup: BackupFormat, kind: BackupKind) -> tuple[BackupFormat, ...]:
    """The formats that a backup can be exported to without a server, its own first."""
    if backup is BackupFormat.JSON:
        return (BackupFormat.JSON,)
    if kind is not BackupKind.FULL:
        return (backup,)
    return (backup, BackupFormat.CSV if backup is BackupFormat.SQL else BackupFormat.SQL)


JobRequest = BackupRequest | ValidateRequest | RestoreRequest | DiffRequest | ExportRequest


class Job(Model, frozen=True, kw_only=True):
    """One piece of work of the runner, from queue to history. Never holds a secret."""

    id: str
    kind: str  # backup, validate, restore, diff, export
    title: str  # "backup of crm into local", for people
    database: str | None
    state: JobState
    queued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    started_by: str = ""
    backup_id: str | None = None
    share: float = 0.0  # of the work done, 0 to 1
    phase: str = ""
    seconds_left: float | None = None
    warnings: int = 0
    failure: Failure | None = None
    result: dict[str, Any] | None = None  # the result model as builtins


class BackupSummary(Model, frozen=True, kw_only=True):
    """A backup as lists show it; made from its manifest and the records beside it."""

    id: str
    name: str
    database: str
    kind: BackupKind
    format: BackupFormat
    compression: Compression
    started_at: datetime
    finished_at: datetime
    duration_seconds: float
    bytes: int  # stored, all files of the backup
    raw_bytes: int  # of the document, uncompressed
    tables: int
    rows: int
    path: str
    repository: str
    server_version: str
    fingerprints: bool
    started_by: str = ""
    warnings: int = 0
    validated_at: datetime | None = None
    valid: bool | None = None  # None: never validated
    proven_at: datetime | None = None  # last restore that compared equal
    pinned: bool = False  # never deleted unless forced
    label: str = ""
    partial: bool = False  # some tables or schemas were chosen, or left out
    encrypted: bool = False
    intact_at: datetime | None = None  # last time that its encrypted bytes were found unchanged, without being opened

    @property
    def kind_words(self) -> str:
        """Its kind; a full backup of some tables is `part`, and any other of some tables says so too."""
        if not self.partial:
            return str(self.kind)
        return "part" if self.kind is BackupKind.FULL else f"{self.kind} (part)"

    @property
    def is_whole(self) -> bool:
        """Whether the database can be made whole from it."""
        return self.kind is BackupKind.FULL and not self.partial


class MarkRequest(Model, frozen=True, kw_only=True):
    """What to mark a backup with; None leaves that as it is, an empty label takes it off."""

    pinned: bool | None = None
    label: str | None = None


class CatalogRebuild(Model, frozen=True, kw_only=True):
    """What making the list of backups anew came to."""

    backups: int  # listed now
    damaged: tuple[str, ...] = ()  # backups whose manifest cannot be read, and why
    forgotten: tuple[
        str, ...
    ] = ()  # backups that a missing or empty repository no longer has, or that others still name


class TableSummary(Model, frozen=True, kw_only=True):
    """One table of a backup."""

    schema: str
    name: str
    rows: int
    raw_bytes: int
    stored_bytes: int
    segments: int
    fingerprint: str | None
    columns: tuple[str, ...]
    carried_by: str  # "segments", or "archive" with the rows inside pg_dump's archive
    reason: str | None = None  # why the archive carries it

    @property
    def quoted_name(self) -> str:
        """`"schema"."name"`, by which no other table is meant."""
        return ".".join('"' + part.replace('"', '""') + '"' for part in (self.schema, self.name))


class FileSummary(Model, frozen=True, kw_only=True):
    """One file of a backup."""

    name: str
    role: str
    bytes: int
    sha256: str


class Signature(StrEnum):
    """What is known of who signed a backup's manifest."""

    TRUSTED = "trusted"
    UNKNOWN = "unknown"  # it fits, and the signer is not trusted here
    MISSING = "missing"
    WRONG = "wrong"  # it does not fit, or cannot be read


class BackupDetails(Model, frozen=True, kw_only=True):
    """Everything that `backup show` shows."""

    summary: BackupSummary
    tables: tuple[TableSummary, ...]
    files: tuple[FileSummary, ...]
    warnings: tuple[str, ...]
    tools: dict[str, str]
    server: dict[str, Any]
    source: dict[str, Any]
    signature: Signature
    signer: str | None = None  # the fingerprint of whoever signed it; None for a signature that is missing or wrong
    selection: BackupSelection = BackupSelection()
    left_out: tuple[str, ...] = ()  # what points to tables that the selection does not hold
    recipients: tuple[str, ...] = ()  # whom it is encrypted to
    environment: dict[str, Any] = {}  # settings, roles, extensions, collations around it; empty: not recorded


class ShortenedValue(Model, frozen=True, kw_only=True):
    """A value of a page of which only the beginning is there. ``row`` and ``column`` count from 0 within the page."""

    row: int
    column: int
    bytes: int  # of the whole value, as the backup holds it


PEEK_ROWS = 20  # of a page, where nobody says how many


class TablePage(Model, frozen=True, kw_only=True):
    """Some rows of a table as a backup holds them, in the order in which it holds them.

    Values are text as the server wrote it, None for NULL. ``skip`` rows stand before these.
    """

    backup_id: str
    schema: str
    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    skip: int
    total_rows: int  # of the whole table
    shortened: tuple[ShortenedValue, ...] = ()


def shown_value(value: str | None) -> str:
    """A value of a page for people: NULL bare; what could be mistaken for it, or not be seen, in double quotes."""
    if value is None:
        return "NULL"
    return f'"{value}"' if value in ("", "NULL") or value.startswith('"') else value


class ValidationResult(Model, frozen=True, kw_only=True):
    """What reading a backup back found. ``problems`` name file, table and place."""

    backup_id: str
    valid: bool
    problems: tuple[str, ...]
    bytes_read: int
    raw_bytes: int
    rows: int
    tables: int
    duration_seconds: float
    validated_at: datetime
    signer: str | None = None  # whose signature the manifest has; None: no signature that fits
    unread: bool = (
        False  # encrypted, and no identity was given: the stored bytes are what was written, no more is known
    )


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


LIVE = "live"  # what stands for the database itself where another backup may be named


class DiffStatus(StrEnum):
    """What the comparison of a table came to; the first difference that counts."""

    EQUAL = "equal"
    ROWS = "rows differ"  # in number
    CONTENT = "content differs"  # the same number of rows, and other fingerprints
    COLUMNS = "columns differ"  # their names, whatever their order
    ONLY_A = "only in A"
    ONLY_B = "only in B"
    UNKNOWN = "not comparable"  # by content; their numbers of rows agree, where both are known


class DiffSide(Model, frozen=True, kw_only=True):
    """One of the two things that were compared."""

    kind: str  # backup or live
    name: str  # the backup's id, or what the database is called
    database: str
    server_version: str
    at: datetime  # of the snapshot


class TableDiff(Model, frozen=True, kw_only=True):
    """A table on both sides; what a side does not have, or does not know, is None."""

    schema: str
    name: str
    status: DiffStatus
    rows_a: int | None
    rows_b: int | None
    bytes_a: int | None = None  # of the rows as COPY writes them; of a live database unknown
    bytes_b: int | None = None
    columns_added: tuple[str, ...] = ()  # only in B
    columns_removed: tuple[str, ...] = ()  # only in A
    reason: str | None = None  # why the content could not be compared


class BackupDiff(Model, frozen=True, kw_only=True):
    """A backup compared with another, or with a live database, table by table."""

    a: DiffSide
    b: DiffSide
    tables: tuple[TableDiff, ...]
    equal: int  # tables
    different: int
    not_comparable: int
    remarks: tuple[str, ...] = ()
    duration_seconds: float = 0.0

    @property
    def is_equal(self) -> bool:
        """Whether every table was found equal."""
        return self.different == self.not_comparable == 0


class ExportedTable(Model, frozen=True, kw_only=True):
    """A table of an exported file."""

    schema: str
    name: str
    rows: int
    file: str | None = None  # what it is called in a zip file


class BackupExport(Model, frozen=True, kw_only=True):
    """What was exported, and what of it is not in the file."""

    backup_id: str
    path: str  # `-`: standard output
    format: BackupFormat
    tables: int
    rows: int
    bytes: int  # of the file
    raw_bytes: int  # of the text in it
    encrypted: bool
    table_list: tuple[ExportedTable, ...]
    left_out: tuple[str, ...]  # what points to tables that were not chosen
    warnings: tuple[str, ...]
    duration_seconds: float


class RunnerStatus(Model, frozen=True, kw_only=True):
    """Who the runner is and what it does."""

    version: str
    pid: int
    started_at: datetime
    data_directory: str
    socket: str
    running: int
    queued: int
    stopping: bool = False


class FindingStatus(StrEnum):
    """How good or bad a finding is."""

    OK = "ok"
    WARNING = "warning"  # it works, but somebody should know
    PROBLEM = "problem"  # backups fail or cannot be trusted


class Finding(Model, frozen=True, kw_only=True):
    """What an examination of this machine or a database found, and what to do about it."""

    check: str  # a stable word: "reachable", "client_tools", "row_security" …
    subject: str  # the database, directory or file that was looked at
    status: FindingStatus
    message: str
    remedy: str | None = None
    sql: str | None = None  # statements that mend it


class AuditEntry(Model, frozen=True, kw_only=True):
    """One line of the audit trail."""

    at: datetime
    who: str
    action: str
    object: str
    result: str
    details: dict[str, Any] = {}
    previous: str = ""  # sha256 of the line before
