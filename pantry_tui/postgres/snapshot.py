"""One snapshot for everything, taken behind the locks.

With the snapshot before the locks, an ALTER TYPE or TRUNCATE that commits in between leaves 0 of 1,000 rows visible, without
any error, and even the fingerprints agree. So: list the tables, lock them as the first statement of the transaction, take
the snapshot, list again; when the lists differ, start over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from pantry_tui.artifact.manifest import SnapshotPosition
from pantry_tui.errors import DatabaseChangedError, LockTimeoutError, PantryError, ServerError
from pantry_tui.models import DatabaseTarget, Model
from pantry_tui.postgres.connect import connect, server_error
from pantry_tui.postgres.introspect import SourceTable, TableSize, list_tables, snapshot_position, table_sizes
from pantry_tui.postgres.pooling import require_own_session, require_same_session
from pantry_tui.postgres.session import client_encoding, pin_statements, server_encoding

Connection = psycopg.AsyncConnection[Any]

ATTEMPTS = 8
BLOCKERS = """
SELECT pid, COALESCE(application_name, ''), COALESCE(usename::text, ''), state, pg_catalog.left(query, 100)
FROM pg_catalog.pg_stat_activity
WHERE pid = ANY (SELECT pg_catalog.unnest(pg_catalog.pg_blocking_pids(%s)))
"""


class LockedSnapshot(Model, frozen=True, kw_only=True):
    """The tables as they are in the snapshot, each locked against change of its definition until the transaction ends."""

    id: str
    position: SnapshotPosition
    tables: tuple[SourceTable, ...]
    sizes: dict[int, TableSize]


async def open_catalog(target: DatabaseTarget, *, application: str) -> Connection:
    """A connection for catalog queries, its session pinned; autocommit.

    Names arrive as text in every database: as UTF-8, or byte for byte as LATIN1 where the database's encoding is SQL_ASCII.
    """
    connection = await connect(target, application=application)
    try:
        encoding, _ = client_encoding(server_encoding(connection))
        await connection.execute(f"SET client_encoding = '{encoding}'")
        await connection.execute(pin_statements(connection.info.server_version).encode())
    except psycopg.Error as error:
        await connection.close()
        raise server_error(error, doing="preparing the session") from error
    return connection


async def take_snapshot(
    connection: Connection, target: DatabaseTarget, *, lock_timeout_seconds: float, in_recovery: bool
) -> LockedSnapshot:
    """Locks every table of the database and exports the snapshot behind the locks; leaves the transaction open.

    Raises `LockTimeoutError`, naming who holds the lock, and `DatabaseChangedError` when tables kept changing.
    """
    wait = f"SET LOCAL lock_timeout = {int(lock_timeout_seconds * 1000)}"
    process = await require_own_session(connection, target)
    for _ in range(ATTEMPTS):
        listed = await list_tables(connection)
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        await connection.execute(pin_statements(connection.info.server_version, local=True).encode())
        await connection.execute(wait.encode())
        try:
            await _lock(connection, target, listed)
            await require_same_session(connection, process)
            row = await (await connection.execute("SELECT pg_catalog.pg_export_snapshot()")).fetchone()
            position = await snapshot_position(connection, in_recovery=in_recovery)
            locked = await list_tables(connection)
            if row is not None and locked == listed:
                sizes = await table_sizes(connection, locked)
                return LockedSnapshot(id=row[0], position=position, tables=tuple(locked), sizes=sizes)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.WrongObjectType):
            pass  # dropped or replaced between listing and locking: list again
        except psycopg.Error as error:
            raise server_error(error, doing="locking the tables") from error
        await connection.execute("ROLLBACK")
    raise DatabaseChangedError(
        f"tables of {target.name} were created, dropped or altered each of the {ATTEMPTS} times they were being locked",
        remedy="run the backup when no migration is under way",
    )


async def require_unchanged(observer: Connection, target: DatabaseTarget, snapshot: LockedSnapshot) -> None:
    """Looks once more, outside the snapshot, whether the tables' rows still mean the same.

    A table's lock does not keep the types of its columns: a renamed enum value changes what COPY writes at once, but the
    definitions in the archive follow the snapshot. Raises `DatabaseChangedError`.
    """
    now = {table.oid: table.shape for table in await list_tables(observer)}
    for table in snapshot.tables:
        if now.get(table.oid, table.shape) != table.shape:
            raise DatabaseChangedError(
                f"the definition of {table.qualified_name} in {target.name}, or of a type it uses, changed during the backup",
                remedy="run the backup when no migration is under way",
            )


async def _lock(connection: Connection, target: DatabaseTarget, tables: Sequence[SourceTable]) -> None:
    """The transaction's first statement: LOCK takes no snapshot, any query would."""
    names = [sql.SQL("ONLY {}").format(sql.Identifier(table.schema, table.name)) for table in tables]
    if not names:
        return
    statement = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.SQL(", ").join(names))
    blockers = asyncio.create_task(_watch_blockers(target, connection.info.backend_pid))
    try:
        await connection.execute(statement)
    except psycopg.errors.LockNotAvailable as error:
        detail = await blockers
        await connection.execute("ROLLBACK")
        raise LockTimeoutError(
            f"a table of {target.name} stayed locked: {error.diag.message_primary}",
            remedy="let the sessions named below end, or allow a longer wait (lock_timeout_seconds)",
            detail=detail or None,
        ) from error
    except psycopg.errors.OutOfMemory as error:
        raise _too_many_locks(target, len(names)) from error
    finally:
        blockers.cancel()
        await asyncio.gather(blockers, return_exceptions=True)


def _too_many_locks(target: DatabaseTarget, count: int) -> PantryError:
    return ServerError(
        f"the server has no room to lock the {count:,} tables of {target.name} at once",
        remedy="raise max_locks_per_transaction in postgresql.conf (it takes a restart)",
    )


async def _watch_blockers(target: DatabaseTarget, pid: int) -> str:
    """Who stands in the way of that backend, looked up after the wait has lasted a moment."""
    await asyncio.sleep(1)
    try:
        async with await connect(target, application="lock report") as watcher:
            rows = await (await watcher.execute(BLOCKERS, (pid,))).fetchall()
    except (PantryError, psycopg.Error):
        return ""
    return "\n".join(f"pid {pid} ({user} {name}), {state}: {query}" for pid, name, user, state, query in rows)
