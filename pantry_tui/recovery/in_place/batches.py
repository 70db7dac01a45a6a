"""Exchanging a table's rows by batches: many short statements in place of a long one, still in one transaction.

Which rows change is decided once, for all of them, and written down by their places, which no other session can move under
the lock that is held. So the result is that of one statement, whatever the size of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from psycopg import sql

from pantry_tui.postgres.snapshot import Connection

_PLACES = sql.Identifier("pg_temp", "pantry_places")


class Batched(NamedTuple):
    """A change of rows. ``find`` is a query for the ``place`` (ctid) of each; ``change`` the statement for an array of them."""

    find: sql.Composed
    change: Callable[[sql.Composable], sql.Composed]


async def run_by_batches(connection: Connection, batched: Batched, size: int) -> int:
    """Changes at most ``size`` rows by each statement, in the caller's transaction; returns how many statements it took.

    Raises `psycopg.Error`.
    """
    number = sql.SQL("(pg_catalog.row_number() OVER (ORDER BY f.place) - 1) / {}").format(sql.Literal(size))
    await connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} AS SELECT f.place, {} AS batch FROM ({}) f").format(
            _PLACES, number, batched.find
        )
    )
    await connection.execute(sql.SQL("CREATE INDEX ON {} (batch)").format(_PLACES))
    row = await (await connection.execute(sql.SQL("SELECT pg_catalog.max(batch) FROM {}").format(_PLACES))).fetchone()
    batches = 0 if row is None or row[0] is None else int(row[0]) + 1
    for batch in range(batches):
        places = sql.SQL("ARRAY(SELECT p.place FROM {} p WHERE p.batch = {})").format(_PLACES, sql.Literal(batch))
        await connection.execute(batched.change(places))
    await connection.execute(sql.SQL("DROP TABLE {}").format(_PLACES))
    return batches
