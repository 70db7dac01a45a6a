"""Exchanging a database for a restored one: both names in one transaction, the old database kept.

`ALTER DATABASE … RENAME` takes a lock that new connections wait for, and then waits up to five seconds for the sessions that
are there to go; another connection ends them meanwhile. So there is no moment at which a crash would leave the database
closed, and none at which two of that name, or none, can be seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import psycopg
from psycopg import sql

from pantry_tui.errors import PantryError, RefusedError, RestoreError
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.committing import commit
from pantry_tui.recovery.database import BEGIN_WRITING, maintenance_session, quoted_names
from pantry_tui.recovery.kept import KeptDatabase, comment_on, sessions, terminate

TRIES = 3
PAUSE_SECONDS = 0.1

_MAY = """
SELECT pg_catalog.pg_has_role(d.datdba, 'USAGE') AND (r.rolcreatedb OR r.rolsuper)
FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
WHERE d.datname = %s AND r.rolname = current_user
"""

# What follows the old database into its new name, or cannot: a prepared transaction even blocks the renaming.
_OBSTACLES = """
SELECT 'replication slot ' || slot_name::text FROM pg_catalog.pg_replication_slots WHERE database = %(name)s
UNION ALL SELECT 'prepared transaction ' || gid FROM pg_catalog.pg_prepared_xacts WHERE database = %(name)s
UNION ALL SELECT 'subscription ' || s.subname::text FROM pg_catalog.pg_subscription s
    JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = %(name)s
ORDER BY 1
"""


async def may_swap(connection: Connection, name: str) -> bool:
    """Whether this role can create databases and rename that one. Raises `psycopg.Error`."""
    row = await (await connection.execute(_MAY, (name,))).fetchone()
    return row is not None and bool(row[0])


async def require_free(connection: Connection, name: str) -> None:
    """Raises `RefusedError` naming what is tied to the database and would stay with the old one; `psycopg.Error`."""
    found = [what for (what,) in await (await connection.execute(_OBSTACLES, {"name": name})).fetchall()]
    if found:
        raise RefusedError(
            f"database {name} cannot be exchanged for another: {quoted_names(found)} would stay with the old one",
            remedy="end them first (pg_drop_replication_slot, ROLLBACK PREPARED, DROP SUBSCRIPTION), or restore into a new "
            "database, or selected tables in place (-t)",
        )


async def exchange_names(
    target: DatabaseTarget,
    *,
    name: str,
    kept: str,
    coming: str,
    record: KeptDatabase,
    comment: sql.Composable | None = None,
) -> bool:
    """Gives the database ``name`` the name ``kept``, closes it, and gives the one called ``coming`` the name.

    ``comment``, an SQL literal, is put on the one that comes; None: it has its own. Sessions of both are ended. Raises
    `RefusedError` as `require_free` does, `RestoreError` naming the sessions that cannot be ended; nothing has changed then.
    Returns whether somebody tried to cancel it when it was done. Raises `ConnectionLostError` where nobody knows whether it is.
    """
    async with await maintenance_session(target) as connection, await maintenance_session(target) as other:
        try:
            await require_free(connection, name)
            return await _exchange(
                connection,
                other,
                partial(maintenance_session, target),
                name=name,
                kept=kept,
                coming=coming,
                record=record,
                comment=comment,
            )
        except psycopg.errors.ObjectInUse as error:
            left = await sessions(other, name)
            raise RestoreError(
                f"database {name} cannot be exchanged: {quoted_names(left, 5) or 'somebody'} stays connected to it",
                remedy="end these sessions (a superuser's only a superuser can) and keep new ones away, then try again",
                detail=str(error),
            ) from error
        except psycopg.Error as error:
            raise server_error(error, doing=f"exchanging database {name}") from error


async def _exchange(
    connection: Connection,
    other: Connection,
    reconnect: Callable[[], Awaitable[Connection]],
    *,
    name: str,
    kept: str,
    coming: str,
    record: KeptDatabase,
    comment: sql.Composable | None,
) -> bool:
    old, new, own = sql.Identifier(kept), sql.Identifier(coming), sql.Identifier(name)
    statements: Sequence[sql.Composed] = (
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, own),
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(own),
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(old),
        comment_on(kept, record),
        *([] if comment is None else [sql.SQL("COMMENT ON DATABASE {} IS {}").format(own, comment)]),
    )
    tries = 0
    while True:
        await connection.execute(BEGIN_WRITING)
        try:
            await connection.execute("SET LOCAL synchronous_commit = on")  # its flush makes the restore durable
            await _while_ending(other, name, connection, sql.SQL("ALTER DATABASE {} RENAME TO {}").format(own, old))
            for statement in statements:
                await _while_ending(other, coming, connection, statement)
        except psycopg.errors.ObjectInUse:
            tries += 1
            await connection.execute("ROLLBACK")
            if tries == TRIES:
                raise
        else:
            return await commit(connection, reconnect)


async def _while_ending(other: Connection, name: str, connection: Connection, statement: sql.Composed) -> None:
    """Runs the statement, and ends the sessions of a database until it is done."""
    running = asyncio.ensure_future(connection.execute(statement))
    try:
        while True:
            await terminate(other, name)
            done, _ = await asyncio.wait([running], timeout=PAUSE_SECONDS)
            if done:
                break
    finally:
        if not running.done():
            connection.cancel()
            await asyncio.wait([running])
    await running


def as_still_there(error: PantryError, name: str, working_name: str) -> RestoreError:
    """The error of an exchange that failed after everything was restored."""
    return RestoreError(
        f"everything is restored, but database {name} could not be exchanged for it: {error.message}",
        remedy=f'{name} is as it was; what was restored stays as "{working_name}". {error.remedy or ""}'.rstrip(),
        detail=error.detail,
    )
