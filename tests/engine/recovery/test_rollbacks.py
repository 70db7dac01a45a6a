"""Rollbacks in place that meet each other, and what stands between them and the server."""

from __future__ import annotations

import asyncio

import pytest

from pantry_tui.errors import ServerError
from pantry_tui.events import ignore
from pantry_tui.models import BackupKind, DatabaseTarget, RepositoryTarget, RollbackRequest, RollbackResult
from pantry_tui.recovery.undoing import roll_back
from tests.engine.backup.taking import take
from tests.engine.backup.test_turns import seen
from tests.engine.hazards.pooler import pgbouncer, through
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE'"


@pytest.fixture
async def target(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 9)")
    await take(target, repository)
    server.execute(target, "DELETE FROM t WHERE id > 5")
    return target


async def undo(target: DatabaseTarget, recovery_id: str) -> RollbackResult:
    return await roll_back(RollbackRequest(target=target, undo=recovery_id, lock_timeout_seconds=60.0), ignore)


async def test_of_two_at_once_the_second_finds_that_it_is_done(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    done = await restore(target, repository, tables=("public.t",))
    reader = server.connect(target, autocommit=False)
    reader.execute("SELECT FROM t")
    both = [asyncio.create_task(undo(target, done.id)) for _ in range(2)]
    await seen(server.connect(target), WAITING)
    reader.rollback()
    first, second = sorted(await asyncio.gather(*both), key=lambda result: result.already is not None)
    assert (first.already, second.already) == (None, first.id)
    assert server.execute(target, "SELECT count(*) FROM t") == [(5,)]


async def test_a_pooler_that_shares_sessions_is_refused(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    done = await restore(target, repository, tables=("public.t",))
    await take(target, repository, kind=BackupKind.DATA)
    with pgbouncer(server, "transaction") as directory:
        pooled = through(directory, target)
        for work in (
            restore(pooled, repository, tables=("public.t",)),
            restore(pooled, repository),
            undo(pooled, done.id),
        ):
            with pytest.raises(ServerError, match="connection pooler"):
                await work
    assert server.execute(target, "SELECT count(*) FROM t") == [(9,)]
