"""Restoring rows into tables where they are: replace, merge or append, in one transaction, with a way back.

The rows are brought beside their tables first, which locks nothing. Then everything happens in one transaction, under locks
that keep readers out too, because foreign keys are put aside in it; until it commits nothing of it can be seen, and a
failure at any point leaves the tables as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import psycopg
from psycopg import sql

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.reader import RowsReader
from pantry_tui.artifact.toc import TocEntry
from pantry_tui.errors import DatabaseChangedError, RestoreError, VerificationError
from pantry_tui.models import AssertionOutcome, RestoredTable, RestoreRequest, Strategy, utc_now
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.fingerprint import fingerprint_query
from pantry_tui.postgres.introspect import list_tables
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.asserting import ask, failures, require_all
from pantry_tui.recovery.committing import commit
from pantry_tui.recovery.database import BEGIN_WRITING, as_restore_error, own_session, quoted_names, writable_session
from pantry_tui.recovery.in_place.batches import run_by_batches
from pantry_tui.recovery.in_place.checkpoint import Checkpoint, Keeping, KeptTable, TableState
from pantry_tui.recovery.in_place.exchange import Exchange, effects
from pantry_tui.recovery.in_place.missing import Made, MissingTables, missing_tables
from pantry_tui.recovery.in_place.sequences import move_ahead
from pantry_tui.recovery.in_place.staging import Staging
from pantry_tui.recovery.in_place.standing import StandingTable, require_owner, standing_tables
from pantry_tui.recovery.preflight import Segments, raw_bytes
from pantry_tui.recovery.progress import RestoreProgress
from pantry_tui.recovery.set_aside import SetAside

_VIOLATIONS = (
    psycopg.errors.IntegrityError,  # unique, check, not null, exclusion
    psycopg.errors.WithCheckOptionViolation,
)


NOTHING_KEPT = "nothing was kept: the tables are as they were"


class Exchanged(NamedTuple):
    """What a recovery in place did, or would do. ``violations``: what keeps it from being done, in words."""

    tables: tuple[RestoredTable, ...]
    constraints: int  # foreign keys that were checked again
    sequences: int
    violations: tuple[str, ...]
    checkpoint: str | None  # the schema that it is in
    assertions: tuple[AssertionOutcome, ...] = ()


class InPlace:
    """One recovery in place."""

    def __init__(
        self,
        request: RestoreRequest,
        recovery_id: str,
        manifest: Manifest,
        toc: Sequence[TocEntry],
        reader: RowsReader,
        segments: Segments,
        progress: RestoreProgress,
    ) -> None:
        self._request = request
        self._recovery_id = recovery_id
        self._manifest = manifest
        self._toc = toc
        self._reader = reader
        self._segments = segments
        self._progress = progress
        self._keeping = Keeping(recovery_id, temporary=request.dry_run or not request.checkpoint)

    async def run(self, tables: Sequence[int]) -> Exchanged:
        """Exchanges the rows of the manifest's tables of these numbers; a dry run takes all of it back.

        Raises `RestoreError` for tables that cannot take the rows, and with every violation for rows that break a
        constraint; `VerificationError`, `PrivilegeError`, `LockTimeoutError`, `DatabaseChangedError`, `ServerError`.
        """
        connection = await own_session(self._request.target)
        async with connection:
            try:
                missing = await missing_tables(connection, self._manifest, self._toc, tables)
                there = [index for index in tables if index not in missing.indexes]
                standing = await standing_tables(connection, self._manifest, there, self._request.strategy)
                staging = Staging(connection, self._manifest, self._segments, self._reader, self._progress)
                compared = await self._stage(staging, standing, tables)
                await connection.execute(BEGIN_WRITING)
                made = await self._make(connection, missing, staging)
                self._progress.phase("exchange")
                exchanged = await self._exchange(connection, standing, compared, missing, made)
                if exchanged.violations and not self._request.dry_run:
                    raise _refused_by_constraints(exchanged.violations)
                await self._end(connection)
            except psycopg.Error as error:
                raise as_restore_error(server_error(error, doing="exchanging the rows"), remedy=NOTHING_KEPT) from error
        return exchanged

    async def _end(self, connection: Connection) -> None:
        if self._request.dry_run:
            await connection.execute("ROLLBACK")
            return
        too_late = await commit(connection, partial(writable_session, self._request.target))
        self._progress.committed(None if self._keeping.temporary else self._recovery_id, too_late=too_late)

    async def _stage(
        self, staging: Staging, standing: Sequence[StandingTable], tables: Sequence[int]
    ) -> dict[int, str]:
        self._progress.phase("stage")
        expected = {index: raw_bytes(self._manifest, self._segments.by_table.get(index, ())) for index in tables}
        self._progress.expect(expected, building=0)
        return {table.index: await staging.load(table) for table in standing}

    async def _make(
        self, connection: Connection, missing: MissingTables, staging: Staging
    ) -> list[tuple[StandingTable, RestoredTable]]:
        """Makes the missing tables again and fills them; what belongs to them is made later."""
        await missing.make(connection, self._progress.warn)
        made = await standing_tables(connection, self._manifest, missing.indexes, Strategy.REPLACE)
        results = []
        for table in made:
            compared = await staging.load_itself(table)
            rows = self._manifest.tables[table.index].rows
            result = RestoredTable(schema=table.schema, name=table.name, inserted=rows, verified=compared, created=True)
            results.append((table, result))
        return results

    async def _exchange(
        self,
        connection: Connection,
        tables: Sequence[StandingTable],
        compared: dict[int, str],
        missing: MissingTables,
        made: Sequence[tuple[StandingTable, RestoredTable]],
    ) -> Exchanged:
        aside = await lock(connection, tables, seconds=self._request.lock_timeout_seconds)
        again = await standing_tables(
            connection, self._manifest, [table.index for table in tables], self._request.strategy
        )
        if list(again) != list(tables):
            raise DatabaseChangedError(
                "tables were altered while the backup's rows were brought beside them; nothing was touched",
                remedy="try again when nobody alters tables",
            )
        await self._keeping.open(connection)
        before = {table.index: await table_state(connection, table) for table in tables}
        broken = await aside.broken(connection)
        await aside.put_aside(connection)
        violations: list[str] = []
        results = []
        for number, table in enumerate(tables):
            results.append(await self._exchange_one(connection, table, compared[table.index], violations))
            self._progress.part(number / len(tables))
        await aside.wake(connection)
        violations += await missing.attach(connection, self._progress.warn)
        violations += await aside.put_back(connection)
        violations += await missing.complete(connection, self._progress.warn)
        if not violations:
            await self._prove(connection, tables)
            shapes = {table.oid: table.shape for table in await list_tables(connection)}
            kept = [await self._kept(connection, table, before[table.index], shapes) for table in tables]
            kept += [await self._kept(connection, table, None, shapes) for table, _ in made]
            await self._record(connection, kept, missing.made, broken)
        assertions = await self._assert(connection) if not violations else ()
        violations += failures(assertions)
        sequences = 0
        both = [*tables, *(table for table, _ in made)]
        if not violations and not self._request.dry_run:
            stored = {(state.schema, state.name): state for state in self._manifest.sequences}
            sequences = await move_ahead(connection, [table.oid for table in both], stored)
        results += [result for _, result in made]
        schema = None if self._keeping.temporary else self._keeping.schema
        return Exchanged(tuple(results), len(aside.keys), sequences, tuple(violations), schema, assertions)

    async def _assert(self, connection: Connection) -> tuple[AssertionOutcome, ...]:
        """What the owner's assertions say of the tables, before anything is committed; a dry run tells what fails."""
        if not (self._request.verify and self._request.assertions):
            return ()
        self._progress.phase("assert")
        outcomes = await ask(connection, self._request)
        if not self._request.dry_run:
            require_all(outcomes, remedy=NOTHING_KEPT)
        return outcomes

    async def _exchange_one(
        self, connection: Connection, table: StandingTable, compared: str, violations: list[str]
    ) -> RestoredTable:
        exchange = Exchange(table, self._keeping.places(table))
        for statement in exchange.keep(temporary=self._keeping.temporary):
            await connection.execute(statement)
        try:
            async with connection.transaction():
                await self._change(connection, exchange)
        except _VIOLATIONS as error:
            said = f"{error.diag.message_primary or 'a constraint is broken'}"
            violations.append(f"{table.qualified_name}: {said} {error.diag.message_detail or ''}".rstrip())
        done = await effects(connection, exchange)
        staged = self._manifest.tables[table.index].rows
        return RestoredTable(
            schema=table.schema,
            name=table.name,
            unchanged=staged - done.inserted - done.updated,
            **done._asdict(),
            verified=compared,
        )

    async def _change(self, connection: Connection, exchange: Exchange) -> None:
        strategy, size = self._request.strategy, self._request.batch_size
        if size is not None:
            removing = exchange.remove_by_batches(strategy)
            if removing is not None:
                await run_by_batches(connection, removing, size)
            for batched in exchange.put_in_by_batches():
                await run_by_batches(connection, batched, size)
            return
        for statement in (exchange.remove(strategy), *exchange.put_in()):
            if statement is not None:
                await connection.execute(statement)

    async def _prove(self, connection: Connection, tables: Sequence[StandingTable]) -> None:
        """Every row of the backup is there as the strategy wants it, and for `replace` no other."""
        self._progress.phase("verify")
        for table in tables:
            exchange = Exchange(table, self._keeping.places(table))
            row = await (await connection.execute(exchange.missing(self._request.strategy))).fetchone()
            missing, staged, there = row or (1, 0, 0)
            if missing or (self._request.strategy is Strategy.REPLACE and there != staged):
                raise VerificationError(
                    f"{table.qualified_name} has {there:,} rows after the exchange, and {missing:,} of the "
                    f"{staged:,} rows of backup {self._manifest.id} are not among them",
                    remedy="nothing was kept; look for what changes rows while they are written, then try again",
                )

    async def _kept(
        self, connection: Connection, table: StandingTable, before: TableState | None, shapes: Mapping[int, str]
    ) -> KeptTable:
        return KeptTable(
            number=table.index,
            schema=table.schema,
            name=table.name,
            columns=(*table.columns, *table.added),
            key=table.key,
            shape=shapes[table.oid],  # constraints may have come since it was made
            before=before,
            after=await table_state(connection, table),
        )

    async def _record(
        self, connection: Connection, kept: Sequence[KeptTable], made: Sequence[Made], broken: dict[str, int]
    ) -> None:
        checkpoint = Checkpoint(
            recovery_id=self._recovery_id,
            backup_id=self._manifest.id,
            strategy=self._request.strategy,
            taken_at=utc_now(),
            tables=tuple(kept),
            made=tuple(made),
            broken=broken,
        )
        await self._keeping.record(connection, checkpoint)


