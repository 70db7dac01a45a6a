"""Comparing a backup with a database as it is now: rows and fingerprints of one snapshot, over several connections."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

import psycopg
from psycopg import sql

from pantry_tui.artifact.manifest import ServerIdentity
from pantry_tui.backup.diff import compare
from pantry_tui.backup.inventory import Inventory, TableInventory, fingerprints_depend_on, inventory_of
from pantry_tui.backup.progress import ProgressMeter, start_phase
from pantry_tui.errors import LockTimeoutError, UsageError
from pantry_tui.events import Listener, Logged, Progress
from pantry_tui.models import BackupDiff, DatabaseTarget, DiffRequest, DiffSide, utc_now
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.fingerprint import fingerprint_query
from pantry_tui.postgres.introspect import SourceTable, server_identity
from pantry_tui.postgres.session import pin_statements
from pantry_tui.postgres.snapshot import Connection, LockedSnapshot, open_catalog, take_snapshot
from pantry_tui.postgres.workers import default_worker_count
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.rows import restorable
from pantry_tui.together import together

APPLICATION = "comparison"
MOST_CONNECTIONS = 64
_SNAPSHOT_SHARE = 0.03  # of the whole work


async def compare_with_live(request: DiffRequest, listener: Listener) -> BackupDiff:
    """Compares a backup with a database as it is now, in a snapshot of its own that changes nothing and is given up.

    Each table is locked against changes of its definition meanwhile, as for a backup. Raises `NotFoundError`,
    `BackupDamagedError`, `LockTimeoutError`, `PrivilegeError` for a table that this role may not read, `ServerError`
    and its kin.
    """
    if request.jobs is not None and not 1 <= request.jobs <= MOST_CONNECTIONS:
        raise UsageError(f"{request.jobs} connections cannot be", remedy=f"choose from 1 to {MOST_CONNECTIONS}")
    started = time.monotonic()
    repository = open_repository(request.repository, request.data_directory)
    manifest = repository.manifest(repository.resolve(request.backup_id))
    manifest.require_own("compared")
    backup = inventory_of(restorable(repository, manifest))
    live = await _read_live(request, backup, listener)
    return compare(backup, live, seconds=time.monotonic() - started)


async def _read_live(request: DiffRequest, backup: Inventory, listener: Listener) -> Inventory:
    """Reads every table of the request's database; fingerprints only where the backup has one to compare with."""
    doing = f"comparing with {request.database.name}"
    try:
        async with AsyncExitStack() as connections:
            return await _Reading(request, backup, listener, connections).run()
    except psycopg.errors.LockNotAvailable as error:
        raise LockTimeoutError(
            f"a table of {request.database.name} is about to be altered: {error.diag.message_primary}",
            remedy="compare when no migration is under way",
        ) from error
    except psycopg.Error as error:
        raise server_error(error, doing=doing) from error


class _Reading:
    def __init__(
        self, request: DiffRequest, backup: Inventory, listener: Listener, connections: AsyncExitStack
    ) -> None:
        self._target: DatabaseTarget = request.database
        self._request = request
        self._backup = backup
        self._listener = listener
        self._connections = connections
        self._found: list[TableInventory] = []

    async def run(self) -> Inventory:
        start_phase(self._listener, "snapshot", "Locking the tables, taking the snapshot", 0.0)
        first = await self._connect()
        server = await server_identity(first)
        snapshot = await take_snapshot(
            first,
            self._target,
            lock_timeout_seconds=self._request.lock_timeout_seconds,
            in_recovery=server.in_recovery,
        )
        at = utc_now()
        self._listener(Logged(message=f"server {server.version}; {len(snapshot.tables):,} tables in the snapshot"))
        await self._read_tables(first, server, snapshot)
        self._listener(Progress(share=1.0))
        side = DiffSide(
            kind="live",
            name=self._target.name,
            database=first.info.dbname,
            server_version=server.version,
            at=at,
        )
        return Inventory(side=side, server=server, tables=tuple(self._found))

    async def _connect(self) -> Connection:
        connection = await open_catalog(self._target, application=APPLICATION)
        return await self._connections.enter_async_context(connection)

    async def _read_tables(self, first: Connection, server: ServerIdentity, snapshot: LockedSnapshot) -> None:
        start_phase(self._listener, "tables", "Counting and fingerprinting the rows", _SNAPSHOT_SHARE)
        sizes = snapshot.sizes
        tables = sorted((each for each in snapshot.tables if each.kind == "r"), key=lambda each: -sizes[each.oid].bytes)
        weights: dict[str, int] = {}
        for table in tables:
            weights[table.qualified_name] = weights.get(table.qualified_name, 0) + sizes[table.oid].bytes + 1
        meter = ProgressMeter(self._listener, weights, first=_SNAPSHOT_SHARE)
        comparable = fingerprints_depend_on(server) == fingerprints_depend_on(self._backup.server)
        wanted = {table.key: table for table in self._backup.tables if comparable and table.fingerprint is not None}
        waiting = iter(tables)

        async def work(connection: Connection) -> None:
            for table in waiting:
                known = wanted.get((table.schema, table.name))
                same_columns = known is not None and set(known.columns) == set(table.columns)
                size = sizes[table.oid].bytes
                found = await _read_table(connection, table, size, fingerprint=same_columns)
                self._found.append(found)
                meter.moved(table.qualified_name, found.rows or 0, size)
                meter.finished_part(table.qualified_name, size + 1)

        count = min(self._request.jobs or default_worker_count(), max(1, len(tables)))
        others = [await self._join(snapshot) for _ in range(count - 1)]
        await together(work(connection) for connection in (first, *others))

    async def _join(self, snapshot: LockedSnapshot) -> Connection:
        connection = await self._connect()
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        await connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot.id))
        await connection.execute(pin_statements(connection.info.server_version, local=True).encode())
        return connection


async def _read_table(connection: Connection, table: SourceTable, size: int, *, fingerprint: bool) -> TableInventory:
    rows, content, reason = None, None, table.unreadable_reason
    if reason is None:
        # Not to wait: behind a queued ALTER this would be a circle of waits that the server cannot see.
        name = sql.Identifier(table.schema, table.name)
        await connection.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE NOWAIT").format(name))
        if fingerprint:
            query = fingerprint_query(table.schema, table.name, table.expression)
        else:
            query = sql.SQL("SELECT pg_catalog.count(*), NULL FROM ONLY {}").format(name)
        row = await (await connection.execute(query)).fetchone()
        rows, content = row or (0, None)
    return TableInventory(
        schema=table.schema,
        name=table.name,
        columns=table.columns,
        rows=rows,
        server_bytes=size,
        fingerprint=content,
        reason=reason,
        loaded_through=table.loaded_through,
    )
