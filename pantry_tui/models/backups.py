"""Backups as lists and details show them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from pantry_tui.models.base import Model
from pantry_tui.models.copies import BackupCopy
from pantry_tui.models.kinds import BackupFormat, BackupKind, BackupSelection, Compression


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
    schedule: str | None = None  # that had it taken
    warnings: int = 0
    validated_at: datetime | None = None
    valid: bool | None = None  # None: never validated
    proven_at: datetime | None = None  # last restore or drill that compared equal
    drilled_at: datetime | None = None  # last drill, however it went
    drilled: bool | None = None  # whether it went well; None: there was none
    pinned: bool = False  # never deleted unless forced
    label: str = ""
    base: str | None = None  # the backup that an incremental one builds on
    partial: bool = False  # some tables or schemas were chosen, or left out
    encrypted: bool = False
    intact_at: datetime | None = None  # last time that its encrypted bytes were found unchanged, without being opened
    copies: tuple[BackupCopy, ...] = ()  # in other repositories, as far as is known beside it
    copied_from: str | None = None  # the repository that this copy was made of; None: it was taken here

    @property
    def kind_words(self) -> str:
        """Its kind; a full backup of some tables is `part`, and any other of some tables says so too."""
        if not self.partial:
            return str(self.kind)
        return "part" if self.kind is BackupKind.FULL else f"{self.kind} (part)"

    @property
    def is_refuted(self) -> bool:
        """Whether the last drill showed that it does not restore, and no restore has proven it since."""
        if self.drilled is not False or self.drilled_at is None:
            return False
        return self.proven_at is None or self.drilled_at > self.proven_at

    @property
    def is_whole(self) -> bool:
        """Whether the database can be made whole from it, and from its base where it has one."""
        return self.kind in (BackupKind.FULL, BackupKind.INCREMENTAL) and not self.partial


class CatalogRebuild(Model, frozen=True, kw_only=True):
    """What making the list of backups anew came to."""

    backups: int  # listed now
    damaged: tuple[str, ...] = ()  # backups whose manifest cannot be read, and why
    forgotten: tuple[
        str, ...
    ] = ()  # backups that a missing or empty repository no longer has, or that others still name
    schedules: tuple[str, ...] = ()  # by name, those that were lost and are back from a copy


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
    own_rows: int | None = None  # of an incremental backup: how many rows stand in it, not in its base
    whole: str | None = None  # of an incremental backup: why all rows do

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
    foreign: dict[str, Any] = msgspec.field(default_factory=dict)  # what is known of a dump that others made
    environment: dict[str, Any] = msgspec.field(
        default_factory=dict
    )  # settings, roles, extensions, collations around it; empty: not recorded


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
    base: str | None = None  # of an incremental backup, which was read back with it
    signer_known: bool = True  # that signer is trusted on this machine
    unread: bool = (
        False  # encrypted, and no identity was given: the stored bytes are what was written, no more is known
    )