async def lock(connection: Connection, tables: Sequence[StandingTable], *, seconds: float) -> SetAside:
    """Locks the tables and those that foreign keys tie to them, against readers too; returns what is to be put aside.

    Raises `PrivilegeError` where this role does not own one of them, `psycopg.Error` (55P03: the lock was not free).
    """
    oids = [table.oid for table in tables]
    aside = await SetAside.find(connection, oids)
    await require_owner(connection, aside.touched.union(oids))
    await connection.execute(f"SET LOCAL lock_timeout = {int(seconds * 1000)}".encode())
    names = {(table.schema, table.name) for table in tables}
    query = (
        "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY (%s::pg_catalog.oid[])"
    )
    found = await connection.execute(query, (list(aside.touched),))
    names |= {(schema, name) for schema, name in await found.fetchall()}
    if names:  # in one order: two recoveries then wait for each other, and do not stop each other
        only = sql.SQL(", ").join(sql.SQL("ONLY {}").format(sql.Identifier(*name)) for name in sorted(names))
        await connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(only))
    return await SetAside.find(connection, oids)


async def table_state(connection: Connection, table: StandingTable) -> TableState:
    """The table's content, now."""
    query = fingerprint_query(table.schema, table.name, table.expression)
    row = await (await connection.execute(query)).fetchone()
    rows, content = row or (0, "0")
    return TableState(rows=rows, fingerprint=content)


def _refused_by_constraints(violations: Sequence[str]) -> RestoreError:
    return RestoreError(
        f"the rows break {len(violations)} constraints: {quoted_names(violations, 3)}",
        remedy="nothing was kept: the tables are as they were. Take in the tables that refer to these (-t), or merge",
        detail="\n".join(violations),
    )
