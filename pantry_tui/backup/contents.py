"""The files of a backup that is being taken: the artifact with rows and sections, the archive, the globals, the positions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import psycopg
from psycopg import sql

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import Segment, SequenceState, StoredFile, TableEntry
from pantry_tui.artifact.segment import ArtifactFile
from pantry_tui.backup.archive import dump_command, excluded_rows, globals_command
from pantry_tui.backup.collect import Collector, archived_entry
from pantry_tui.backup.commands import TableWork, encode_texts, plan_work, read_commands
from pantry_tui.backup.document import Placed, SectionWriter, read_section, write_end
from pantry_tui.backup.progress import ProgressMeter, start_phase
from pantry_tui.backup.readback import ReadBack, store_files
from pantry_tui.backup.reading import Flush, Join, RangeRead, ReadReport
from pantry_tui.events import Listener, Logged
from pantry_tui.models import BackupRequest, DatabaseTarget
from pantry_tui.postgres.connect import child_environment, conninfo
from pantry_tui.postgres.fingerprint import fingerprint_query
from pantry_tui.postgres.introspect import moved_between, read_sequences
from pantry_tui.postgres.session import RANGE_SETTINGS, pin_statements
from pantry_tui.postgres.snapshot import LockedSnapshot, require_unchanged
from pantry_tui.postgres.tools import ClientTools, ToolOutput, run_tool
from pantry_tui.postgres.workers import Answers, WorkerPool
from pantry_tui.repository.local import StagedBackup
from pantry_tui.together import together

Connection = psycopg.AsyncConnection[Any]

HANDLERS = "pantry_tui.backup.reading"
ARCHIVE, GLOBALS, POSITIONS = "archive.dump", "globals.sql", "positions.bin"
WARNINGS_PER_TOOL = 20
KEPT_ARCHIVE_BYTES = 8 * 1024 * 1024  # a larger archive's sections are not kept in memory
READING_SHARES = (0.03, 0.9)  # of the whole job's progress


class Snapshotted(NamedTuple):
    """Everything a running backup has at hand once its snapshot is taken."""

    request: BackupRequest
    listener: Listener
    connection: Connection  # in the snapshot
    observer: Connection  # outside of it, in no transaction
    warn: Callable[[str], None]
    pool: WorkerPool
    tools: ClientTools
    snapshot: LockedSnapshot
    staged: StagedBackup
    artifact_name: str
    role_passwords: bool  # whether this role may read them

    @property
    def target(self) -> DatabaseTarget:
        """The database."""
        return self.request.database

    def heed(self, output: ToolOutput) -> None:
        """Passes on what a client tool that succeeded had to say: it may have left something out."""
        for line in output.stderr.splitlines()[:WARNINGS_PER_TOOL]:
            self.warn(line)

    def file(self, name: str) -> str:
        """The path of a file of the backup."""
        return str(self.staged.path / name)


class Contents(NamedTuple):
    """What was written, for the manifest."""

    tables: tuple[TableEntry, ...]
    segments: tuple[Segment, ...]
    sequences: tuple[SequenceState, ...]
    files: tuple[StoredFile, ...]


async def write_contents(backup: Snapshotted) -> Contents:
    """Writes all files of the backup but its manifest, makes them durable and reads them back.

    Rows, archive and globals are read at the same time. The document begins with the tables' definitions, so workers keep
    their first segments until pg_dump is done; they hold at most some megabytes meanwhile.
    """
    for name in (ARCHIVE, GLOBALS):
        os.close(backup.staged.create(name))
    descriptor = backup.staged.create(backup.artifact_name)
    artifact = ArtifactFile(descriptor, backup.file(backup.artifact_name))
    back = ReadBack(descriptor, Path(backup.file(backup.artifact_name)))
    try:
        return await _write_artifact(backup, artifact, back)
    finally:
        await back.abandon()
        os.close(descriptor)


async def _write_artifact(backup: Snapshotted, artifact: ArtifactFile, back: ReadBack) -> Contents:
    segments: list[Segment] = []

    def placed(segment: Segment, crc32: int) -> None:
        segments.append(segment)
        back.placed(segment, crc32)

    work = plan_work(backup.snapshot)
    sequences = await read_sequences(backup.observer)
    artifact.hold()
    reading = asyncio.create_task(_read_rows(backup, work, placed))
    archiving = asyncio.create_task(_write_archive(backup, work, artifact, placed))
    await together([reading, archiving, asyncio.create_task(_globals(backup))])
    tables = (*reading.result().entries(backup.snapshot.sizes), *await _read_archived(backup))
    sequences = moved_between(sequences, await read_sequences(backup.observer))
    for section in archiving.result():
        await section.write_to(backup, artifact)
    write_end(artifact.append, placed, backup.staged.id, len(tables), sum(table.rows for table in tables))
    start_phase(backup.listener, "storing", "Making the files durable and reading them back", READING_SHARES[1])
    unchanged = asyncio.create_task(require_unchanged(backup.observer, backup.target, backup.snapshot))
    rest = asyncio.create_task(back.finish())
    await together([unchanged, rest])
    beside = [
        (ARCHIVE, "archive"),
        (GLOBALS, "globals"),
        *([(POSITIONS, "positions")] if backup.request.fingerprints else []),
    ]
    files = [rest.result(), *await store_files(backup.staged.path, beside)]
    segments.sort(key=lambda segment: segment.offset)
    return Contents(tables=tables, segments=tuple(segments), sequences=sequences, files=tuple(files))


async def _read_rows(backup: Snapshotted, work: Sequence[TableWork], placed: Placed) -> Collector:
    if not backup.request.fingerprints:
        return await _read_ranges(backup, work, placed, None)
    descriptor = backup.staged.create(POSITIONS)
    with storage_errors(backup.file(POSITIONS), "writing the backup"), os.fdopen(descriptor, "wb") as positions:
        return await _read_ranges(backup, work, placed, positions)


async def _read_ranges(
    backup: Snapshotted, work: Sequence[TableWork], placed: Placed, positions: BinaryIO | None
) -> Collector:
    weights = {item.table.qualified_name: item.weight for item in work}
    first, last = READING_SHARES
    collector = Collector(work, ProgressMeter(backup.listener, weights, first=first, last=last), placed, positions)
    version = backup.connection.info.server_version
    join = Join(
        settings=pin_statements(version, RANGE_SETTINGS, local=True),
        snapshot=sql.SQL("SET TRANSACTION SNAPSHOT {}").format(backup.snapshot.id).as_string(backup.connection),
        artifact=backup.file(backup.artifact_name),
    ).to_json()
    commands = await read_commands(backup.connection, work, fingerprints=backup.request.fingerprints)
    await backup.pool.run_on_each(join)
    answers: Answers[ReadReport, RangeRead] = Answers(ReadReport, RangeRead)
    await backup.pool.run(
        (command.to_json() for command in commands), answers, collector.on_report, collector.on_result
    )
    await backup.pool.run_on_each(Flush().to_json(), lambda line: collector.on_report(answers.report.decode(line)))
    return collector


class _LateSection:
    """A section that stands behind the rows; made while they are read where it is small enough to be kept."""

    def __init__(self, name: str, placed: Placed) -> None:
        self._name = name
        self._writer = SectionWriter(name, placed)
        self._made = False

    async def make(self, backup: Snapshotted) -> None:
        """Turns the section into SQL, in memory."""
        await read_section(self._writer, self._name, backup.file(ARCHIVE), backup.tools, backup.target)
        self._made = True

    async def write_to(self, backup: Snapshotted, artifact: ArtifactFile) -> None:
        """Puts the section into the artifact."""
        if not self._made:
            self._writer.place_at_once(artifact.append)
            await self.make(backup)
        self._writer.finish(artifact.append)


async def _write_archive(
    backup: Snapshotted, work: Sequence[TableWork], artifact: ArtifactFile, placed: Placed
) -> list[_LateSection]:
    """Runs pg_dump, puts the definitions at the document's beginning and lets the workers write behind them.

    Returns the sections that must wait for the rows.
    """
    names = await encode_texts(
        backup.connection, [text for item in work for text in (item.table.schema, item.table.name)]
    )
    command = dump_command(
        backup.tools.path("pg_dump"),
        conninfo=conninfo(backup.target, application="backup archive"),
        snapshot=backup.snapshot.id,
        lock_timeout_seconds=backup.request.lock_timeout_seconds,
        output=backup.file(ARCHIVE),
        encoding=backup.connection.info.parameter_status("server_encoding") or "UTF8",
        excluded=excluded_rows(zip(names[::2], names[1::2], strict=True)),
    )
    said = await run_tool(
        command, environment=child_environment(backup.target), doing="dumping everything but the rows"
    )
    backup.heed(said)
    definitions = SectionWriter("pre-data", placed)
    definitions.place_at_once(artifact.append_held)
    await read_section(definitions, "pre-data", backup.file(ARCHIVE), backup.tools, backup.target)
    definitions.finish(artifact.append_held)
    artifact.release()
    late = [_LateSection(name, placed) for name in ("data", "post-data")]
    if _size(backup.file(ARCHIVE)) <= KEPT_ARCHIVE_BYTES:
        for section in late:
            await section.make(backup)
    return late


def _size(path: str) -> int:
    with storage_errors(path, "reading the archive"):
        return Path(path).stat().st_size


async def _globals(backup: Snapshotted) -> None:
    """Roles, memberships and tablespaces; not in the snapshot: shared catalogs are read as they are now."""
    command = globals_command(
        backup.tools.path("pg_dumpall"),
        conninfo=conninfo(backup.target, application="backup globals"),
        database=backup.connection.info.dbname,
        passwords=backup.role_passwords,
        output=backup.file(GLOBALS),
    )
    backup.heed(
        await run_tool(command, environment=child_environment(backup.target), doing="dumping roles and tablespaces")
    )


async def _read_archived(backup: Snapshotted) -> list[TableEntry]:
    """Counts and fingerprints the tables whose rows pg_dump carries."""
    entries: list[TableEntry] = []
    for table in backup.snapshot.tables:
        if table.kind != "r" or table.archive_reason is None:
            continue
        backup.listener(Logged(message=f"{table.qualified_name}: rows in the archive ({table.archive_reason})"))
        query = fingerprint_query(table.schema, table.name, table.expression)
        row = await (await backup.connection.execute(query)).fetchone()
        rows, content = row or (0, None)
        # An extension's own rows may differ from version to version: only the count is compared.
        fingerprint = content if backup.request.fingerprints and not table.is_configuration else None
        entries.append(archived_entry(table, backup.snapshot.sizes[table.oid], rows, fingerprint))
    return entries
