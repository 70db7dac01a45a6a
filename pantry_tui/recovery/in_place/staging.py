"""The backup's rows beside the table that they are for: in temporary tables, which nobody else sees and no crash leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
from psycopg import sql

from pantry_tui.artifact.jsondocument import row_batches
from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.artifact.reader import RowsReader
from pantry_tui.errors import RestoreError, VerificationError
from pantry_tui.models import BackupFormat
from pantry_tui.postgres.copy import copy_in
from pantry_tui.postgres.fingerprint import EMPTY_ROW, fingerprint_query, row_expressions
from pantry_tui.postgres.rowcsv import csv_copy_in
from pantry_tui.postgres.rowjson import json_columns, json_insert
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.content import fingerprints_agree
from pantry_tui.recovery.in_place.standing import StandingTable
from pantry_tui.recovery.preflight import Segments
from pantry_tui.recovery.progress import RestoreProgress

TEMPORARY = "pg_temp"


class Staging:
    """Loads the rows of tables into stages of this connection's session."""

    def __init__(
        self,
        connection: Connection,
        manifest: Manifest,
        segments: Segments,
        reader: RowsReader,
        progress: RestoreProgress,
    ) -> None:
        self._connection = connection
        self._manifest = manifest
        self._segments = segments
        self._reader = reader
        self._progress = progress

    async def load(self, table: StandingTable) -> str:
        """Makes the table's stage and fills it; returns how its content was compared: "fingerprint" or "count".

        Raises `RestoreError` when the server took other rows than the backup has, `psycopg.Error`.
        """
        stage = stage_name(table)
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in table.columns)
        make = sql.SQL("CREATE TEMPORARY TABLE {} AS SELECT {} FROM ONLY {} WITH NO DATA").format(
            sql.Identifier(TEMPORARY, stage), columns, sql.Identifier(table.schema, table.name)
        )
        await self._connection.execute(make)
        compared = await self._fill(table, TEMPORARY, stage)
        await self._connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(TEMPORARY, stage)))
        return compared

    async def load_itself(self, table: StandingTable) -> str:
        """Fills the table itself, which is new and empty; returns and raises as `load` does."""
        return await self._fill(table, table.schema, table.name)

    async def _fill(self, table: StandingTable, schema: str, name: str) -> str:
        entry = self._manifest.tables[table.index]
        fill = self._insert if self._manifest.format is BackupFormat.JSON else self._copy
        rows = await fill(table, schema, name)
        if rows != entry.rows:
            raise RestoreError(f"{entry.qualified_name}: the server took {rows:,} rows of {entry.rows:,} in the backup")
        return "count" if table.widened else await self._compare(entry, schema, name)

    async def _copy(self, table: StandingTable, schema: str, name: str) -> int:
        if self._manifest.format is BackupFormat.CSV:
            statement = csv_copy_in(schema, name, table.columns)
        else:
            statement = copy_in(schema, name, table.columns, encoding=self._manifest.source.encoding)
        async with self._connection.cursor() as cursor:
            async with cursor.copy(statement) as copy:
                for number in self._numbers(table):
                    pieces = self._reader.rows(number)
                    while piece := await asyncio.to_thread(next, pieces, b""):
                        await copy.write(piece)
            return cursor.rowcount

    async def _insert(self, table: StandingTable, schema: str, name: str) -> int:
        """Rows of format `json`, which only an INSERT can take."""
        oid = await self._oid(schema, name)
        columns = (await json_columns(self._connection, [oid])).get(oid, ())
        statement = json_insert(schema, name, columns).as_string(self._connection).encode()
        rows = 0
        async with psycopg.AsyncRawCursor(self._connection) as cursor:
            for number in self._numbers(table):
                batches = row_batches(self._reader.rows(number))
                while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                    await cursor.execute(statement, (batch.array.decode(),))
                    rows += cursor.rowcount
        return rows

    def _numbers(self, table: StandingTable) -> Iterator[int]:
        for number in self._segments.by_table[table.index]:
            yield number
            segment = self._manifest.segments[number]
            self._progress.loaded(table.index, segment.rows, segment.raw_length)

    async def _compare(self, entry: TableEntry, schema: str, name: str) -> str:
        """What is staged is what was backed up, where both servers can tell."""
        if entry.fingerprint is None or not await fingerprints_agree(self._connection, self._manifest):
            return "count"
        oid = await self._oid(schema, name)
        expression = (await row_expressions(self._connection, [oid])).get(oid, EMPTY_ROW)
        query = fingerprint_query(schema, name, expression)
        row = await (await self._connection.execute(query)).fetchone()
        if row is not None and (row[0], row[1]) == (entry.rows, entry.fingerprint):
            return "fingerprint"
        raise VerificationError(
            f"{entry.qualified_name}: the rows that arrived differ from those of backup {self._manifest.id}",
            remedy="nothing was touched; compare the types of the table's columns with those in the backup",
        )

    async def _oid(self, schema: str, name: str) -> int:
        quoted = sql.Identifier(schema, name).as_string(self._connection)
        found = await self._connection.execute(
            "SELECT pg_catalog.to_regclass(%s)::pg_catalog.oid::pg_catalog.int8", (quoted,)
        )
        row = await found.fetchone()
        return int(row[0]) if row is not None else 0


def stage_name(table: StandingTable) -> str:
    """What the stage of that table is called."""
    return f"pantry_stage_{table.index}"
