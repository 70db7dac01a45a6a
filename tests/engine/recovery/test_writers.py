"""Others write while a recovery is at work: what they wrote counts as before it or as after it, and none of it is lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from pantry_tui.errors import DatabaseChangedError, RefusedError, RestoreError, TargetNotEmptyError
from pantry_tui.events import Event, ignore
from pantry_tui.models import (
    BackupKind,
    DatabaseTarget,
    RepositoryTarget,
    RestoreResult,
    RollbackRequest,
    RollbackResult,
    Strategy,
)
from pantry_tui.recovery.swap import exchange_names
from pantry_tui.recovery.undoing import roll_back
from tests.engine.backup.taking import take
from tests.engine.backup.test_turns import WAITING, seen
from tests.engine.recovery.portrait import portrait
from tests.engine.recovery.restoring import restore
from tests.engine.recovery.test_failures import at_phase
from tests.engine.recovery.writing import FIRST_OWN, Rows, replayed, writing
from tests.servers import TestServer

STORED: Rows = {number: f"value {number}" for number in range(1, 201)}
DAMAGE = "DELETE FROM t WHERE id <= 50; UPDATE t SET v = 'wrong' WHERE id BETWEEN 51 AND 80"
DAMAGED: Rows = {number: "wrong" if number <= 80 else value for number, value in STORED.items() if number > 50}


@pytest.fixture
async def target(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    """A table that was backed up and then damaged."""
    target = server.create_database()
    server.execute(
        target,
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'value ' || i FROM generate_series(1, 200) i;"
        "CREATE TABLE u (t int REFERENCES t ON DELETE CASCADE)",
    )
    await take(target, repository)
    server.execute(target, DAMAGE)
    return target


def rows_of(server: TestServer, target: DatabaseTarget | str) -> Rows:
    return dict(server.execute(target, "SELECT id, v FROM t"))


def after(strategy: Strategy, before: Rows) -> Rows:
    """What the strategy makes of the rows that it finds."""
    if strategy is Strategy.REPLACE:
        return dict(STORED)
    return before | STORED if strategy is Strategy.MERGE else STORED | before


async def in_a_thread(target: DatabaseTarget, repository: RepositoryTarget, **options: object) -> RestoreResult:
    """A recovery of the table whose waiting stops nobody else in this process."""
    return await asyncio.to_thread(
        lambda: asyncio.run(restore(target, repository, tables=("public.t",), **options))  # type: ignore[arg-type]
    )


async def undo(target: DatabaseTarget, recovery_id: str, *, force: bool = False) -> RollbackResult:
    return await roll_back(RollbackRequest(target=target, undo=recovery_id, force=force), ignore)


@pytest.mark.parametrize(
    "strategy",
    [Strategy.MERGE, *(pytest.param(each, marks=pytest.mark.slow) for each in (Strategy.REPLACE, Strategy.APPEND))],
)
async def test_a_writer_that_never_stops(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget, strategy: Strategy
) -> None:
    """There is one moment before which all was written that the recovery found, and after which all else."""
    with writing(target) as writer:
        done = await in_a_thread(target, repository, strategy=strategy, lock_timeout_seconds=60.0)
        writer.goes_on()
    found, log = rows_of(server, target), writer.log
    moments = [
        moment
        for moment in range(len(log) + 1)
        if (before := replayed(DAMAGED, log[:moment])) is not None
        and replayed(after(strategy, before), log[moment:]) == found
    ]
    assert moments
    assert writer.cut == 0, "nobody's session is ended"

    with pytest.raises(RefusedError, match=r"rows have changed since recovery"):
        await undo(target, done.id)
    await undo(target, done.id, force=True)
    written = {each.id: each.value for each in log if each.what == "insert"}
    assert {number: value for number, value in rows_of(server, target).items() if number >= FIRST_OWN} == written


async def test_a_writer_during_a_dry_run(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    with writing(target) as writer:
        result = await in_a_thread(target, repository, dry_run=True, lock_timeout_seconds=60.0)
        writer.goes_on()
    assert (result.dry_run, result.violations, writer.cut) == (True, (), 0)
    assert rows_of(server, target) == replayed(DAMAGED, writer.log)


@pytest.mark.parametrize(
    "strategy",
    [Strategy.REPLACE, *(pytest.param(each, marks=pytest.mark.slow) for each in (Strategy.MERGE, Strategy.APPEND))],
)
async def test_what_is_written_before_the_lock_is_found_and_kept(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget, strategy: Strategy
) -> None:
    """While rows are brought beside the table, everybody may write to it."""

    def write() -> None:
        server.execute(
            target,
            "INSERT INTO t VALUES (1, 'mine'), (777, 'new'); UPDATE t SET v = 'late' WHERE id = 100;"
            "DELETE FROM t WHERE id = 101",
        )

    result = await restore(
        target, repository, tables=("public.t",), strategy=strategy, on_event=at_phase("exchange", write)
    )
    before = {key: value for key, value in DAMAGED.items() if key != 101} | {1: "mine", 777: "new", 100: "late"}
    assert rows_of(server, target) == after(strategy, before)
    (table,) = result.tables
    effects = {
        Strategy.REPLACE: (50, 32, 1),
        Strategy.MERGE: (50, 32, 0),
        Strategy.APPEND: (50, 0, 0),
    }
    assert (table.inserted, table.updated, table.deleted) == effects[strategy]
    await undo(target, result.id)
    assert rows_of(server, target) == before


async def test_what_a_repeatable_read_would_not_see_is_found_too(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    """A setting of the database is not what decides which rows a recovery finds under its lock."""
    server.execute("postgres", f"ALTER DATABASE {target.name} SET default_transaction_isolation = 'repeatable read'")

    def write() -> None:
        server.execute(target, "INSERT INTO t VALUES (777, 'new')")

    result = await restore(target, repository, tables=("public.t",), on_event=at_phase("exchange", write))
    assert rows_of(server, target) == STORED
    assert result.tables[0].deleted == 1


async def test_rows_that_arrive_while_empty_tables_are_filled_are_seen(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    server.execute("postgres", f"ALTER DATABASE {target.name} SET default_transaction_isolation = 'repeatable read'")
    await take(target, repository, kind=BackupKind.DATA)
    server.execute(target, "TRUNCATE t CASCADE")
    blocker = server.connect(target, autocommit=False)
    blocker.execute("INSERT INTO t VALUES (777, 'new')")
    filling = asyncio.create_task(restore(target, repository))
    await seen(server.connect(target), WAITING)
    blocker.commit()
    with pytest.raises(TargetNotEmptyError, match=r"public\.t has rows already"):
        await filling
    assert rows_of(server, target) == {777: "new"}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (777, 'new')",
        "UPDATE t SET v = 'late' WHERE id = 100",
        "DELETE FROM t WHERE id = 101",
        "SELECT count(*) FROM t",
        "INSERT INTO u VALUES (100)",
        "TRUNCATE t CASCADE",
        "ALTER TABLE t ADD COLUMN more int",
    ],
)
async def test_nobody_reads_or_writes_while_rows_are_exchanged(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget, statement: str
) -> None:
    met: list[str] = []

    def write() -> None:
        with pytest.raises(psycopg.errors.LockNotAvailable):
            server.execute(target, f"SET lock_timeout = '20ms'; {statement}")
        met.append(statement)

    await restore(target, repository, tables=("public.t",), on_event=at_phase("verify", write))
    assert met == [statement]
    assert rows_of(server, target) == STORED
    server.execute(target, f"SET lock_timeout = '20ms'; {statement}")


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("ALTER TABLE t ADD COLUMN more int", DatabaseChangedError),
        ("ALTER TABLE t DROP CONSTRAINT t_pkey CASCADE", DatabaseChangedError),
        ("ALTER TABLE t DROP COLUMN v", RestoreError),
        ("DROP TABLE t CASCADE", RestoreError),
    ],
)
async def test_a_table_that_is_altered_meanwhile(
    server: TestServer,
    target: DatabaseTarget,
    repository: RepositoryTarget,
    statement: str,
    error: type[Exception],
) -> None:
    altered: list[object] = []

    def alter() -> None:
        server.execute(target, statement)
        altered.append(portrait(server, target))

    with pytest.raises(error):
        await restore(target, repository, tables=("public.t",), on_event=at_phase("exchange", alter))
    assert [portrait(server, target)] == altered


class TestSideBySide:
    async def test_what_is_written_last_of_all_is_told_and_never_dropped(
        self, server: TestServer, target: DatabaseTarget, repository: RepositoryTarget, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Behind the last look at the counters, and before the names are exchanged."""

        async def writing_first(*args: object, **names: Any) -> bool:
            server.execute(target, "INSERT INTO t VALUES (777, 'new')")
            return await exchange_names(*args, **names)  # type: ignore[arg-type]

        monkeypatch.setattr("pantry_tui.recovery.exchanging.exchange_names", writing_first)
        result = await restore(target, repository, swap=True, checkpoint=False)
        kept = server.drop_after_test(str(result.checkpoint))
        (warning,) = [each for each in result.warnings if "in the last moment" in each]
        found = re.search(r": (\d+) rows inserted, ", warning)  # autovacuum may have written some of its own
        assert found is not None
        assert int(found[1]) >= 1
        assert f"it is kept as {kept.name}" in warning
        await undo(target, result.id)
        assert rows_of(server, target) == DAMAGED | {777: "new"}

    @pytest.mark.parametrize(
        ("statement", "told"),
        [
            ("SELECT lo_from_bytea(0, 'x')", "large objects written"),
            pytest.param("SELECT nextval('numbers')", "sequences moved", marks=pytest.mark.slow),
            ("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'", "definitions changed"),
            pytest.param("CREATE POLICY p ON t USING (true)", "definitions changed", marks=pytest.mark.slow),
            pytest.param("CREATE TEMPORARY TABLE mine (i int)", None, marks=pytest.mark.slow),
        ],
    )
    async def test_a_rollback_sees_more_than_rows(
        self, server: TestServer, target: DatabaseTarget, repository: RepositoryTarget, statement: str, told: str | None
    ) -> None:
        server.execute(target, "CREATE SEQUENCE numbers; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        await take(target, repository)
        result = await restore(target, repository, swap=True)
        server.drop_after_test(str(result.checkpoint))
        server.execute(target, statement)
        if told is not None:
            with pytest.raises(RefusedError, match=f"was written to since.*{told}"):
                await undo(target, result.id)
        undone = await undo(target, result.id, force=told is not None)
        server.drop_after_test(str(undone.checkpoint))

    async def test_a_writer_that_never_stops(
        self, server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        """What was committed before the names are exchanged is in the kept database, what came after in the new one."""
        said: list[Event] = []
        with writing(target, only_inserts=True) as writer:
            result = await self.exchanged(target, repository, said.append)
            writer.goes_on()
        kept = server.drop_after_test(str(result.checkpoint))
        server.execute("postgres", f'ALTER DATABASE "{kept.name}" ALLOW_CONNECTIONS true')
        early, late = rows_of(server, kept), rows_of(server, target)
        assert {number for number in early if number < FIRST_OWN} == set(DAMAGED)
        assert {number: value for number, value in late.items() if number < FIRST_OWN} == STORED
        own = [sorted(number for number in rows if number >= FIRST_OWN) for rows in (early, late)]
        committed = {each.id for each in writer.log}
        assert committed <= {*own[0], *own[1]}
        assert own[0]
        assert own[1]
        assert own[0][-1] < own[1][0]
        assert writer.cut

    async def exchanged(
        self, target: DatabaseTarget, repository: RepositoryTarget, listen: Callable[[Event], None]
    ) -> RestoreResult:
        return await asyncio.to_thread(
            lambda: asyncio.run(restore(target, repository, swap=True, jobs=1, on_event=listen))
        )

    async def test_what_was_written_meanwhile_is_said(
        self, server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        def write() -> None:
            server.execute(target, "INSERT INTO t VALUES (777, 'new'), (778, 'new'); DELETE FROM t WHERE id = 100")

        result = await restore(target, repository, swap=True, on_event=at_phase("verify", write))
        kept = server.drop_after_test(str(result.checkpoint))
        assert rows_of(server, target) == STORED
        (warning,) = [each for each in result.warnings if "while" in each]
        assert "2 rows inserted, 0 updated, 1 deleted" in warning
        assert f"only in {kept.name}" in warning
        undone = await undo(target, result.id)
        server.drop_after_test(str(undone.checkpoint))
        assert rows_of(server, target) == {k: v for k, v in DAMAGED.items() if k != 100} | {777: "new", 778: "new"}
