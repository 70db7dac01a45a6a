"""How many rows the target's tables have now, and how many of them were written since the backup.

Small tables are counted, within a limit for all of them together; of others the server's own estimate is told. A row was
written since the backup when its transaction is not older than the oldest that was under way then (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

from pantry_tui.artifact.manifest import TableEntry
from pantry_tui.postgres.introspect import SourceTable
from pantry_tui.postgres.snapshot import Connection

EXACT_BYTES = 64 * 1024 * 1024  # of one table
EXACT_BYTES_TOGETHER = 256 * 1024 * 1024
_FAR = 2**31  # transactions, beyond which older and newer cannot be told apart

_SIZES = """
SELECT c.oid::pg_catalog.int8, pg_catalog.pg_relation_size(c.oid), c.reltuples
FROM pg_catalog.pg_class c WHERE c.oid = ANY (%s::pg_catalog.oid[])
"""
# Without a lock, for tables that somebody holds: pages as they were counted last.
_LAST_SIZES = """
SELECT c.oid::pg_catalog.int8, c.relpages * pg_catalog.current_setting('block_size')::pg_catalog.int8, c.reltuples
FROM pg_catalog.pg_class c WHERE c.oid = ANY (%s::pg_catalog.oid[])
"""
_NEXT = "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.int8"


class Counted(NamedTuple):
    """The rows of a table now; ``written`` None: it cannot be told."""

    rows: int
    exact: bool
    written: int | None


async def horizon_of(connection: Connection, xmin: int) -> int | None:
    """The 32 bits of a backup's oldest transaction, where what is newer can still be told apart from what is older."""
    row = await (await connection.execute(_NEXT)).fetchone()
    following = int(row[0]) if row is not None else 0
    return xmin % 2**32 if 0 <= following - xmin < _FAR else None


async def count_tables(
    connection: Connection, tables: Sequence[tuple[TableEntry, SourceTable]], horizon: int | None
) -> dict[int, Counted]:
    """The rows of these tables, by oid. ``horizon`` None: what was written since cannot be told."""
    oids = [table.oid for _, table in tables]
    sizes = await _sizes(connection, oids)
    left = EXACT_BYTES_TOGETHER
    found = {}
    for entry, table in sorted(tables, key=lambda pair: sizes.get(pair[1].oid, (0, 0))[0]):
        size, estimate = sizes.get(table.oid, (0, 0))
        counted = None
        if size <= min(left, EXACT_BYTES):
            counted = await _count(connection, table, horizon if table.oid == entry.oid else None)
            left -= size
        found[table.oid] = counted or Counted(_estimated(entry, size, estimate), False, None)
    return found


async def _sizes(connection: Connection, oids: Sequence[int]) -> dict[int, tuple[int, float]]:
    """Bytes and the estimate of the rows, by oid."""
    try:
        found = await connection.execute(_SIZES, (list(oids),))
    except psycopg.errors.LockNotAvailable:
        found = await connection.execute(_LAST_SIZES, (list(oids),))
    return {oid: (size, rows) for oid, size, rows in await found.fetchall()}


async def _count(connection: Connection, table: SourceTable, horizon: int | None) -> Counted | None:
    """None where this role may not see every row, or somebody holds the table."""
    written: sql.Composable = sql.SQL("NULL::pg_catalog.int8")
    if horizon is not None:
        written = sql.SQL(
            "pg_catalog.count(*) FILTER (WHERE pg_catalog.age(xmin) BETWEEN 1 AND pg_catalog.age({}::pg_catalog.xid))"
        ).format(sql.Literal(str(horizon)))
    query = sql.SQL("SELECT pg_catalog.count(*), {} FROM ONLY {}").format(
        written, sql.Identifier(table.schema, table.name)
    )
    try:
        row = await (await connection.execute(query)).fetchone()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable):
        return None
    return Counted(row[0], True, row[1]) if row is not None else None


def _estimated(entry: TableEntry, size: int, estimate: float) -> int:
    """The server's estimate; of a table that was never analyzed, by its size and that of the backup's rows."""
    if estimate >= 0:
        return int(estimate)
    return int(size / entry.server_bytes * entry.rows) if entry.server_bytes else 0
