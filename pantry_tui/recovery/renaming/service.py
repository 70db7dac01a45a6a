"""Restoring with schemas under other names, from the working database to the last name that is given."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

import msgspec
import psycopg
from psycopg import sql

from pantry_tui.artifact.age import identities_of
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.config.restoring import check_target, check_target_name
from pantry_tui.config.targets import target_with_database
from pantry_tui.errors import PantryError, PrivilegeError, VerificationError
from pantry_tui.events import Committed, Event, Listener, Progress
from pantry_tui.models import BackupKind, DatabaseTarget, RestoredTable, RestoreRequest, RestoreResult, utc_now
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.postgres.tools import find_client_tools
from pantry_tui.postgres.unverified import WORKING_SCHEMA, drop_statement, unverified_prefix
from pantry_tui.postgres.workers import default_worker_count
from pantry_tui.recovery.analyzing import Analyzed, analyze_or_warn
from pantry_tui.recovery.committing import to_the_end
from pantry_tui.recovery.database import drop_database, maintenance_session, writable_session
from pantry_tui.recovery.ids import new_recovery_id
from pantry_tui.recovery.plan import reach
from pantry_tui.recovery.preflight import open_archive
from pantry_tui.recovery.progress import RestoreProgress
from pantry_tui.recovery.renaming.carrying import carry_schemas
from pantry_tui.recovery.renaming.comparing import Content, Name, contents, differences
from pantry_tui.recovery.renaming.crossing import drop_outward_keys, require_families_together
from pantry_tui.recovery.renaming.inside import rename_schemas, textual_mentions
from pantry_tui.recovery.renaming.names import require_names, require_of_backup
from pantry_tui.recovery.renaming.placing import (
    Grant,
    drop_schema_statement,
    give_names,
    leave_to_us,
    privileges,
    remove,
    require_place,
)
from pantry_tui.repository.repository import Repository

Restore = Callable[[RestoreRequest, Listener], Awaitable[RestoreResult]]

BESIDE = "beside"
_WORKING_SHARE = 0.7  # of the progress: filling the working database, if its tables are then carried on
_MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER"


async def restore_renamed(
    request: RestoreRequest, repository: Repository, manifest: Manifest, listener: Listener, restore: Restore
) -> RestoreResult:
    """Restores with ``rename_schemas``: into a new database, or beside what a database has that is there.

    ``restore`` is the restore of a backup into a new database. Raises what that raises, `UsageError` and `NotFoundError` for
    the names, `RefusedError` for a schema that is there already or cannot be taken alone, `PrivilegeError`.
    """
    require_names(request)
    check_target(request.target)
    _, toc = await open_archive(repository, manifest, identities_of(request.unlocking))
    require_of_backup(request.rename_schemas, toc, manifest.id, manifest.kind)
    connection, name, exists = await reach(request.target)
    async with connection:
        try:
            check_target_name(name)
            is_own = await require_place(connection, [new for _, new in request.rename_schemas]) if exists else True
            await require_createdb(connection, name)
        except psycopg.Error as error:
            raise server_error(error, doing="looking at the target database") from error
    working = target_with_database(request.target, unverified_prefix(name) + secrets.token_hex(2))
    return await _Renaming(request, manifest, listener, name, working).run(restore, beside=exists, is_own=is_own)


async def require_createdb(connection: Connection, name: str) -> None:
    """Raises `PrivilegeError` for a role that can make no working database, `psycopg.Error`."""
    row = await (await connection.execute(_MAY_CREATE)).fetchone()
    if row is None or not row[0]:
        role = connection.info.user
        raise PrivilegeError(
            f"role {role} may not create the working database in which schemas for {name} get their names",
            remedy=f'ALTER ROLE "{role}" CREATEDB; or restore under the old names into another server',
        )


class _Renaming:
    def __init__(
        self, request: RestoreRequest, manifest: Manifest, listener: Listener, name: str, working: DatabaseTarget
    ) -> None:
        self._request = request
        self._manifest = manifest
        self._listener = listener
        self._name = name
        self._working = working
        self._working_name = working.name
        self._progress = RestoreProgress(listener)
        self._started_at = utc_now()
        self._started = time.monotonic()
        self._recovery_id = request.recovery_id or new_recovery_id(self._started_at)
        stem = f"{WORKING_SCHEMA}{self._recovery_id}"[:55]  # a name that every encoding has
        self._names = {f"{stem}-{number}": new for number, (_, new) in enumerate(request.rename_schemas)}
        self._left_out: list[str] = []

    async def run(self, restore: Restore, *, beside: bool, is_own: bool) -> RestoreResult:
        share = _WORKING_SHARE if beside else 1.0
        try:
            filled = await restore(self._filling(beside=beside), _Scaled(self._listener, share))
            analyzed = Analyzed(filled.analyzed_tables, [])
            if beside:
                analyzed = await self._place_beside(filled, is_own=is_own)
            else:
                await self._rename_here()
            return self._result(filled, analyzed, beside=beside)
        except psycopg.Error as error:
            raise server_error(error, doing="renaming schemas") from error
        finally:
            await asyncio.shield(self._drop_working())

    def _filling(self, *, beside: bool) -> RestoreRequest:
        """The restore of the backup as it is, into the working database."""
        return msgspec.structs.replace(
            self._request,
            target=self._working,
            rename_schemas=(),
            dry_run=False,
            checkpoint=False,
            swap=False,
            proof=False,
            analyze=self._request.analyze and not beside,
            recovery_id=self._recovery_id,
        )

    async def _rename_here(self) -> None:
        """In a new database: it gets its name when its schemas have theirs."""
        async with await writable_session(self._working) as connection:
            await rename_schemas(connection, self._request.rename_schemas)
            for warning in await textual_mentions(connection, self._request.rename_schemas):
                self._progress.warn(warning)
        if self._request.dry_run:
            return
        async with await maintenance_session(self._request.target) as connection:
            await connection.execute("SET synchronous_commit = on")
            ended = await to_the_end(connection.execute(_rename_database(self._working_name, self._name)))
        self._progress.committed(None, too_late=ended.too_late)

    async def _place_beside(self, filled: RestoreResult, *, is_own: bool) -> Analyzed:
        working = list(self._names)
        async with await writable_session(self._working) as connection:
            renames = [(old, new) for (old, _), new in zip(self._request.rename_schemas, working, strict=True)]
            await require_families_together(connection, [old for old, _ in renames])
            await rename_schemas(connection, renames)
            self._left_out += await drop_outward_keys(connection, working, self._names)
            for warning in await textual_mentions(connection, self._request.rename_schemas, within=working):
                self._progress.warn(self._shown(warning))
            for schema in () if is_own else working:
                await leave_to_us(connection, schema)
            grants = {schema: await privileges(connection, schema) for schema in working}
            wanted = await contents(connection, working) if self._request.verify else {}
            tools = await find_client_tools(connection.info.server_version, directory=self._request.target.client_tools)
        try:
            for line in await carry_schemas(tools, self._working, self._request.target, working):
                self._progress.warn(self._shown(line))
            return await self._settle(wanted, grants, filled)
        except PantryError as error:
            error.message = self._shown(error.message)
            left = await asyncio.shield(self._take_back())
            error.remedy = f"{error.remedy.rstrip('.')}; {left}" if error.remedy else left
            raise
        except BaseException:
            await asyncio.shield(self._take_back())
            raise

    async def _settle(
        self, wanted: dict[Name, Content], grants: dict[str, list[Grant]], filled: RestoreResult
    ) -> Analyzed:
        """Compares what came, analyzes it, and gives the schemas their names; of a dry run nothing stays."""
        self._progress.phase("verify")
        analyzed = Analyzed(0, [])
        async with await writable_session(self._request.target) as connection:
            if self._request.verify:
                self._require_equal(differences(wanted, await contents(connection, list(self._names))))
            if self._request.analyze and self._manifest.kind is not BackupKind.SCHEMA:
                schemas = {old: new for (old, _), new in zip(self._request.rename_schemas, self._names, strict=True)}
                only = [(schemas[each.schema], each.name) for each in filled.tables if each.schema in schemas]
                jobs = self._request.jobs or default_worker_count()
                analyzed = await analyze_or_warn(self._request.target, jobs, self._progress.warn, only)
            self._progress.phase("finish", existing=True)
            if self._request.dry_run:
                await remove(connection, list(self._names))
            else:
                ended = await to_the_end(give_names(connection, self._names, grants))
                self._progress.committed(None, too_late=ended.too_late)
        return analyzed

    def _require_equal(self, found: list[str]) -> None:
        if found:
            shown = [self._shown(each) for each in found]
            raise VerificationError(
                f"what arrived differs from backup {self._manifest.id}: {'; '.join(shown[:5])}",
                remedy="nothing of it is kept; a trigger of the database may have changed it",
                detail="\n".join(shown),
            )

    def _shown(self, text: str) -> str:
        """A message with the names that the schemas are to have."""
        for working, name in self._names.items():
            text = text.replace(f'"{working}"', name).replace(working, name)
        return text

    async def _take_back(self) -> str:
        """Removes what has arrived; says what is left."""
        try:
            async with await writable_session(self._request.target) as connection:
                await remove(connection, list(self._names))
        except (PantryError, psycopg.Error):
            return f"what arrived could not be removed: {'; '.join(map(drop_schema_statement, self._names))}"
        return "nothing of it is kept"

    async def _drop_working(self) -> None:
        """Drops the working database, where it has not become the one that was asked for."""
        try:
            async with await maintenance_session(self._request.target) as connection:
                await drop_database(connection, self._working_name)
        except (PantryError, psycopg.Error) as error:
            self._progress.warn(
                f"the working database could not be dropped ({error}): {drop_statement(self._working_name)}"
            )

    def _result(self, filled: RestoreResult, analyzed: Analyzed, *, beside: bool) -> RestoreResult:
        renamed = dict(self._request.rename_schemas)
        tables = [each for each in filled.tables if each.schema in renamed or not beside]
        self._progress.finished()
        return msgspec.structs.replace(
            filled,
            dry_run=self._request.dry_run,
            target=self._name,
            created_database=not beside,
            tables=tuple(_under_new_name(each, renamed) for each in tables),
            left_out=(*filled.left_out, *self._left_out),
            warnings=(*filled.warnings, *self._progress.warnings),
            started_at=self._started_at,
            finished_at=utc_now(),
            duration_seconds=time.monotonic() - self._started - filled.verification_seconds - filled.analyze_seconds,
            analyzed_tables=analyzed.tables,
            way=BESIDE if beside else filled.way,
        )


class _Scaled:
    """Passes events on; progress is that of a part of the whole, and a working database is nothing that anybody wanted."""

    def __init__(self, listener: Listener, share: float) -> None:
        self._listener = listener
        self._share = share

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            event = msgspec.structs.replace(event, share=event.share * self._share, seconds_left=None)
        if not isinstance(event, Committed):
            self._listener(event)


def _under_new_name(table: RestoredTable, renamed: dict[str, str]) -> RestoredTable:
    return msgspec.structs.replace(table, schema=renamed.get(table.schema, table.schema))


def _rename_database(working: str, name: str) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(working), sql.Identifier(name))
