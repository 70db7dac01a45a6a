"""Comparing the content of restored tables with the backup, many at once.

By fingerprint where both servers compute the same ones (major version, byte order); else the stored lines against a COPY
of the table; a table whose rows pg_dump carried and that has no fingerprint, by its count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from psycopg import sql

from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.artifact.selection import Selection
from pantry_tui.artifact.toc import TocEntry
from pantry_tui.models import BackupFormat, DatabaseTarget, Model, RepositoryTarget, RestoredTable, Unlocking
from pantry_tui.postgres.copy import copy_out
from pantry_tui.postgres.fingerprint import fingerprint_query
from pantry_tui.postgres.introspect import SourceTable, server_identity
from pantry_tui.postgres.rowcsv import csv_copy_out
from pantry_tui.postgres.rowjson import json_columns, json_copy_out
from pantry_tui.postgres.session import pin_statements
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.postgres.workers import Answers, WorkerPool
from pantry_tui.recovery.comparing import CompareTable, TextCompared
from pantry_tui.recovery.database import writable_session
from pantry_tui.recovery.loading import LoadingSetup
from pantry_tui.recovery.preflight import Segments
from pantry_tui.recovery.progress import RestoreProgress
from pantry_tui.repository.handed_over import HandedOver

COMPARERS = "pantry_tui.recovery.comparing"
COMPARING = (("default_transaction_read_only", "on"),)


class Expected(Model, frozen=True, kw_only=True):
    """What was restored, and from where. ``toc``: the archive's entries that belong to the selection."""

    manifest: Manifest
    selection: Selection
    segments: Segments
    toc: tuple[TocEntry, ...]
    repository: RepositoryTarget
    unlocking: Unlocking
    others: tuple[str, ...] = ()  # schemas of the target that belong to others, and are no affair of the restore

    @property
    def names(self) -> list[tuple[str, str]]:
        """Schema and name of the tables whose rows come."""
        tables = (self.manifest.tables[index] for index in self.selection.tables)
        return [(table.schema, table.name) for table in tables]


class Leaf(NamedTuple):
    """What a partition holds that its root has filled. ``content`` None: only counted."""

    rows: int
    content: int | None


