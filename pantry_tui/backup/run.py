"""One run of a backup: snapshot, contents, read back, publish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import psycopg

from pantry_tui.artifact.age import parse_recipient
from pantry_tui.artifact.compression import SUFFIXES
from pantry_tui.artifact.content import SEALED_SUFFIX
from pantry_tui.artifact.environment import Environment
from pantry_tui.artifact.manifest import MANIFEST_VERSION, Manifest, ServerIdentity, SnapshotPosition, StoredFile
from pantry_tui.backup.base import Base
from pantry_tui.backup.contents import HANDLERS, Contents, write_contents
from pantry_tui.backup.finding_base import find_base, require_behind
from pantry_tui.backup.progress import start_phase
from pantry_tui.backup.reading import ReadingSetup
from pantry_tui.backup.snapshotted import Snapshotted
from pantry_tui.errors import ServerError
from pantry_tui.events import Listener, Logged, Progress, Warned
from pantry_tui.models import BackupFormat, BackupKind, BackupRequest, Compression, utc_now
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.environment import read_environment
from pantry_tui.postgres.introspect import (
    extensions,
    large_object_count,
    may_read_passwords,
    server_identity,
    source_database,
)
from pantry_tui.postgres.large_objects import large_objects_fingerprint
from pantry_tui.postgres.patterns import Chosen, choose
from pantry_tui.postgres.planning import leave_unplannable_to_archive
from pantry_tui.postgres.privileges import require_large_objects
from pantry_tui.postgres.remarks import remarks, unresolved_functions
from pantry_tui.postgres.snapshot import LockedSnapshot, open_catalog, take_snapshot
from pantry_tui.postgres.tools import ClientTools, find_client_tools
from pantry_tui.postgres.turns import take_turn
from pantry_tui.postgres.workers import WorkerPool, default_worker_count
from pantry_tui.repository.ids import slug
from pantry_tui.repository.local import LocalRepository, new_backup_id
from pantry_tui.together import together
from pantry_tui.version import __version__

Connection = psycopg.AsyncConnection[Any]

OLDEST_SERVER = 140000  # ranges of pages need the TID range scans of PostgreSQL 14
FLUSH_SECONDS = 60.0
LONG_SNAPSHOT_SECONDS = 3600.0


class BackupRun:
    """One attempt: makes the backup or leaves nothing."""

    def __init__(
        self, request: BackupRequest, repository: LocalRepository, listener: Listener, *, instead_of: str | None = None
    ) -> None:
        """``instead_of``: why this full backup is no incremental one, which was asked for."""
        self._request = request
        self._repository = repository
        self._listener = listener
        self._started_at = utc_now()
        self._started = time.monotonic()
        self._warnings: list[str] = [] if instead_of is None else [f"full instead of incremental: {instead_of}"]
        self._recipients = tuple(
            parse_recipient(text, key=f"recipient {number}") for number, text in enumerate(request.recipients, start=1)
        )

    async def run(self) -> Manifest:
        """Takes the backup. Raises what `take_backup` does."""
        start_phase(self._listener, "snapshot", "Locking the tables, taking the snapshot", 0.0)
        jobs = self._request.jobs or default_worker_count()
        async with WorkerPool.launch(jobs, HANDLERS) as pool, AsyncExitStack() as connections:
            connection, observer = [
                await connections.enter_async_context(await open_catalog(self._request.database, application=name))
                for name in ("backup", "backup observer")
            ]
            try:
                return await self._back_up(connection, observer, pool)
            except psycopg.Error as error:
                raise server_error(error, doing=f"backing up {self._request.database.name}") from error

    async def _back_up(self, connection: Connection, observer: Connection, pool: WorkerPool) -> Manifest:
        server, tools = await self._meet(connection)
        await take_turn(connection, self._request.database, seconds=self._request.lock_timeout_seconds)
        base = await self._find_base(connection, server)
        snapshot = await self._take_snapshot(connection, pool, in_recovery=server.in_recovery)
        if base is not None:
            require_behind(base, snapshot.position)
        staged = self._repository.begin(new_backup_id(self._request.name, self._started_at))
        try:
            backup = Snapshotted(
                request=self._request,
                listener=self._listener,
                connection=connection,
                observer=observer,
                warn=self._warn,
                pool=pool,
                tools=tools,
                snapshot=snapshot,
                staged=staged,
                artifact_name=self._artifact_name(),
                role_passwords=await may_read_passwords(connection),
                chosen=await self._choose(connection),
                recipients=self._recipients,
                base=base,
            )
            manifest = await self._write(backup, server)
            self._repository.publish(staged, manifest)
        except BaseException:
            self._repository.discard(staged)
            raise
        self._listener(Progress(share=1.0, rows=manifest.rows, raw_bytes=manifest.raw_bytes))
        return manifest

    async def _find_base(self, connection: Connection, server: ServerIdentity) -> Base | None:
        """The base of an incremental backup. Raises what `find_base` does."""
        if self._request.kind is not BackupKind.INCREMENTAL:
            return None
        source = await source_database(connection)
        base = await asyncio.to_thread(find_base, self._repository, self._request, server, source)
        self._listener(Logged(message=f"builds on {base.link.id}"))
        return base

    def _artifact_name(self) -> str | None:
        name = slug(self._request.name)
        if self._request.format is BackupFormat.CSV:
            if self._request.compression is Compression.NONE:
                return None
            name += ".zip"
        else:
            name += f".{self._request.format}{SUFFIXES[self._request.compression]}"
        return name + (SEALED_SUFFIX if self._recipients else "")

    async def _take_snapshot(self, connection: Connection, pool: WorkerPool, *, in_recovery: bool) -> LockedSnapshot:
        """Takes the snapshot; the workers connect meanwhile."""
        setup = ReadingSetup(target=self._request.database).to_json()
        connecting = asyncio.create_task(pool.open(HANDLERS, [setup] * pool.count))
        taking = asyncio.create_task(
            take_snapshot(
                connection,
                self._request.database,
                lock_timeout_seconds=self._request.lock_timeout_seconds,
                in_recovery=in_recovery,
            )
        )
        await together([connecting, taking])
        return await leave_unplannable_to_archive(connection, taking.result())

    async def _choose(self, connection: Connection) -> Chosen | None:
        """What the patterns mean in this snapshot; None: no pattern was given."""
        selection = self._request.selection
        if selection.is_everything:
            return None
        chosen, warnings = await choose(connection, selection, database=connection.info.dbname)
        for warning in warnings:
            self._warn(warning)
        return chosen

    async def _meet(self, connection: Connection) -> tuple[ServerIdentity, ClientTools]:
        """Looks who the server is and which client tools fit it."""
        server = await server_identity(connection)
        if server.version_num < OLDEST_SERVER:
            raise ServerError(
                f"PostgreSQL {server.version} is older than this program can back up",
                remedy="upgrade the server: PostgreSQL 14 and newer are supported",
            )
        tools = await find_client_tools(server.version_num, directory=self._request.database.client_tools)
        for warning in tools.warnings:
            self._warn(warning)
        self._listener(Logged(message=f"server {server.version}; client tools {tools.version} in {tools.directory}"))
        return server, tools

    async def _write(self, backup: Snapshotted, server: ServerIdentity) -> Manifest:
        if not backup.role_passwords:
            self._warn("roles are stored without their passwords: this role may not read pg_authid")
        for remark in (*await remarks(backup.connection), *await unresolved_functions(backup.observer)):
            self._warn(remark)
        if _holds_large_objects(backup):
            await require_large_objects(backup.connection)
        for table in backup.snapshot.tables:
            if table.unreadable_reason and backup.holds(table):
                self._warn(f"{table.qualified_name} is stored without rows ({table.unreadable_reason})")
        chosen = [table for table in backup.snapshot.tables if backup.chosen is None or backup.chosen.holds(table.oid)]
        if backup.snapshot.tables and not chosen:
            self._warn("the selection leaves no table: the backup holds no rows")
        start_phase(self._listener, "reading", f"Reading {len(chosen):,} table{'' if len(chosen) == 1 else 's'}", 0.03)
        source = await source_database(backup.connection)
        installed = await extensions(backup.connection)
        environment = await self._surroundings(backup.connection)
        large_objects = await large_object_count(backup.connection) if _holds_large_objects(backup) else 0
        content = await large_objects_fingerprint(backup.connection) if large_objects and backup.fingerprints else None
        contents = await write_contents(backup)
        await backup.connection.execute("COMMIT")
        self._warn_of_long_snapshot()
        await _require_same_role(backup.observer, server)
        await self._wait_for_log(backup.connection, backup.snapshot.position, in_recovery=server.in_recovery)
        return Manifest(
            manifest_version=MANIFEST_VERSION,
            id=backup.staged.id,
            name=self._request.name,
            kind=self._request.kind,
            format=self._request.format,
            compression=self._request.compression,
            program_version=__version__,
            started_by=self._request.started_by,
            schedule=self._request.schedule,
            started_at=self._started_at,
            finished_at=utc_now(),
            duration_seconds=round(time.monotonic() - self._started, 3),
            database=self._request.database.name,
            source=source,
            server=server,
            snapshot=backup.snapshot.position,
            tools={"client tools": backup.tools.version, "pantry-tui": __version__},
            files=contents.files,
            tables=contents.tables,
            segments=contents.segments,
            sequences=contents.sequences if self._request.kind is not BackupKind.SCHEMA else (),
            large_objects=large_objects,
            large_objects_fingerprint=content,
            extensions=installed,
            environment=environment,
            fingerprints=backup.fingerprints,
            selection=self._request.selection,
            entries=contents.subset.entries if contents.subset is not None else None,
            left_out=contents.subset.left_out if contents.subset is not None else (),
            recipients=tuple(recipient.text for recipient in self._recipients),
            bytes=_stored_bytes(contents.files),
            raw_bytes=_raw_bytes(contents),
            rows=sum(table.rows for table in contents.tables),
            warnings=tuple(self._warnings),
            base=backup.base.link if backup.base is not None else None,
            kept=contents.kept,
        )

    async def _surroundings(self, connection: Connection) -> Environment | None:
        """What surrounds the database. No backup fails for want of it: nothing of it is needed to read the backup."""
        try:
            async with connection.transaction():  # a savepoint: the snapshot outlives an error
                around = await read_environment(connection)
        except (psycopg.Error, UnicodeDecodeError) as error:  # names of roles come in any database's encoding
            self._warn(f"what surrounds the database is not recorded, so a restore cannot compare it: {error}")
            return None
        return around.without_values() if self._recipients else around

    async def _wait_for_log(self, connection: Connection, position: SnapshotPosition, *, in_recovery: bool) -> None:
        """Waits until the server's log is flushed past the snapshot.

        With asynchronous commit a crash could otherwise hand out again the transaction ids that this backup has seen. On a
        quiet server the log writer sleeps for seconds; a transaction that takes an id and ends wakes it.
        """
        if in_recovery:
            return
        deadline = time.monotonic() + FLUSH_SECONDS
        query = "SELECT pg_catalog.pg_current_wal_flush_lsn() >= %s::pg_catalog.pg_lsn"
        while True:
            row = await (await connection.execute(query, (position.insert_lsn,))).fetchone()
            if row is not None and row[0]:
                return
            await connection.execute("SELECT pg_catalog.pg_current_xact_id()")
            if time.monotonic() > deadline:
                raise ServerError(
                    f"the server has not flushed its log to {position.insert_lsn} within {FLUSH_SECONDS:.0f} s",
                    remedy="look at the server's disk and log, then take the backup again",
                )
            await asyncio.sleep(0.05)

    def _warn_of_long_snapshot(self) -> None:
        held = time.monotonic() - self._started
        if held >= LONG_SNAPSHOT_SECONDS:
            self._warn(
                f"the snapshot was held for {held / 60:.0f} minutes, in which vacuum could not remove dead rows: more jobs, or"
                " backups of a standby, keep that shorter"
            )

    def _warn(self, message: str) -> None:
        self._warnings.append(message)
        self._listener(Warned(message=message))


def _holds_large_objects(backup: Snapshotted) -> bool:
    """Whether they belong to the backup: not to a schema, and not to tables that were named."""
    named = backup.chosen is not None and backup.chosen.tables is not None
    return not named and backup.request.kind is not BackupKind.SCHEMA


async def _require_same_role(observer: Connection, server: ServerIdentity) -> None:
    """A standby that was promoted in the middle has begun a history of its own."""
    row = await (await observer.execute("SELECT pg_catalog.pg_is_in_recovery()")).fetchone()
    if row is not None and row[0] != server.in_recovery:
        raise ServerError(
            "the standby was promoted to a primary during the backup",
            remedy="take the backup again from the new primary",
        )


def _stored_bytes(files: Sequence[StoredFile]) -> int:
    return sum(file.bytes for file in files)


def _raw_bytes(contents: Contents) -> int:
    return sum(segment.raw_length for segment in contents.segments)
