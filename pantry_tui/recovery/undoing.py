"""Undoing recoveries, however they were done: exchanged databases here, exchanged rows in `in_place`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

from pantry_tui.config.restoring import check_target
from pantry_tui.config.targets import actual_database, target_with_database
from pantry_tui.errors import DatabaseMissingError, NotFoundError, PantryError, RefusedError
from pantry_tui.events import Listener, Logged
from pantry_tui.models import (
    DatabaseTarget,
    ReleaseRequest,
    ReleaseResult,
    RollbackRequest,
    RollbackResult,
    utc_now,
)
from pantry_tui.postgres.connect import server_error
from pantry_tui.recovery.activity import Activity, Totals, activity_of, totals_of, written_last
from pantry_tui.recovery.committing import to_the_end
from pantry_tui.recovery.database import NO_ENTRY, drop_database, maintenance_session
from pantry_tui.recovery.ids import new_recovery_id
from pantry_tui.recovery.in_place.rollback import release_checkpoint, roll_back_rows
from pantry_tui.recovery.kept import Kept, KeptDatabase, comment_of, kept_name, said_to_be_kept
from pantry_tui.recovery.progress import RestoreProgress
from pantry_tui.recovery.swap import exchange_names


class _Found(NamedTuple):
    """What is kept of a recovery: the database; or the rollback that took it back already."""

    kept: Kept | None = None
    already: KeptDatabase | None = None


async def roll_back(request: RollbackRequest, listener: Listener) -> RollbackResult:
    """Undoes a recovery. Where anything was written since, that is refused unless it is forced.

    Raises `NotFoundError` where nothing is kept of it, `RefusedError`, `RestoreError`, and what `roll_back_rows` does.
    """
    check_target(request.target)
    found = await _find(request.target, request.undo)
    record = found.kept.record if found.kept is not None else found.already
    if record is None:
        return await roll_back_rows(request, listener)
    started_at, started = utc_now(), time.monotonic()
    progress = RestoreProgress(listener)
    progress.phase("finish")
    rollback_id = request.recovery_id or new_recovery_id(started_at)
    kept = None
    if found.kept is not None:
        try:
            kept = await _exchange_back(request, found.kept, rollback_id, progress)
        except psycopg.Error as error:
            raise server_error(error, doing="rolling back") from error
    progress.finished()
    return RollbackResult(
        id=rollback_id,
        undone=request.undo,
        backup_id=record.backup_id,
        status="succeeded",
        target=record.name,
        tables=(),
        checkpoint=kept,
        already=found.already.recovery_id if found.already is not None else None,
        warnings=tuple(progress.warnings),
        started_at=started_at,
        finished_at=utc_now(),
        duration_seconds=time.monotonic() - started,
    )


async def release(request: ReleaseRequest, listener: Listener) -> ReleaseResult:
    """Drops what would undo a recovery. Raises `NotFoundError` where nothing is kept, `ServerError` and its kin."""
    check_target(request.target)
    kept = (await _find(request.target, request.undo)).kept
    if kept is None:
        return await release_checkpoint(request, listener)
    async with await maintenance_session(request.target) as connection:
        try:
            await drop_database(connection, kept.now_called)
        except psycopg.Error as error:
            raise server_error(error, doing=f"dropping database {kept.now_called}") from error
    listener(Logged(message=f"dropped database {kept.now_called}"))
    return ReleaseResult(
        released=request.undo, status="succeeded", target=kept.record.name, tables=(), rows=0, database=kept.now_called
    )


async def _find(target: DatabaseTarget, undo: str) -> _Found:
    try:
        async with await maintenance_session(target) as connection:
            databases = await said_to_be_kept(connection, actual_database(target))
    except NO_ENTRY:  # no other database that this role may enter: then none was exchanged from here either
        return _Found()
    except psycopg.Error as error:
        raise server_error(error, doing="looking for kept databases") from error
    for kept in databases:
        if kept.counts and kept.record.recovery_id == undo:
            return _Found(kept=kept)
        if kept.counts and kept.record.undone == undo:
            return _Found(already=kept.record)
    _refuse_strange(databases, undo)
    return _Found()


def _refuse_strange(databases: Sequence[Kept], undo: str) -> None:
    """Raises `NotFoundError` where a database says that it is kept to undo it, and is of somebody who may lie."""
    for kept in databases:
        if kept.record.recovery_id == undo:
            raise NotFoundError(
                f"nothing is kept of recovery {undo} that could be trusted: database {kept.now_called} says so, and belongs "
                f"to {kept.owner}, who does not own {kept.record.name}",
                remedy="if it is the right one, give it to the owner of the other (ALTER DATABASE … OWNER TO), or connect "
                f"as {kept.owner}",
            )


async def _exchange_back(
    request: RollbackRequest, kept: Kept, rollback_id: str, progress: RestoreProgress
) -> str | None:
    record = kept.record
    try:
        now = await activity_of(target_with_database(request.target, record.name))
    except DatabaseMissingError:
        await _give_back_name(request.target, kept)
        return None
    changes = now.since(record.activity)
    if changes is not None and not request.force:
        raise RefusedError(
            f"database {record.name} was written to since recovery {record.recovery_id}: {changes}",
            remedy="--force puts the earlier database back; what is there now is kept, and can be put back in turn",
        )
    if changes is not None:
        progress.warn(f"written since the recovery, and now in the kept database: {changes}")
    own, totals = await _record(request, record, rollback_id, now)
    name = kept_name(record.name, rollback_id)
    comment = sql.Literal(record.comment)
    too_late = await exchange_names(
        request.target, name=record.name, kept=name, coming=kept.now_called, record=own, comment=comment
    )
    progress.committed(rollback_id, too_late=too_late)
    ended = await to_the_end(_tell_last(request.target, record.name, name, totals, progress))
    if ended.too_late:
        progress.late()
    return name


async def _tell_last(target: DatabaseTarget, name: str, kept: str, totals: Totals, progress: RestoreProgress) -> None:
    """The names are exchanged, and stay so, whatever fails here."""
    try:
        written = await written_last(target, name, kept, totals)
    except (PantryError, psycopg.Error) as error:
        written = (
            f"whether anything was written to {name} in the last moment is not known ({error}); it is kept as {kept}"
        )
    if written is not None:
        progress.warn(written)


async def _record(
    request: RollbackRequest, record: KeptDatabase, rollback_id: str, now: Activity
) -> tuple[KeptDatabase, Totals]:
    async with await maintenance_session(request.target) as connection:
        comment = await comment_of(connection, record.name)
        totals = await totals_of(connection, record.name)
    own = KeptDatabase(
        recovery_id=rollback_id,
        backup_id=record.backup_id,
        name=record.name,
        comment=comment,
        taken_at=utc_now(),
        own_activity=now,
        activity=record.own_activity,
        undone=record.recovery_id,
    )
    return own, totals


async def _give_back_name(target: DatabaseTarget, kept: Kept) -> None:
    """The database that took its place is gone: nothing to exchange, only to open."""
    old, name = sql.Identifier(kept.now_called), sql.Identifier(kept.record.name)
    async with await maintenance_session(target) as connection, connection.transaction():
        await connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, name))
        await connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        comment = sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(kept.record.comment))
        await connection.execute(comment)
