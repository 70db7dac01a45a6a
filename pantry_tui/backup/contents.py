"""The files of a backup that is being taken: the artifact with rows and sections, the archive, the globals, the positions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import msgspec

from pantry_tui.artifact.manifest import KeptSegment, Segment, SequenceState, StoredFile, TableEntry
from pantry_tui.artifact.removed import REMOVED
from pantry_tui.backup.archiving import write_globals
from pantry_tui.backup.collect import archived_entry, bare_entry
from pantry_tui.backup.commands import TableWork, plan_work
from pantry_tui.backup.csv_directory import CsvDirectory
from pantry_tui.backup.csv_document import CsvDocument
from pantry_tui.backup.document import SqlDocument
from pantry_tui.backup.json_document import JsonDocument
from pantry_tui.backup.parts import Parts
from pantry_tui.backup.placing import Placement
from pantry_tui.backup.progress import start_phase
from pantry_tui.backup.ranges import read_rows
from pantry_tui.backup.readback import store_files
from pantry_tui.backup.removing import RemovedLines
from pantry_tui.backup.snapshotted import ARCHIVE, GLOBALS, POSITIONS, READING_SHARES, Snapshotted
from pantry_tui.backup.subset import Subset
from pantry_tui.events import Logged
from pantry_tui.models import BackupFormat, BackupKind
from pantry_tui.postgres.columns import table_columns
from pantry_tui.postgres.fingerprint import fingerprint_query
from pantry_tui.postgres.introspect import SourceTable, moved_between, read_sequences
from pantry_tui.postgres.planning import UNPLANNABLE_REASON, count_by_copy
from pantry_tui.postgres.session import require_utf8, server_encoding
from pantry_tui.postgres.snapshot import require_unchanged
from pantry_tui.together import together

HANDLERS = "pantry_tui.backup.reading"


class Contents(NamedTuple):
    """What was written, for the manifest."""

    tables: tuple[TableEntry, ...]
    segments: tuple[Segment, ...]
    sequences: tuple[SequenceState, ...]
    files: tuple[StoredFile, ...]
    subset: Subset | None
    kept: tuple[KeptSegment, ...] = ()  # of the base


async def write_contents(backup: Snapshotted) -> Contents:
    """Writes all files of the backup but its manifest, makes them durable and reads them back.

    Rows, archive and globals are read at the same time. The document begins with the tables' definitions, so workers keep
    their first segments until pg_dump is done; they hold at most some megabytes meanwhile.
    """
    parts = Parts(backup.staged.path, backup.staged.create, backup.recipients)
    with RemovedLines(backup.staged.path) if backup.base is not None else nullcontext() as removed:
        try:
            return await _write_artifact(backup, parts, removed)
        finally:
            await parts.abandon()


async def _write_artifact(backup: Snapshotted, parts: Parts, removed: RemovedLines | None) -> Contents:
    work = plan_work(backup)
    document = await _document(backup, work)
    placement = Placement(parts.begin, document.order)
    if backup.artifact_name is not None:
        placement.begin(backup.artifact_name)
    sequences = await read_sequences(backup.observer)
    reading = asyncio.create_task(read_rows(backup, work, document, placement, removed))
    beginning = asyncio.create_task(document.begin(placement))
    await together([reading, beginning, asyncio.create_task(write_globals(backup))])
    names = document.names if isinstance(document, CsvDocument | CsvDirectory) else ()
    tables = await _with_columns(
        backup,
        *reading.result().entries(backup.snapshot.sizes, names),
        *await _read_archived(backup),
        *_without_rows(backup),
    )
    sequences = moved_between(sequences, await read_sequences(backup.observer))
    if document.subset is not None:
        sequences = tuple(each for each in sequences if (each.schema, each.name) in document.subset.sequences)
    if document.subset is not None:
        document.subset.require(tables)
        for line in document.subset.left_out:
            backup.listener(Logged(message=f"left out: {line}"))
    kept = _write_removed(backup, removed)
    await document.end(placement, len(tables), sum(table.rows for table in tables))
    placement.finish()
    start_phase(backup.listener, "storing", "Making the files durable and reading them back", READING_SHARES[1])
    unchanged = asyncio.create_task(require_unchanged(backup.observer, backup.target, backup.snapshot))
    rest = asyncio.create_task(parts.read_back())
    await together([unchanged, rest])
    beside = [
        (backup.stored_name(ARCHIVE), "archive"),
        (backup.stored_name(GLOBALS), "globals"),
        *([(POSITIONS, "positions")] if backup.has_positions else []),
        *([(REMOVED, "removed")] if backup.base is not None else []),
    ]
    files = [*rest.result(), *await store_files(backup.staged.path, beside)]
    return Contents(
        tables=tables,
        segments=tuple(_in_order(placement.segments, by_table=backup.artifact_name is None)),
        sequences=sequences,
        files=tuple(files),
        subset=document.subset,
        kept=kept,
    )


def _write_removed(backup: Snapshotted, removed: RemovedLines | None) -> tuple[KeptSegment, ...]:
    """What stays of the base; nothing where there is none."""
    if removed is None or backup.base is None:
        return ()
    return removed.write(backup.staged.create(REMOVED), backup.base.segments)


async def _with_columns(backup: Snapshotted, *tables: TableEntry) -> tuple[TableEntry, ...]:
    """The entries with the types of their columns."""
    found = await table_columns(backup.connection, [table.oid for table in tables])
    return tuple(
        msgspec.structs.replace(
            table,
            types=tuple(found[table.oid].types[name] for name in table.columns),
            generated=tuple(sorted(found[table.oid].generated)),
        )
        for table in tables
    )


def _in_order(segments: Sequence[Segment], *, by_table: bool) -> list[Segment]:
    """As they lie; those of files of their own in the order of the tables."""
    return sorted(segments, key=lambda each: (each.table or 0 if by_table else 0, each.offset))


async def _document(
    backup: Snapshotted, work: Sequence[TableWork]
) -> SqlDocument | JsonDocument | CsvDocument | CsvDirectory:
    if backup.request.format is BackupFormat.SQL:
        return await SqlDocument.of(backup, work)
    require_utf8(server_encoding(backup.connection))
    if backup.request.format is BackupFormat.JSON:
        return await JsonDocument.of(backup, work)
    return CsvDirectory(backup, work) if backup.artifact_name is None else CsvDocument(backup, work)


def _without_rows(backup: Snapshotted) -> list[TableEntry]:
    """The tables of a backup of the schema."""
    if backup.request.kind is not BackupKind.SCHEMA:
        return []
    return [
        bare_entry(table, backup.snapshot.sizes[table.oid])
        for table in backup.snapshot.tables
        if table.kind == "r" and (backup.chosen is None or backup.chosen.holds(table.oid))
    ]


async def _content(backup: Snapshotted, table: SourceTable) -> tuple[int, str | None]:
    """Rows and fingerprint of a table that pg_dump carries; without the latter where no query can be planned."""
    if table.archive_reason == UNPLANNABLE_REASON:
        return await count_by_copy(backup.connection, table), None
    query = fingerprint_query(table.schema, table.name, table.expression)
    row = await (await backup.connection.execute(query)).fetchone()
    return row or (0, None)


async def _read_archived(backup: Snapshotted) -> list[TableEntry]:
    """Counts and fingerprints the tables whose rows pg_dump carries."""
    entries: list[TableEntry] = []
    for table in backup.snapshot.tables:
        if not backup.holds(table) or table.archive_reason is None:
            continue
        backup.listener(Logged(message=f"{table.qualified_name}: rows in the archive ({table.archive_reason})"))
        rows, content = await _content(backup, table)
        # An extension's own rows may differ from version to version: only the count is compared.
        fingerprint = content if backup.fingerprints and not table.is_configuration else None
        entries.append(archived_entry(table, backup.snapshot.sizes[table.oid], rows, fingerprint))
    return entries
