"""The manifest: what a backup is, in one JSON document beside its files, written last.

Offsets count from the start of the artifact's file; page ranges are half open, `[first_page, last_page)`, and the last
range of a table has no end. Fingerprints are decimal strings: they are sums of 64-bit hashes and pass 2**64.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from pantry_tui.artifact.environment import Environment
from pantry_tui.errors import BackupDamagedError, RefusedError
from pantry_tui.models import BackupFormat, BackupKind, BackupSelection, Compression, Model

MANIFEST_NAME = "manifest.json"
TABLES_DIRECTORY = "csv"  # below the backup's, with a file for each table, where the artifact is many files
MANIFEST_VERSION = 1


class StoredFile(Model, frozen=True, kw_only=True):
    """One file of the backup. ``role``: artifact, archive, globals, positions, removed.

    ``name`` is relative to the backup's directory: a plain name, or `csv/` and one.
    """

    name: str
    role: str
    bytes: int
    sha256: str


class SourceDatabase(Model, frozen=True, kw_only=True):
    """The database a backup was taken of, as far as a new one must resemble it."""

    name: str
    oid: int
    owner: str
    encoding: str
    collate: str
    ctype: str
    locale_provider: str  # libc, icu or builtin
    locale: str | None  # ICU or builtin locale
    icu_rules: str | None = None
    collation_version: str | None
    connection_limit: int


class ServerIdentity(Model, frozen=True, kw_only=True):
    """The server a backup was taken from."""

    version: str  # "15.18 (Debian 15.18-0+deb12u1)"
    version_num: int  # 150018
    system_identifier: str
    timeline: int
    in_recovery: bool
    byte_order: str  # little or big
    host: str | None


class SnapshotPosition(Model, frozen=True, kw_only=True):
    """Where in the server's history the snapshot stands; incremental backups compare it."""

    xmin: int  # 64 bits, the horizon
    xmax: int
    insert_lsn: str
    flush_lsn: str


class Segment(Model, frozen=True, kw_only=True):
    """One independently compressed piece of the artifact; ``offset`` is in the file that holds it, before encryption.

    ``section``: of format sql pre-data, rows, data, post-data, end; of json head, frame, rows, end; of csv frame, header, rows,
    end. ``sha256`` is of the stored bytes, before they are encrypted.
    """

    section: str
    offset: int
    length: int
    raw_length: int
    sha256: str
    table: int | None = None  # index into Manifest.tables
    range: int | None = None  # index into that table's ranges
    rows: int = 0


class PageRange(Model, frozen=True, kw_only=True):
    """A part of a table that was read and fingerprinted in one go.

    ``rows`` and ``fingerprint`` are of all rows in the snapshot; of an incremental backup only those that have changed stand
    in its own segments.
    """

    first_page: int
    last_page: int | None
    rows: int
    fingerprint: str | None
    positions_offset: int | None = None  # into the positions file
    positions_length: int | None = None
    changed: int | None = None  # rows since the base; None: all of them stand in this backup

    @property
    def own_rows(self) -> int:
        """How many rows of it stand in the backup's own segments."""
        return self.rows if self.changed is None else self.changed


class ColumnType(Model, frozen=True, kw_only=True):
    """A column's type with its modifier, as `format_type` writes it; ``base`` of a domain: the type below it, likewise."""

    name: str
    base: str | None = None


class TableEntry(Model, frozen=True, kw_only=True):
    """One ordinary table of the backup.

    ``carried_by`` is "segments" when its rows are in the artifact's segments, "archive" when pg_dump carries them,
    with the ``reason``. ``columns`` are those copied, in the order of the rows' fields.
    """

    schema: str
    name: str
    oid: int
    filenode: int
    columns: tuple[str, ...]
    shape: str  # digest of everything a row's meaning depends on
    persistence: str  # p or u
    rows: int
    raw_bytes: int
    fingerprint: str | None
    ranges: tuple[PageRange, ...]
    carried_by: str = "segments"
    reason: str | None = None
    file: str | None = None  # what its rows are called in a zip file, or in the directory of plain csv
    types: tuple[ColumnType, ...] = ()  # of the columns; none: of a version that did not record them
    generated: tuple[str, ...] = ()  # further columns, whose values the server computes
    server_bytes: int | None = None  # on the server's disk: its pages and those of its TOAST table, no indexes
    loaded_through: str | None = None  # the root that spreads the rows anew: leaves compare only together
    whole: str | None = None  # of an incremental backup: why all rows stand in it; None: only those that changed

    @property
    def qualified_name(self) -> str:
        """`schema.name`, unquoted, for people and for selection."""
        return f"{self.schema}.{self.name}"

    @property
    def own_rows(self) -> int:
        """How many rows stand in the backup's own segments, or in its archive."""
        return sum(part.own_rows for part in self.ranges) if self.ranges else self.rows


class SequenceState(Model, frozen=True, kw_only=True):
    """A sequence, read after the data snapshot.

    ``moved_from``: its value when the backup began, where it moved meanwhile; the archive holds one in between.
    """

    schema: str
    name: str
    last_value: int
    is_called: bool
    moved_from: int | None = None


