"""Taking backups in tests, and reading what they hold with stock means only."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import psycopg
import zstandard

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.backup.service import take_backup
from pantry_tui.events import Event
from pantry_tui.models import (
    BackupFormat,
    BackupKind,
    BackupRequest,
    BackupSelection,
    BackupSummary,
    Compression,
    DatabaseTarget,
    RepositoryTarget,
)
from pantry_tui.repository.local import LocalRepository

# Every form that an artifact can have.
FORMS = [*((rows_format, Compression.GZIP) for rows_format in BackupFormat), (BackupFormat.CSV, Compression.NONE)]


class Taken:
    """A backup and the events on the way to it."""

    def __init__(self, summary: BackupSummary, repository: RepositoryTarget, events: list[Event]) -> None:
        self.summary = summary
        self.events = events
        self.directory = Path(summary.path)
        self.manifest: Manifest = LocalRepository(repository).manifest(summary.id)

    @property
    def document(self) -> bytes:
        """The artifact, unpacked by other means than the program's own."""
        stored = (self.directory / self.manifest.file("artifact").name).read_bytes()
        if self.manifest.compression is Compression.ZSTD:
            return zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True).read()
        return gzip.decompress(stored) if self.manifest.compression is Compression.GZIP else stored

    def rows(self, table: str) -> int:
        """How many rows of that table the backup holds."""
        return next(entry.rows for entry in self.manifest.tables if entry.qualified_name == table)

    def fingerprint(self, table: str) -> str | None:
        """That table's fingerprint."""
        return next(entry.fingerprint for entry in self.manifest.tables if entry.qualified_name == table)


def data_directory_of(repository: RepositoryTarget) -> str:
    """The data directory whose key signs what tests write into that repository: the one beside it."""
    return str(Path(repository.location).parent / "data")


def opened(repository: RepositoryTarget) -> LocalRepository:
    """The repository, as those see it who trust what tests have signed."""
    return LocalRepository(repository, data_directory_of(repository))


def name_of(target: DatabaseTarget) -> str:
    """The database's name on the server."""
    return str(psycopg.conninfo.conninfo_to_dict(target.conninfo)["dbname"])


async def take(
    target: DatabaseTarget,
    repository: RepositoryTarget,
    *,
    on_event: Callable[[Event], None] = lambda event: None,
    jobs: int | None = None,
    fingerprints: bool = True,
    lock_timeout_seconds: float = 10.0,
    kind: BackupKind = BackupKind.FULL,
    compression: Compression = Compression.GZIP,
    selection: BackupSelection = BackupSelection(),  # noqa: B008  # frozen
    batch_size: int | None = None,
    recipients: tuple[str, ...] = (),
    rows_format: BackupFormat = BackupFormat.SQL,
    base: str | None = None,
    or_full: bool = False,
) -> Taken:
    """Takes a backup."""
    events: list[Event] = []

    def listen(event: Event) -> None:
        events.append(event)
        on_event(event)

    request = BackupRequest(
        database=target,
        repository=repository,
        name="nightly",
        jobs=jobs,
        fingerprints=fingerprints,
        lock_timeout_seconds=lock_timeout_seconds,
        kind=kind,
        compression=compression,
        selection=selection,
        batch_size=batch_size,
        data_directory=data_directory_of(repository),
        recipients=recipients,
        format=rows_format,
        base=base,
        or_full=or_full,
    )
    summary = await take_backup(request, listen)
    return Taken(summary, repository, events)
