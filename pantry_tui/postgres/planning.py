"""Tables that no query can be planned for without a search_path, and that pg_dump can read all the same.

The planner looks into the expressions of a table's indexes, and into the SQL functions that they call. One that finds its
tables only by the search_path of its users cannot be read so, and every query on the indexed table fails (seen on 15; since
17 such an index can no longer be created). A plain `COPY table TO`, which is what pg_dump sends, is not planned.
"""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
from psycopg import sql

from pantry_tui.postgres.introspect import SourceTable
from pantry_tui.postgres.snapshot import LockedSnapshot

Connection = psycopg.AsyncConnection[Any]

UNPLANNABLE_REASON = (
    "no query on it can be planned, because of a function that an index of it calls; pg_dump needs none"
)

_SUSPECTS = """
SELECT DISTINCT x.indrelid::pg_catalog.int8 FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = x.indexrelid
    AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid
WHERE p.oid >= 16384 AND p.prosqlbody IS NULL AND p.proconfig IS NULL
"""


async def leave_unplannable_to_archive(connection: Connection, snapshot: LockedSnapshot) -> LockedSnapshot:
    """The snapshot, with a reason for pg_dump to carry those tables' rows. ``connection`` is in its transaction."""
    suspects = {oid for (oid,) in await (await connection.execute(_SUSPECTS)).fetchall()}
    if not suspects:
        return snapshot
    tables = [
        msgspec.structs.replace(table, archive_reason=UNPLANNABLE_REASON)
        if table.oid in suspects and table.archive_reason is None and not await _can_be_planned(connection, table)
        else table
        for table in snapshot.tables
    ]
    return msgspec.structs.replace(snapshot, tables=tuple(tables))


async def _can_be_planned(connection: Connection, table: SourceTable) -> bool:
    await connection.execute("SAVEPOINT planning")
    try:
        await connection.execute(
            sql.SQL("EXPLAIN SELECT FROM ONLY {}").format(sql.Identifier(table.schema, table.name))
        )
    except psycopg.errors.InsufficientPrivilege:
        return True  # as far as that goes; the worker that reads the table says what is missing
    except psycopg.OperationalError:
        raise
    except psycopg.DatabaseError:  # whatever the planner, or a function that it evaluates, has against it
        return False
    finally:
        await connection.execute("ROLLBACK TO SAVEPOINT planning")
    return True


async def count_by_copy(connection: Connection, table: SourceTable) -> int:
    """How many rows such a table has: all of them are sent for that, and the server counts."""
    statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table.schema, table.name))
    async with connection.cursor() as cursor:
        async with cursor.copy(statement) as copy:
            async for _ in copy:
                pass
        return cursor.rowcount
