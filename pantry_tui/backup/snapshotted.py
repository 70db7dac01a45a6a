"""What a running backup has at hand once its snapshot is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg

from pantry_tui.artifact.age import PublicKey
from pantry_tui.artifact.compression import Codec
from pantry_tui.artifact.content import SEALED_SUFFIX
from pantry_tui.backup.base import Base
from pantry_tui.events import Listener
from pantry_tui.models import BackupFormat, BackupKind, BackupRequest, Compression, DatabaseTarget
from pantry_tui.postgres.introspect import SourceTable
from pantry_tui.postgres.patterns import Chosen
from pantry_tui.postgres.snapshot import LockedSnapshot
from pantry_tui.postgres.tools import ClientTools, ToolOutput
from pantry_tui.postgres.workers import WorkerPool
from pantry_tui.repository.local import StagedBackup

Connection = psycopg.AsyncConnection[Any]

ARCHIVE, GLOBALS, POSITIONS = "archive.dump", "globals.sql", "positions.bin"
READING_SHARES = (0.03, 0.9)  # of the whole job's progress
WARNINGS_PER_TOOL = 20


class Snapshotted(NamedTuple):
    """A backup in the middle of its work."""

    request: BackupRequest
    listener: Listener
    connection: Connection  # in the snapshot
    observer: Connection  # outside of it, in no transaction
    warn: Callable[[str], None]
    pool: WorkerPool
    tools: ClientTools
    snapshot: LockedSnapshot
    staged: StagedBackup
    artifact_name: str | None  # None: it is a file for each table
    role_passwords: bool  # whether this role may read them
    chosen: Chosen | None  # None: everything
    recipients: tuple[PublicKey, ...]  # none: nothing is encrypted
    base: Base | None = None  # of an incremental backup

    @property
    def target(self) -> DatabaseTarget:
        """The database."""
        return self.request.database

    @property
    def codec(self) -> Codec:
        """How the document is packed, rows of csv apart."""
        return Codec.of(self.request.compression)

    @property
    def rows_codec(self) -> Codec:
        """How segments of rows are packed."""
        zipped = self.request.format is BackupFormat.CSV and self.request.compression is not Compression.NONE
        return Codec.DEFLATE if zipped else self.codec

    @property
    def fingerprints(self) -> bool:
        """Whether rows are fingerprinted."""
        return self.request.fingerprints and self.request.kind is not BackupKind.SCHEMA

    @property
    def has_positions(self) -> bool:
        """Whether it keeps where its rows stood, so that it can be a base."""
        return self.fingerprints and self.base is None

    def holds(self, table: SourceTable) -> bool:
        """Whether the rows of this table belong to the backup."""
        selected = self.chosen is None or self.chosen.holds(table.oid)
        return selected and table.kind == "r" and self.request.kind is not BackupKind.SCHEMA

    def heed(self, output: ToolOutput) -> None:
        """Passes on what a client tool that succeeded had to say: it may have left something out."""
        for line in output.stderr.splitlines()[:WARNINGS_PER_TOOL]:
            self.warn(line)

    def stored_name(self, name: str) -> str:
        """What a file is called that is encrypted where anything is."""
        return f"{name}{SEALED_SUFFIX}" if self.recipients else name

    def file(self, name: str) -> str:
        """The path of a file of the backup."""
        return str(self.staged.path / name)