class PreviousBackup(Model, frozen=True, kw_only=True):
    """The backup of the same database that was published before; ``sha256`` is of its manifest's bytes."""

    id: str
    sha256: str


class BaseBackup(Model, frozen=True, kw_only=True):
    """The backup that an incremental one builds on; ``sha256`` is of its manifest's bytes."""

    id: str
    sha256: str


class KeptSegment(Model, frozen=True, kw_only=True):
    """A segment of the base of which rows are still there.

    ``number`` is the base's, ``table`` this manifest's, ``rows`` how many are left. The numbers of lines that are gone stand
    in the file of that role, from ``removed_offset`` on; None: every row is still there.
    """

    number: int
    table: int
    rows: int
    removed_offset: int | None = None
    removed_length: int | None = None


class ForeignDump(Model, frozen=True, kw_only=True):
    """What reading a dump that others made has shown; nothing vouches for more than its bytes."""

    dump: str  # script, archive or tar
    file_name: str  # that it was brought under
    script_sha256: str  # of the script that it holds or stands for
    script_bytes: int
    encoding: str | None  # that it says to be in
    statements: int
    lines: int  # of rows, behind COPY statements
    inserts: int  # statements that bring rows otherwise, which nobody has counted


class Manifest(Model, frozen=True, kw_only=True):
    """Everything that is known of one backup.

    Of a dump that others made (``foreign``) neither server nor snapshot is known: their fields are empty, and 0.
    """

    manifest_version: int
    id: str
    name: str
    kind: BackupKind
    format: BackupFormat
    compression: Compression
    program_version: str
    started_by: str
    schedule: str | None = None  # that had it taken
    started_at: datetime
    finished_at: datetime
    duration_seconds: float
    database: str  # what the target was called
    source: SourceDatabase
    server: ServerIdentity
    snapshot: SnapshotPosition
    tools: dict[str, str]  # program to version
    files: tuple[StoredFile, ...]
    tables: tuple[TableEntry, ...]
    segments: tuple[Segment, ...]
    sequences: tuple[SequenceState, ...]
    large_objects: int
    large_objects_fingerprint: str | None = None  # of what they hold, and under which numbers; None: not taken
    extensions: dict[str, str]  # name to version
    environment: Environment | None = None  # None: of a version that did not record it
    fingerprints: bool
    selection: BackupSelection = BackupSelection()
    entries: tuple[int, ...] | None = None  # of the archive, those that belong to the backup; None: all
    left_out: tuple[str, ...] = ()  # objects that point to what the selection does not hold
    foreign: ForeignDump | None = None  # of kind foreign
    recipients: tuple[str, ...] = ()  # whom every file but the positions is encrypted to; none: nothing is encrypted
    bytes: int
    raw_bytes: int
    rows: int
    warnings: tuple[str, ...] = ()
    previous: PreviousBackup | None = None  # so that a backup that somebody removed shows
    base: BaseBackup | None = None  # of an incremental backup
    kept: tuple[KeptSegment, ...] = ()  # of the base, in its order

    @property
    def is_composed(self) -> bool:
        """Whether this is an incremental backup together with its base, as one that is whole."""
        return self.base is not None and self.kind is BackupKind.FULL

    @property
    def is_encrypted(self) -> bool:
        """Whether reading it takes an identity."""
        return bool(self.recipients)

    @property
    def has_file_per_table(self) -> bool:
        """Whether the artifact is a directory with a file for each table, and not one file."""
        return self.format is BackupFormat.CSV and self.compression is Compression.NONE

    def require_own(self, doing: str) -> None:
        """Raises `RefusedError` for a dump that others made: ``doing`` says what cannot be done with one."""
        if self.kind is BackupKind.FOREIGN:
            raise RefusedError(
                f"{self.id} is a dump that others made, which is kept as it was brought: it cannot be {doing}",
                remedy=f"restore it (pantry-tui recovery execute {self.id} --target NAME), and take a backup of that database",
            )

    def file(self, role: str) -> StoredFile:
        """The one file of that role. Raises `BackupDamagedError` when the manifest names none."""
        for file in self.files:
            if file.role == role:
                return file
        raise BackupDamagedError(
            f"backup {self.id}: the manifest names no {role} file", remedy="restore from another backup"
        )


_decoder = msgspec.json.Decoder(Manifest)


def manifest_digest(manifest: Manifest) -> str:
    """SHA-256 of what it says, for processes that must read the same one."""
    return hashlib.sha256(msgspec.json.encode(manifest)).hexdigest()


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as the bytes that are stored: JSON, indented, one line's end at the end."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode_manifest(data: bytes, *, where: str) -> Manifest:
    """Reads a stored manifest; ``where`` names the file in errors.

    Raises `BackupDamagedError` when it is no manifest, is cut off, or was written by a newer version.
    """
    try:
        manifest = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # the latter for the name of a field
        raise BackupDamagedError(f"{where} is not a readable manifest", detail=str(error)) from error
    if manifest.manifest_version > MANIFEST_VERSION:
        raise BackupDamagedError(
            f"{where} was written by a newer version of this program (manifest version {manifest.manifest_version})",
            remedy="install that version or a newer one",
        )
    return manifest
