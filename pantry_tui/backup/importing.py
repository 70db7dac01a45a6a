"""Taking a dump that others made into a repository: as it was brought, and with what reading it has shown.

It is stored first, then read from there to its end: what the manifest says is of the stored bytes. Nothing of it is run.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from datetime import datetime
from pathlib import Path

from pantry_tui.artifact.age import SealedWriter, identities_of, new_file, parse_recipient
from pantry_tui.artifact.compression import SUFFIXES
from pantry_tui.artifact.content import SEALED_SUFFIX, Content
from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.foreign.opening import FileKind, ForeignFile
from pantry_tui.artifact.foreign.script import FoundTable, Inspected, inspect, script_of
from pantry_tui.artifact.manifest import (
    MANIFEST_VERSION,
    ForeignDump,
    Manifest,
    ServerIdentity,
    SnapshotPosition,
    SourceDatabase,
    StoredFile,
    TableEntry,
)
from pantry_tui.backup.progress import REPORT_SECONDS, start_phase
from pantry_tui.backup.readback import store_files
from pantry_tui.backup.stoppable import in_stoppable_thread
from pantry_tui.errors import CancelledError, KeyMissingError
from pantry_tui.events import Listener, Logged, Progress, Warned
from pantry_tui.models import BackupFormat, BackupKind, BackupSummary, ImportRequest, utc_now
from pantry_tui.postgres.tools import version_number
from pantry_tui.repository.ids import new_backup_id, require_name, require_origin
from pantry_tui.repository.local import StagedBackup
from pantry_tui.repository.opening import local_repository
from pantry_tui.version import __version__

_STORED_SHARE = 0.4  # of the progress: storing it, then reading it


async def import_dump(request: ImportRequest, listener: Listener) -> BackupSummary:
    """Stores a dump as a backup of kind foreign, and publishes it when it was read to its end.

    Raises `NotFoundError` and `UsageError` for the file, `RefusedError` naming the line of what no dump needs,
    `BackupDamagedError` for one that is cut off, `KeyMissingError` where an encrypted one would lie there in the clear,
    `StorageError`. Nothing is left in the repository then.
    """
    require_name(request.name)
    require_origin(request.database)
    repository = local_repository(request.repository, request.data_directory)
    started_at, started = utc_now(), time.monotonic()
    importing = _Import(request, listener, started_at)
    staged = repository.begin(new_backup_id(request.name, started_at))
    try:
        manifest = await importing.run(staged, started)
        repository.publish(staged, manifest)
    except BaseException:
        repository.discard(staged)
        raise
    listener(Progress(share=1.0, rows=manifest.rows, raw_bytes=manifest.raw_bytes))
    return repository.summary(manifest.id)


class _Import:
    """One dump on its way into a repository."""

    def __init__(self, request: ImportRequest, listener: Listener, started_at: datetime) -> None:
        self._stop = threading.Event()
        self._request = request
        self._listener = listener
        self._started_at = started_at
        self._recipients = tuple(parse_recipient(text, key="--recipient") for text in request.recipients)
        self._warnings: list[str] = []
        self._next_report = 0.0

    async def run(self, staged: StagedBackup, started: float) -> Manifest:
        source = Path(self._request.path)
        if source.suffix == SEALED_SUFFIX and not self._recipients:
            raise KeyMissingError(
                f"{source.name} is encrypted, and there is nobody to encrypt it to in the repository",
                remedy="name a recipient with --recipient, or in [encryption]; or decrypt it first",
            )
        start_phase(self._listener, "store", f"Storing {source.name}", 0.0)
        brought = await asyncio.to_thread(ForeignFile.at, source, identities_of(self._request.unlocking))
        name = _stored_name(brought) + (SEALED_SUFFIX if self._recipients else "")
        content = await in_stoppable_thread(lambda: self._store(brought, staged, name), self._stop)
        (stored,) = await store_files(staged.path, [(name, "artifact")])
        start_phase(self._listener, "inspect", "Looking through the dump; nothing of it is run", _STORED_SHARE)
        dump = ForeignFile(content, source.name)

        def moved() -> None:
            self._report(_STORED_SHARE + (1 - _STORED_SHARE) * min(1.0, dump.read_bytes / dump.size))

        inspected = await in_stoppable_thread(lambda: inspect(script_of(dump), self._stop, moved), self._stop)
        self._tell(inspected)
        return self._manifest(staged, dump, stored, inspected, time.monotonic() - started)

    def _store(self, brought: ForeignFile, staged: StagedBackup, name: str) -> Content:
        """Writes the file as it was brought, encrypted where that is asked for."""
        path, written = staged.path / name, 0
        header, key = new_file(self._recipients) if self._recipients else (b"", None)
        with storage_errors(path, "storing the dump"), os.fdopen(staged.create(name), "wb") as file:
            sealed = None if key is None else SealedWriter(file.write, header, key)
            for piece in brought.stored():
                if self._stop.is_set():
                    raise CancelledError("the import was cancelled")
                (sealed or file).write(piece)
                written += len(piece)
                self._report(_STORED_SHARE * min(1.0, written / brought.size))
            if sealed is not None:
                sealed.finish()
        return Content(path, None if key is None else (len(header), key))

    def _report(self, share: float) -> None:
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + REPORT_SECONDS
            self._listener(Progress(share=share))

    def _tell(self, inspected: Inspected) -> None:
        """What a person should know of the dump, which stands in the manifest too."""
        self._listener(Logged(message=f"{inspected.statements:,} statements, complete to the end mark"))
        if inspected.inserts:
            self._warnings.append(f"rows that {inspected.inserts:,} INSERT statements bring are not counted")
        elif not inspected.lines:
            self._warnings.append("the dump has no rows: it is one of definitions alone, or was cut off behind them")
        for warning in self._warnings:
            self._listener(Warned(message=warning))

    def _manifest(
        self, staged: StagedBackup, dump: ForeignFile, stored: StoredFile, inspected: Inspected, seconds: float
    ) -> Manifest:
        return Manifest(
            manifest_version=MANIFEST_VERSION,
            id=staged.id,
            name=self._request.name,
            kind=BackupKind.FOREIGN,
            format=BackupFormat.SQL,
            compression=dump.packing,
            program_version=__version__,
            started_by=self._request.started_by,
            started_at=self._started_at,
            finished_at=utc_now(),
            duration_seconds=round(seconds, 3),
            database=self._request.database,
            source=_source(self._request.database, inspected),
            server=_server(inspected),
            snapshot=SnapshotPosition(xmin=0, xmax=0, insert_lsn="", flush_lsn=""),
            tools={"pantry-tui": __version__},
            files=(stored,),
            tables=tuple(_entry(table) for table in inspected.tables),
            segments=(),
            sequences=(),
            large_objects=0,
            extensions={},
            fingerprints=False,
            foreign=_facts(dump, inspected),
            recipients=tuple(recipient.text for recipient in self._recipients),
            bytes=stored.bytes,
            raw_bytes=inspected.bytes,
            rows=inspected.lines,
            warnings=tuple(self._warnings),
        )


def _stored_name(dump: ForeignFile) -> str:
    """What the file is called in the repository, whatever it was called before."""
    names = {FileKind.ARCHIVE: "dump.archive", FileKind.TAR: "dump.tar"}
    return names.get(dump.kind, "dump.sql") + SUFFIXES[dump.packing]


def _facts(dump: ForeignFile, inspected: Inspected) -> ForeignDump:
    return ForeignDump(
        dump=dump.kind.value,
        file_name=dump.name,
        script_sha256=inspected.digest.hex(),
        script_bytes=inspected.bytes,
        encoding=inspected.encoding,
        statements=inspected.statements,
        lines=inspected.lines,
        inserts=inspected.inserts,
    )


def _source(database: str, inspected: Inspected) -> SourceDatabase:
    return SourceDatabase(
        name=database,
        oid=0,
        owner="",
        encoding=inspected.encoding or "",
        collate="",
        ctype="",
        locale_provider="",
        locale=None,
        collation_version=None,
        connection_limit=-1,
    )


def _server(inspected: Inspected) -> ServerIdentity:
    """The server as far as the dump names it."""
    version = inspected.source_version or ""
    return ServerIdentity(
        version=version,
        version_num=version_number(version.partition(" ")[0]) or 0,
        system_identifier="",
        timeline=0,
        in_recovery=False,
        byte_order="",
        host=None,
    )


def _entry(table: FoundTable) -> TableEntry:
    return TableEntry(
        schema=table.schema,
        name=table.name,
        oid=0,
        filenode=0,
        columns=(),
        shape="",
        persistence="p",
        rows=table.rows,
        raw_bytes=table.bytes,
        fingerprint=None,
        ranges=(),
        carried_by="dump",
    )
