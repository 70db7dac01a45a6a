"""Restoring a backup of rows alone: into tables that are there already and empty, in one transaction.

Until it commits nothing of it can be seen; a failure at any point leaves the tables as they were.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import psycopg
from psycopg import sql

from pantry_tui.artifact.age import identities_of
from pantry_tui.artifact.manifest import Manifest, SequenceState, TableEntry
from pantry_tui.artifact.reader import RowsReader
from pantry_tui.artifact.selection import Selection, select_tables
from pantry_tui.artifact.toc import TocEntry, owned_sequences
from pantry_tui.config.restoring import check_target
from pantry_tui.config.targets import database_name
from pantry_tui.errors import (
    DatabaseMissingError,
    RestoreError,
    TargetNotEmptyError,
    UsageError,
    VerificationError,
)
from pantry_tui.models import (
    AssertionOutcome,
    RestoredTable,
    RestoreRequest,
    RestoreResult,
    RestoreValidation,
    utc_now,
)
from pantry_tui.postgres.columns import table_columns
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.copy import copy_in, copy_out
from pantry_tui.postgres.fingerprint import fingerprint_query
from pantry_tui.postgres.introspect import SourceTable, list_tables
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.postgres.workers import default_worker_count
from pantry_tui.recovery.analyzing import Analyzed, analyze_committed
from pantry_tui.recovery.asserting import ask, require_all
from pantry_tui.recovery.committing import commit
from pantry_tui.recovery.comparing import sum_lines
from pantry_tui.recovery.content import fingerprints_agree
from pantry_tui.recovery.database import BEGIN_WRITING, as_restore_error, own_session, quoted_names, writable_session
from pantry_tui.recovery.fitting import is_widened, require_fitting
from pantry_tui.recovery.ids import new_recovery_id
from pantry_tui.recovery.preflight import Segments, check_segments, needed_segments, open_archive, raw_bytes
from pantry_tui.recovery.progress import RestoreProgress
from pantry_tui.recovery.set_aside import SetAside
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.rows import open_rows


class Filled(NamedTuple):
    """What was put into the tables; every row of it was counted, and fingerprinted where both servers can."""

    tables: tuple[RestoredTable, ...]
    sequences: int
    constraints: int  # foreign keys that were checked again
    assertions: tuple[AssertionOutcome, ...] = ()


async def restore_rows(
    request: RestoreRequest, repository: Repository, manifest: Manifest, progress: RestoreProgress
) -> RestoreResult:
    """Restores a backup of rows alone into tables that are there, and empty. Raises what `fill_tables` does."""
    started_at, started = utc_now(), time.monotonic()
    filled = await fill_tables(request, repository, manifest, progress)
    filled_at = time.monotonic()
    analyzed = Analyzed(0, [])
    if request.analyze:
        progress.phase("analyze")
        names = [(table.schema, table.name) for table in filled.tables]
        analyzed = await analyze_committed(request.target, request.jobs or default_worker_count(), progress, names)
    progress.finished()
    return RestoreResult(
        id=request.recovery_id or new_recovery_id(started_at),
        backup_id=manifest.id,
        status="succeeded",
        dry_run=False,
        target=database_name(request.target.conninfo, request.target.environment),
        created_database=False,
        tables=filled.tables,
        validation=RestoreValidation(
            performed=True,
            equal=True,
            tables_compared=len(filled.tables),
            constraints_validated=filled.constraints,
            constraints_not_valid=0,
            sequences_compared=filled.sequences,
            differences=(),
        ),
        left_out=manifest.left_out,
        warnings=tuple(progress.warnings),
        started_at=started_at,
        finished_at=utc_now(),
        duration_seconds=filled_at - started,
        verification_seconds=0.0,
        analyzed_tables=analyzed.tables,
        analyze_seconds=time.monotonic() - filled_at,
        assertions=filled.assertions,
    )


async def fill_tables(
    request: RestoreRequest, repository: Repository, manifest: Manifest, progress: RestoreProgress
) -> Filled:
    """Checks every stored byte that will be read, then puts the rows into the target's tables.

    Raises `UsageError` for what cannot be done, `NotFoundError` for an unknown table, `BackupDamagedError`, and what
    `RowsAlone.run` does.
    """
    progress.phase("check")
    check_target(request.target)
    identities = identities_of(request.unlocking)
    _, toc = await open_archive(repository, manifest, identities)
    tables = select_tables(manifest, toc, request.tables).tables
    refuse_archived(manifest, tables)
    selection = Selection(tables=tables, entries=manifest.entries, is_whole=not request.tables)
    segments = needed_segments(manifest, selection)
    with open_rows(repository, manifest, identities) as reader:
        await check_segments(reader, manifest, selection, segments)
        rows = RowsAlone(request, reader, manifest, segments, progress)
        if not request.tables:
            belonging = frozenset(manifest.entries or ())
            refreshes = [entry for entry in toc if entry.kind == "MATERIALIZED VIEW DATA" and entry.id in belonging]
            return await rows.run(manifest.sequences, refreshes)
        owned = owned_sequences(toc, {manifest.tables[index].oid for index in tables})
        return await rows.run([each for each in manifest.sequences if (each.schema, each.name) in owned], ())


def refuse_archived(manifest: Manifest, tables: Sequence[int]) -> None:
    """Raises `UsageError` for what only pg_restore could bring into tables that are there."""
    archived = [
        manifest.tables[index].qualified_name for index in tables if manifest.tables[index].carried_by != "segments"
    ]
    if archived or manifest.large_objects:
        what = f"the rows of {quoted_names(archived)}" if archived else f"{manifest.large_objects:,} large objects"
        raise UsageError(
            f"backup {manifest.id} is of rows alone, and pg_dump's archive carries {what}: they cannot be put into "
            "tables that are there",
            remedy="take a full backup and restore it into a new database; or load the document with psql",
        )


class RowsAlone:
    """One restore of rows."""

    def __init__(
        self,
        request: RestoreRequest,
        reader: RowsReader,
        manifest: Manifest,
        segments: Segments,
        progress: RestoreProgress,
    ) -> None:
        self._request = request
        self._target = request.target
        self._reader = reader
        self._manifest = manifest
        self._segments = segments
        self._progress = progress
        self._widened: set[int] = set()  # tables that have other types than in the backup, which hold the same text

    async def run(self, sequences: Sequence[SequenceState], refreshes: Sequence[TocEntry]) -> Filled:
        """Fills the tables, sets the sequences; ``refreshes`` are the archive's statements for materialised views.

        Raises `DatabaseMissingError`, `TargetNotEmptyError`, `RestoreError` where the tables are not those of the backup,
        `VerificationError`, `ServerError` and its kin. Nothing stays of one that fails.
        """
        try:
            connection = await own_session(self._target)
        except DatabaseMissingError as error:
            error.remedy = "this backup has rows alone: restore its schema into the database first"
            raise
        async with connection:
            try:
                await connection.execute(BEGIN_WRITING)
                filled = await self._fill(connection, sequences, refreshes)
                too_late = await commit(connection, partial(writable_session, self._target))
                self._progress.committed(None, too_late=too_late)
            except psycopg.Error as error:
                failed = server_error(error, doing="filling the tables")
                raise as_restore_error(failed, remedy="nothing was kept: the tables are as they were") from error
        return filled

    async def _fill(
        self, connection: Connection, sequences: Sequence[SequenceState], refreshes: Sequence[TocEntry]
    ) -> Filled:
        tables = await self._lock(connection)
        aside = await SetAside.find(connection, [table.oid for table in tables.values()])
        await aside.put_aside(connection)
        self._progress.phase("rows")
        expected = {index: raw_bytes(self._manifest, self._segments.by_table[index]) for index in tables}
        self._progress.expect(expected, building=0)
        for index in tables:
            await self._load(connection, index)
        self._progress.phase("post-data")
        await aside.wake(connection)
        if violations := await aside.put_back(connection):
            raise RestoreError("; ".join(violations), remedy="nothing was kept: the tables are as they were")
        for entry in refreshes:
            await connection.execute(entry.statement.encode())
        self._progress.phase("verify")
        compared = [await self._compare(connection, index, tables[index]) for index in tables]
        assertions = await self._assert(connection)
        # Last of all: what they are set to stays, even where the transaction does not.
        moved = await self._set_sequences(connection, sequences)
        return Filled(tuple(compared), moved, len(aside.keys), assertions)

    async def _assert(self, connection: Connection) -> tuple[AssertionOutcome, ...]:
        if not (self._request.verify and self._request.assertions):
            return ()
        self._progress.phase("assert")
        outcomes = await ask(connection, self._request)
        require_all(outcomes, remedy="nothing was kept: the tables are as they were")
        return outcomes

    async def _lock(self, connection: Connection) -> dict[int, SourceTable]:
        """The target's tables by their index in the manifest: there, locked, empty, and with columns that the rows fit."""
        there = {(table.schema, table.name): table for table in await list_tables(connection) if table.kind == "r"}
        entries = {index: self._manifest.tables[index] for index in self._segments.by_table}
        missing = [entry.qualified_name for entry in entries.values() if (entry.schema, entry.name) not in there]
        if missing:
            raise RestoreError(
                f"the database has no table {quoted_names(missing)}, of which the backup has rows alone",
                remedy="restore the schema first, or name the tables to fill",
            )
        tables = {index: there[entry.schema, entry.name] for index, entry in entries.items()}
        names = [sql.SQL("ONLY {}").format(sql.Identifier(entry.schema, entry.name)) for entry in entries.values()]
        if names:
            await connection.execute(
                sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(names))
            )
        await self._require_empty(connection, list(entries.values()))
        columns = await table_columns(connection, [table.oid for table in tables.values()])
        require_fitting([(entries[index], columns[table.oid]) for index, table in tables.items()])
        self._widened = {index for index, table in tables.items() if is_widened(entries[index], columns[table.oid])}
        return tables

    async def _require_empty(self, connection: Connection, entries: Sequence[TableEntry]) -> None:
        full = []
        for entry in entries:
            query = sql.SQL("SELECT EXISTS (SELECT FROM ONLY {})").format(sql.Identifier(entry.schema, entry.name))
            row = await (await connection.execute(query)).fetchone()
            if row is not None and row[0]:
                full.append(entry.qualified_name)
        if full:
            raise TargetNotEmptyError(
                f"{quoted_names(full)} has rows already; a backup of rows alone goes into empty tables",
                remedy="empty the tables, or restore into a database that has only the schema",
            )

    async def _load(self, connection: Connection, index: int) -> None:
        entry = self._manifest.tables[index]
        statement = copy_in(entry.schema, entry.name, entry.columns, encoding=self._manifest.source.encoding)
        async with connection.cursor() as cursor:
            async with cursor.copy(statement) as copy:
                for number in self._segments.by_table[index]:
                    pieces = self._reader.rows(number)
                    while piece := await asyncio.to_thread(next, pieces, b""):
                        await copy.write(piece)
                    segment = self._manifest.segments[number]
                    self._progress.loaded(index, segment.rows, segment.raw_length)
            if cursor.rowcount != entry.rows:
                raise RestoreError(
                    f"{entry.qualified_name}: the server took {cursor.rowcount:,} rows of {entry.rows:,} in the backup"
                )

    async def _set_sequences(self, connection: Connection, sequences: Sequence[SequenceState]) -> int:
        """Sets those of the sequences that are there."""
        done = 0
        for state in sequences:
            name = sql.Identifier(state.schema, state.name).as_string(connection)
            found = await connection.execute(
                "SELECT pg_catalog.setval(pg_catalog.to_regclass(%s), %s, %s)"
                " WHERE pg_catalog.to_regclass(%s) IS NOT NULL",
                (name, state.last_value, state.is_called, name),
            )
            done += len(await found.fetchall())
        return done

    async def _compare(self, connection: Connection, index: int, table: SourceTable) -> RestoredTable:
        entry = self._manifest.tables[index]
        comparable = entry.fingerprint is not None and await fingerprints_agree(connection, self._manifest)
        comparable = comparable and set(entry.columns) == set(table.columns)
        verified, same = "count", True
        if index in self._widened:
            verified, same = "text", await self._has_same_text(connection, index)
        elif comparable:
            query = fingerprint_query(entry.schema, entry.name, table.expression)
            row = await (await connection.execute(query)).fetchone()
            verified, same = "fingerprint", row is not None and (row[0], row[1]) == (entry.rows, entry.fingerprint)
        if not same:
            raise VerificationError(
                f"{entry.qualified_name}: the rows differ from those of backup {self._manifest.id}",
                remedy="nothing was kept; look for what changes rows while they are loaded, then try again",
            )
        return RestoredTable(schema=entry.schema, name=entry.name, inserted=entry.rows, verified=verified)

    async def _has_same_text(self, connection: Connection, index: int) -> bool:
        """Whether the rows are sent as they are stored, in whatever order."""
        entry = self._manifest.tables[index]
        numbers = self._segments.by_table[index]
        stored = await asyncio.to_thread(
            lambda: sum_lines(piece for number in numbers for piece in self._reader.rows(number))
        )
        count = total = 0
        statement = copy_out(entry.schema, entry.name, entry.columns, encoding=self._manifest.source.encoding)
        async with connection.cursor() as cursor, cursor.copy(statement) as copy:
            async for row in copy:
                lines, hashes = sum_lines([bytes(row)])
                count, total = count + lines, total + hashes
        return stored == (count, total)
