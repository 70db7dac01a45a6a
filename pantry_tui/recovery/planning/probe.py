"""A second's work that tells how fast this server and this machine are, of which nothing stays.

Rows made up for it go by COPY into a temporary table of a transaction that is rolled back; an index is built on them, and they
are fingerprinted. Segments of the backup are read and unpacked. A temporary table writes no log, so the server is rather
slower in earnest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import psycopg
from psycopg import sql

from pantry_tui.artifact.reader import RowsReader
from pantry_tui.postgres.fingerprint import EMPTY_ROW, fingerprint_query, row_expressions
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.planning.durations import Rates

LOAD_SECONDS = 0.5
READ_SECONDS = 0.25
MOST_BYTES = 32 * 1024 * 1024
_BLOCK_ROWS = 5_000
_TABLE = ("pg_temp", "pantry_probe")


async def probe(connection: Connection, reader: RowsReader, segments: Iterable[int]) -> Rates | None:
    """What was measured; None where this role may make no temporary table, or the server lets nobody write."""
    try:
        await connection.execute("BEGIN READ WRITE")
        try:
            load, indexing, scan, statement = await _on_server(connection)
        finally:
            await connection.execute("ROLLBACK")
    except psycopg.Error:
        return None
    check, unpack = await asyncio.to_thread(_of_backup, reader, segments)
    return Rates(check=check, unpack=unpack, load=load, indexing=indexing, scan=scan, statement=statement)


async def _on_server(connection: Connection) -> tuple[float, float, float, float]:
    """Bytes loaded, rows indexed and bytes fingerprinted, each in a second; the seconds of a statement."""
    table = sql.Identifier(*_TABLE)
    begun = time.monotonic()
    columns = sql.SQL("(id bigint, at timestamptz, amount numeric, note text)")
    await connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} {}").format(table, columns))
    rows = size = 0
    started = time.monotonic()
    async with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
        while time.monotonic() - started < LOAD_SECONDS and size < MOST_BYTES:
            block = _block(rows)
            await copy.write(block)
            rows, size = rows + _BLOCK_ROWS, size + len(block)
    loaded = time.monotonic()
    await connection.execute(sql.SQL("CREATE INDEX ON {} (id)").format(table))
    indexed = time.monotonic()
    await connection.execute(fingerprint_query(*_TABLE, await _expression(connection)))
    scanned = time.monotonic()
    return size / (loaded - started), rows / (indexed - loaded), size / (scanned - indexed), started - begun


async def _expression(connection: Connection) -> str:
    name = ".".join(_TABLE)
    found = await connection.execute("SELECT pg_catalog.to_regclass(%s)::pg_catalog.oid::pg_catalog.int8", (name,))
    row = await found.fetchone()
    oid = int(row[0]) if row is not None else 0
    return (await row_expressions(connection, [oid])).get(oid, EMPTY_ROW)


def _block(first: int) -> bytes:
    """Rows of some hundred bytes, in an order that an index has to sort."""
    return "".join(
        f"{number * 2_654_435_761 % 4_294_967_296}\t2026-01-01 12:00:00+00\t{number}.25\t"
        f"a row made up to see how fast this server is, of which nothing stays {number}\n"
        for number in range(first, first + _BLOCK_ROWS)
    ).encode()


def _of_backup(reader: RowsReader, segments: Iterable[int]) -> tuple[float | None, float | None]:
    """Stored bytes read and hashed in a second, and bytes unpacked in a second."""
    checked = unpacked = 0
    checking = unpacking = 0.0
    for number in segments:
        started = time.monotonic()
        checked += reader.check(number)
        between = time.monotonic()
        unpacked += sum(len(piece) for piece in reader.rows(number))
        checking += between - started
        unpacking += time.monotonic() - between
        if checking + unpacking > READ_SECONDS:
            break
    return (checked / checking if checked and checking else None), (
        unpacked / unpacking if unpacked and unpacking else None
    )
