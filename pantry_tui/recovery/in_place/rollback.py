"""Undoing a recovery in place: what it removed comes back, what it put in goes. It can be undone in turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import msgspec
import psycopg
from psycopg import sql

from pantry_tui.config.restoring import check_target
from pantry_tui.errors import RefusedError, RestoreError, VerificationError
from pantry_tui.events import Listener, Logged
from pantry_tui.models import ReleaseRequest, ReleaseResult, RestoredTable, RollbackRequest, RollbackResult, utc_now
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.introspect import list_tables
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.committing import commit
from pantry_tui.recovery.database import BEGIN_WRITING, as_restore_error, own_session, quoted_names, writable_session
from pantry_tui.recovery.ids import new_recovery_id
from pantry_tui.recovery.in_place.checkpoint import (
    Checkpoint,
    Keeping,
    KeptTable,
    TableState,
    find_checkpoint,
    lock_checkpoint,
    release,
    write_record,
)
from pantry_tui.recovery.in_place.exchange import Exchange, effects
from pantry_tui.recovery.in_place.missing import Made
from pantry_tui.recovery.in_place.service import NOTHING_KEPT, lock, table_state
from pantry_tui.recovery.in_place.standing import StandingTable
from pantry_tui.recovery.progress import RestoreProgress

# What goes after all else: tables behind the views on them, sequences behind the tables that own most of them.
_LAST = {"TABLE": 1, "FOREIGN TABLE": 1, "SEQUENCE": 2}


class _Undone(NamedTuple):
    """What a rollback did; nothing, where another one had before (``by``)."""

    checkpoint: Checkpoint
    tables: tuple[RestoredTable, ...] = ()
    kept: str | None = None
    by: str | None = None


async def roll_back_rows(request: RollbackRequest, listener: Listener) -> RollbackResult:
    """Puts the tables back to what they were before the recovery, in one transaction.

    Where rows have changed since, this is refused unless it is forced: then the rows that the recovery touched become what
    they were, and all others stay. Raises `NotFoundError` without a checkpoint, `RefusedError`, `RestoreError`,
    `VerificationError`, `PrivilegeError`, `LockTimeoutError`, `ServerError`.
    """
    started_at, started = utc_now(), time.monotonic()
    rollback_id = request.recovery_id or new_recovery_id(started_at)
    progress = RestoreProgress(listener)
    progress.phase("exchange")
    check_target(request.target)
    connection = await own_session(request.target)
    async with connection:
        found = await find_checkpoint(connection, request.undo)
        try:
            await connection.execute(BEGIN_WRITING)
            checkpoint = await lock_checkpoint(connection, found, seconds=request.lock_timeout_seconds)
            undone = _Undone(checkpoint, by=checkpoint.rolled_back_by)
            if undone.by is None:
                undone = await _Rollback(connection, request, rollback_id, checkpoint, progress).run()
                too_late = await commit(connection, partial(writable_session, request.target))
                progress.committed(rollback_id, too_late=too_late)
            else:
                await connection.execute("ROLLBACK")
        except psycopg.Error as error:
            raise as_restore_error(server_error(error, doing="rolling back"), remedy=NOTHING_KEPT) from error
        name = connection.info.dbname
    progress.finished()
    return RollbackResult(
        id=rollback_id,
        undone=checkpoint.recovery_id,
        backup_id=checkpoint.backup_id,
        status="succeeded",
        target=name,
        tables=undone.tables,
        checkpoint=undone.kept,
        already=undone.by,
        warnings=tuple(progress.warnings),
        started_at=started_at,
        finished_at=utc_now(),
        duration_seconds=time.monotonic() - started,
    )


async def release_checkpoint(request: ReleaseRequest, listener: Listener) -> ReleaseResult:
    """Drops what would undo a recovery. Raises `NotFoundError`, `ServerError` and its kin."""
    check_target(request.target)
    connection = await writable_session(request.target)
    async with connection:
        checkpoint = await find_checkpoint(connection, request.undo)
        rows = await release(connection, checkpoint)
        listener(Logged(message=f"dropped schema {checkpoint.schema}"))
        return ReleaseResult(
            released=checkpoint.recovery_id,
            status="succeeded",
            target=connection.info.dbname,
            tables=tuple(table.qualified_name for table in checkpoint.tables),
            rows=rows,
        )


class _Rollback:
    """One rollback, inside its transaction."""

    def __init__(
        self,
        connection: Connection,
        request: RollbackRequest,
        rollback_id: str,
        checkpoint: Checkpoint,
        progress: RestoreProgress,
    ) -> None:
        self._connection = connection
        self._request = request
        self._rollback_id = rollback_id
        self._checkpoint = checkpoint
        self._progress = progress
        self._old = Keeping(checkpoint.recovery_id, temporary=False)
        self._new = Keeping(rollback_id, temporary=False)

    async def run(self) -> _Undone:
        removed = await self._take_away()
        standing = [kept for kept in self._checkpoint.tables if kept.before is not None]
        tables = await self._tables(standing)
        aside = await lock(self._connection, tables, seconds=self._request.lock_timeout_seconds)
        now = [await table_state(self._connection, table) for table in tables]
        changed = _changes(standing, now)
        self._require_unchanged(changed)
        await aside.put_aside(self._connection)
        results = [await self._take_back(table) for table in tables]
        for key, orphans in (broken := self._checkpoint.broken).items():
            self._progress.warn(f"{orphans:,} rows broke {key} before the recovery: it is back, NOT VALID")
        await aside.wake(self._connection)
        if violations := await aside.put_back(self._connection, broken):
            raise RestoreError(
                f"the rows that come back break constraints: {quoted_names(violations, 3)}",
                remedy="nothing was kept: the tables are as they were. Remove the rows that refer to what goes",
                detail="\n".join(violations),
            )
        after = [await table_state(self._connection, table) for table in tables]
        if not changed:
            _require_same(standing, after)
        await self._record(standing, now, after)
        return _Undone(self._checkpoint, (*results, *removed), self._new.schema)

    def _require_unchanged(self, changed: Sequence[str]) -> None:
        """Raises `RefusedError` where rows have changed since the recovery and that is not forced."""
        if changed and not self._request.force:
            raise RefusedError(
                f"rows have changed since recovery {self._checkpoint.recovery_id}: {quoted_names(changed, 5)}",
                remedy="--force puts back the rows that the recovery touched, and leaves all others as they are now",
                detail="\n".join(changed),
            )
        for change in changed:
            self._progress.warn(f"changed since the recovery: {change}")

    async def _take_away(self) -> list[RestoredTable]:
        """Takes the tables away that the recovery made, with what came with them; their rows are kept."""
        await self._new.open(self._connection)
        made = [kept for kept in self._checkpoint.tables if kept.before is None]
        tables = await self._tables(made)
        for table in tables:
            name = sql.Identifier(table.schema, table.name)
            await self._connection.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE").format(name))
        states = [await table_state(self._connection, table) for table in tables]
        self._require_unchanged(_changes(made, states))
        for table in tables:
            place, keep = self._new.places(table), sql.SQL("CREATE TABLE {} AS SELECT * FROM ONLY {}")
            await self._connection.execute(keep.format(place.removed, place.table))
            await self._connection.execute(keep.format(place.put, place.table) + sql.SQL(" WITH NO DATA"))
        things = list(self._checkpoint.made)[::-1]
        things.sort(key=lambda thing: _LAST.get(thing.kind, 0))
        for thing in things:
            await self._connection.execute(_take_away(thing))
        return [
            RestoredTable(schema=kept.schema, name=kept.name, inserted=0, deleted=state.rows)
            for kept, state in zip(made, states, strict=True)
        ]

    async def _tables(self, wanted: Sequence[KeptTable]) -> list[StandingTable]:
        """The tables as they are now. Raises `RestoreError` where one is gone, or has other columns by now."""
        there = {(table.schema, table.name): table for table in await list_tables(self._connection)}
        found = []
        for kept in wanted:
            table = there.get((kept.schema, kept.name))
            if table is None or table.shape != kept.shape:
                state = "is not there any more" if table is None else "was altered since the recovery"
                raise RestoreError(
                    f"{kept.qualified_name} {state}: the recovery cannot be rolled back as a whole",
                    remedy=f"its rows of before are in {self._old.schema}.removed_{kept.number}, those that came in put_"
                    f"{kept.number}: copy from there by hand",
                )
            found.append(
                StandingTable(
                    index=kept.number,
                    oid=table.oid,
                    schema=kept.schema,
                    name=kept.name,
                    columns=kept.columns,
                    added=(),
                    key=kept.key,
                    expression=table.expression,
                    shape=table.shape,
                )
            )
        return found

    async def _take_back(self, table: StandingTable) -> RestoredTable:
        exchange = Exchange(table, self._new.places(table))
        for statement in exchange.keep(temporary=False):
            await self._connection.execute(statement)
        for statement in exchange.take_back(self._old.places(table)):
            await self._connection.execute(statement)
        done = await effects(self._connection, exchange)
        return RestoredTable(schema=table.schema, name=table.name, **done._asdict())

    async def _record(
        self, standing: Sequence[KeptTable], before: Sequence[TableState], after: Sequence[TableState]
    ) -> None:
        tables = [
            msgspec.structs.replace(kept, before=now, after=then)
            for kept, now, then in zip(standing, before, after, strict=True)
        ]
        gone = TableState(rows=0, fingerprint="0")
        tables += [
            msgspec.structs.replace(kept, before=kept.after, after=gone)
            for kept in self._checkpoint.tables
            if kept.before is None
        ]
        own = msgspec.structs.replace(
            self._checkpoint,
            recovery_id=self._rollback_id,
            taken_at=utc_now(),
            tables=tuple(tables),
            made=(),
            broken={},
        )
        await self._new.record(self._connection, own)
        undone = msgspec.structs.replace(self._checkpoint, rolled_back_by=self._rollback_id)
        await write_record(self._connection, undone, sql.SQL("UPDATE {} SET document = {}"))


def _take_away(thing: Made) -> sql.Composed:
    name = sql.Identifier(thing.schema, thing.name)
    if thing.kind == "FK CONSTRAINT":
        table = sql.Identifier(thing.schema, thing.table)
        return sql.SQL("ALTER TABLE IF EXISTS {} DROP CONSTRAINT IF EXISTS {}").format(
            table, sql.Identifier(thing.name)
        )
    kinds = {"TABLE": "TABLE", "VIEW": "VIEW", "MATERIALIZED VIEW": "MATERIALIZED VIEW", "SEQUENCE": "SEQUENCE"}
    kind = kinds.get(thing.kind, "FOREIGN TABLE")
    return sql.SQL("DROP {} IF EXISTS {}").format(sql.SQL(kind), name)


def _changes(tables: Sequence[KeptTable], now: Sequence[TableState]) -> list[str]:
    """In words: which tables are not what the recovery left."""
    return [
        f"{kept.qualified_name} ({kept.after.rows:,} rows then, {state.rows:,} now)"
        for kept, state in zip(tables, now, strict=True)
        if state != kept.after
    ]


def _require_same(tables: Sequence[KeptTable], after: Sequence[TableState]) -> None:
    differing = [kept.qualified_name for kept, state in zip(tables, after, strict=True) if state != kept.before]
    if differing:
        raise VerificationError(
            f"after the rollback {quoted_names(differing)} would not be what it was before the recovery",
            remedy="nothing was kept; look for what changes rows while they are written, then try again",
        )