class ContentComparison:
    """Compares the tables of one restore."""

    def __init__(self, target: DatabaseTarget, expected: Expected, jobs: int, progress: RestoreProgress) -> None:
        self._target = target
        self._expected = expected
        self._manifest = expected.manifest
        self._jobs = jobs
        self._progress = progress
        self._results: dict[int, RestoredTable] = {}
        self._leaves: dict[int, Leaf] = {}

    async def run(self, connection: Connection, found: dict[tuple[str, str], SourceTable]) -> list[RestoredTable]:
        """The outcome for every table of the selection; ``found`` are the tables that are there."""
        comparable = await fingerprints_agree(connection, self._manifest)
        on_server: list[tuple[int, SourceTable]] = []
        as_text: list[int] = []
        for index in self._expected.selection.tables:
            entry = self._manifest.tables[index]
            table = found.get((entry.schema, entry.name))
            if table is None:
                self._note(index, 0, "count", "the table is missing")
            elif index in self._expected.segments.by_table and not (comparable and entry.fingerprint is not None):
                as_text.append(index)
            else:
                on_server.append((index, table))
        await self._compare_on_server(on_server, comparable=comparable)
        self._compare_leaves()
        if as_text:
            copies = await self._copies(connection, {index: found[self._name(index)] for index in as_text})
            await self._compare_as_text(as_text, copies, connection.info.server_version)
        return [self._results[index] for index in self._expected.selection.tables]

    def _note(self, index: int, rows: int, verified: str, difference: str | None) -> None:
        entry = self._manifest.tables[index]
        self._results[index] = RestoredTable(
            schema=entry.schema, name=entry.name, inserted=rows, verified=verified, difference=difference
        )
        self._progress.part(len(self._results) / len(self._expected.selection.tables))

    async def _compare_on_server(self, tables: list[tuple[int, SourceTable]], *, comparable: bool) -> None:
        waiting = iter(sorted(tables, key=lambda item: -self._manifest.tables[item[0]].raw_bytes))

        async def work() -> None:
            connection = await writable_session(self._target)
            async with connection:
                for index, table in waiting:
                    await self._compare_one(connection, index, table, comparable=comparable)

        await asyncio.gather(*(work() for _ in range(min(self._jobs, len(tables)))))

    async def _compare_one(self, connection: Connection, index: int, table: SourceTable, *, comparable: bool) -> None:
        entry = self._manifest.tables[index]
        by_content = comparable and entry.fingerprint is not None
        if by_content:
            query = fingerprint_query(entry.schema, entry.name, table.expression)
        else:
            query = sql.SQL("SELECT pg_catalog.count(*), '0' FROM ONLY {}").format(
                sql.Identifier(entry.schema, entry.name)
            )
        row = await (await connection.execute(query)).fetchone()
        rows, content = row or (0, "0")
        by = "fingerprint" if by_content else "count"
        if entry.loaded_through is not None:
            self._leaves[index] = Leaf(rows=rows, content=int(content) if by_content else None)
            self._note(index, rows, by, None)
        else:
            self._note(index, rows, by, _difference(entry, rows, same=not by_content or content == entry.fingerprint))

    def _compare_leaves(self) -> None:
        """Partitions whose rows their root spread anew, by an order that differs here: they compare only together."""
        roots: dict[str, list[int]] = {}
        for index in self._leaves:
            roots.setdefault(self._manifest.tables[index].loaded_through or "", []).append(index)
        for root, leaves in roots.items():
            entries = [self._manifest.tables[index] for index in leaves]
            found = [self._leaves[index] for index in leaves]
            rows, expected = sum(leaf.rows for leaf in found), sum(entry.rows for entry in entries)
            contents = [leaf.content for leaf in found if leaf.content is not None]
            same = not contents or sum(contents) == sum(int(entry.fingerprint or 0) for entry in entries)
            if rows != expected or not same:
                what = "their content differs" if rows == expected else f"the backup has {expected:,}"
                self._note(leaves[0], found[0].rows, "count", f"the leaves of {root} have {rows:,} rows; {what}")

    def _name(self, index: int) -> tuple[str, str]:
        entry = self._manifest.tables[index]
        return entry.schema, entry.name

    async def _copies(self, connection: Connection, tables: dict[int, SourceTable]) -> dict[int, str]:
        """The statements that send restored rows as the backup stores them."""
        columns = {}
        if self._manifest.format is BackupFormat.JSON:
            columns = await json_columns(connection, [table.oid for table in tables.values()])
        copies = {}
        for index, table in tables.items():
            entry = self._manifest.tables[index]
            if self._manifest.format is BackupFormat.JSON:
                encoding = self._manifest.source.encoding
                copy = json_copy_out(entry.schema, entry.name, columns.get(table.oid, ()), encoding=encoding)
            elif self._manifest.format is BackupFormat.CSV:
                copy = csv_copy_out(entry.schema, entry.name, entry.columns)
            else:
                copy = copy_out(entry.schema, entry.name, entry.columns, encoding=self._manifest.source.encoding)
            copies[index] = copy.as_string(connection)
        return copies

    async def _compare_as_text(self, tables: Sequence[int], copies: dict[int, str], server_version: int) -> None:
        setup = LoadingSetup(
            target=self._target,
            settings=pin_statements(server_version, COMPARING),
            backup=HandedOver.of(self._manifest, self._expected.repository, self._expected.unlocking),
        ).to_json()
        ordered = sorted(tables, key=lambda index: -self._manifest.tables[index].raw_bytes)
        commands = [
            CompareTable(table=index, segments=self._expected.segments.by_table[index], copy=copies[index]).to_json()
            for index in ordered
        ]
        async with WorkerPool.launch(min(self._jobs, len(tables)), COMPARERS) as pool:
            await pool.open(COMPARERS, [setup] * pool.count)
            answers: Answers[int, TextCompared] = Answers(int, TextCompared)
            for result in await pool.run(commands, answers, lambda report: None):
                entry = self._manifest.tables[result.table]
                rows = result.restored_rows
                self._note(result.table, rows, "text", _difference(entry, rows, same=result.equal))


def _difference(entry: TableEntry, rows: int, *, same: bool) -> str | None:
    if rows != entry.rows:
        return f"{rows:,} rows; the backup has {entry.rows:,}"
    return None if same else f"{rows:,} rows as in the backup, but their content differs"


async def fingerprints_agree(connection: Connection, manifest: Manifest) -> bool:
    """Whether equal rows have equal fingerprints on both servers: same major version, same byte order."""
    server = await server_identity(connection)
    return (server.version_num // 10000, server.byte_order) == (
        manifest.server.version_num // 10000,
        manifest.server.byte_order,
    )
