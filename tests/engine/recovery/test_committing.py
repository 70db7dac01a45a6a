"""From the commit on a recovery is done: whoever cancels it then, and whatever ends the connection, it says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from pantry_tui.errors import ConnectionLostError, RestoreError
from pantry_tui.events import Committed, Event, ignore
from pantry_tui.models import BackupKind, DatabaseTarget, RepositoryTarget, RestoreResult, RollbackRequest
from pantry_tui.recovery import committing
from pantry_tui.recovery.committing import commit, to_the_end
from pantry_tui.recovery.database import BEGIN_WRITING, writable_session
from pantry_tui.recovery.undoing import roll_back
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import databases, restore
from tests.engine.recovery.test_failures import at_phase, once
from tests.servers import TestServer

ROWS = "SELECT count(*) FROM t"


@pytest.fixture
async def target(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 9)")
    await take(target, repository)
    server.execute(target, "DELETE FROM t WHERE id > 5")
    return target


class Dying:
    """Ends its session right before, or right after, a COMMIT reaches the server; the answer does not come back."""

    def __init__(self, server: TestServer, monkeypatch: pytest.MonkeyPatch, *, committed: bool) -> None:
        self.times = 0
        execute: Callable[..., Awaitable[Any]] = psycopg.AsyncConnection.execute

        async def dying(connection: Any, query: Any, *args: Any, **options: Any) -> Any:
            if query != "COMMIT":
                return await execute(connection, query, *args, **options)
            self.times += 1
            if committed:
                await execute(connection, query)
            server.execute("postgres", f"SELECT pg_terminate_backend({connection.info.backend_pid}, 20000)")
            return await execute(connection, "SELECT 1")

        monkeypatch.setattr(psycopg.AsyncConnection, "execute", dying)


async def cancelled(work: Callable[[Callable[[Event], None]], Awaitable[RestoreResult]], phase: str) -> RestoreResult:
    """The result of work that is cancelled when a phase begins."""
    task: asyncio.Task[RestoreResult] | None = None

    def cancel() -> None:
        assert task is not None
        task.cancel()

    async def run() -> RestoreResult:
        return await work(at_phase(phase, cancel))

    task = asyncio.create_task(run())
    return await task


class TestInPlace:
    async def test_who_cancels_while_tables_are_analyzed_comes_too_late(
        self, server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        result = await cancelled(
            lambda listen: restore(target, repository, tables=("public.t",), on_event=listen), "analyze"
        )
        assert result.status == "succeeded"
        assert any("cancelled when everything was done" in warning for warning in result.warnings)
        assert any("not analyzed" in warning for warning in result.warnings)
        assert server.execute(target, ROWS) == [(9,)]
        await roll_back(RollbackRequest(target=target, undo=result.id), ignore)

    @pytest.mark.slow
    async def test_before_the_commit_it_is_cancelled(
        self, server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        with pytest.raises(asyncio.CancelledError):
            await cancelled(lambda listen: restore(target, repository, tables=("public.t",), on_event=listen), "verify")
        assert server.execute(target, ROWS) == [(5,)]

    async def test_a_commit_whose_answer_is_lost_is_one(
        self,
        server: TestServer,
        target: DatabaseTarget,
        repository: RepositoryTarget,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        said: list[Event] = []
        dying = Dying(server, monkeypatch, committed=True)
        result = await restore(target, repository, tables=("public.t",), on_event=said.append)
        assert dying.times == 1
        assert [event.undone_by for event in said if isinstance(event, Committed)] == [result.id]
        assert server.execute(target, ROWS) == [(9,)]
        undone = await roll_back(RollbackRequest(target=target, undo=result.id), ignore)
        assert (dying.times, undone.status) == (2, "succeeded")
        assert server.execute(target, ROWS) == [(5,)]

    @pytest.mark.slow
    async def test_a_commit_that_did_not_arrive_is_none(
        self,
        server: TestServer,
        target: DatabaseTarget,
        repository: RepositoryTarget,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        Dying(server, monkeypatch, committed=False)
        with pytest.raises((RestoreError, ConnectionLostError)):
            await restore(target, repository, tables=("public.t",))
        assert server.execute(target, ROWS) == [(5,)]


async def test_rows_alone_are_there_when_their_commit_is_answered_by_nobody(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    await take(target, repository, kind=BackupKind.DATA)
    server.execute(target, "TRUNCATE t")
    Dying(server, monkeypatch, committed=True)
    assert (await restore(target, repository)).status == "succeeded"
    assert server.execute(target, ROWS) == [(5,)]


class TestSideBySide:
    async def test_an_exchange_whose_answer_is_lost_is_one(
        self,
        server: TestServer,
        target: DatabaseTarget,
        repository: RepositoryTarget,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        Dying(server, monkeypatch, committed=True)
        result = await restore(target, repository, swap=True)
        server.drop_after_test(str(result.checkpoint))
        assert server.execute(target, ROWS) == [(9,)]

    @pytest.mark.slow
    async def test_one_that_did_not_arrive_is_none(
        self,
        server: TestServer,
        target: DatabaseTarget,
        repository: RepositoryTarget,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        Dying(server, monkeypatch, committed=False)
        with pytest.raises(RestoreError, match=r"is restored, but database .* could not be exchanged"):
            await restore(target, repository, swap=True)
        assert server.execute(target, ROWS) == [(5,)]

    async def test_who_cancels_when_names_are_exchanged_comes_too_late(
        self,
        server: TestServer,
        target: DatabaseTarget,
        repository: RepositoryTarget,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def nothing(*args: object) -> None:
            """Autovacuum may have written, and the earlier database would be kept."""

        monkeypatch.setattr("pantry_tui.recovery.exchanging.written_last", nothing)
        task: asyncio.Task[RestoreResult] | None = None

        def cancel() -> None:
            assert task is not None
            task.cancel()

        listen = once(Committed, cancel)
        task = asyncio.create_task(restore(target, repository, swap=True, checkpoint=False, on_event=listen))
        before = databases(server)
        result = await task
        assert any("cancelled when everything was done" in warning for warning in result.warnings)
        assert (result.checkpoint, databases(server)) == (None, before)
        assert server.execute(target, ROWS) == [(9,)]

    @pytest.mark.slow
    async def test_an_earlier_database_that_cannot_be_dropped_is_named(
        self,
        server: TestServer,
        target: DatabaseTarget,
        repository: RepositoryTarget,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def refusing(connection: object, name: str) -> None:
            raise psycopg.errors.ObjectInUse("somebody holds it")

        monkeypatch.setattr("pantry_tui.recovery.exchanging.drop_database", refusing)
        result = await restore(target, repository, swap=True, checkpoint=False)
        kept = server.drop_after_test(str(result.checkpoint))
        assert server.execute(target, ROWS) == [(9,)]
        (warning,) = [each for each in result.warnings if "could not be dropped" in each]
        assert f"it is kept as {kept.name}" in warning


async def test_a_server_that_says_nothing_is_no_answer(
    server: TestServer, target: DatabaseTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(committing, "PAUSE_SECONDS", 0.01)
    Dying(server, monkeypatch, committed=True)
    connection = await writable_session(target)
    await connection.execute(BEGIN_WRITING)
    with pytest.raises(ConnectionLostError, match="the server does not say what became of it"):
        await commit(connection, partial(writable_session, server.target("no such database")))


async def test_work_goes_on_to_its_end() -> None:
    reached = asyncio.Event()

    async def work() -> int:
        reached.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return 7

    task = asyncio.create_task(to_the_end(work()))
    await reached.wait()
    task.cancel()
    assert await task == (7, True)
