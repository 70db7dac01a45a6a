"""Jobs of pg_cron: never on in what was restored, until a person switches them on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, RecoveryWay, RepositoryTarget, RollbackRequest, Strategy
from pantry_tui.postgres.private import system_binaries
from pantry_tui.recovery.undoing import roll_back
from tests.conftest import CORPUS
from tests.engine.backup.taking import take
from tests.engine.recovery.planning import plan
from tests.engine.recovery.restoring import restore
from tests.engine.recovery.test_drill import drill
from tests.servers import Row, TestServer, serve

PLACE = "with jobs"  # the one database of each server here that pg_cron works in
SCHEMA = """
CREATE EXTENSION pg_cron;
CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 10);
CREATE VIEW nightly AS SELECT jobid FROM cron.job WHERE jobname = 'nightly';
SELECT cron.schedule('nightly', '0 3 * * *', $$DELETE FROM t WHERE id > 5$$);
SELECT cron.schedule('tab\tin it', '59 23 31 12 *', $$SELECT E'\\n'$$);
SELECT cron.schedule('off', '* * * * *', 'TRUNCATE t');
UPDATE cron.job SET active = false WHERE jobname = 'off';
"""
JOBS = "SELECT jobid, schedule, command, jobname::text, active FROM cron.job ORDER BY 1"


def jobs_server(system_server: TestServer, **settings: str) -> Iterator[TestServer]:
    offered = "SELECT FROM pg_available_extensions WHERE name = 'pg_cron'"
    binaries = system_binaries()
    if binaries is None or not system_server.execute("postgres", offered):
        pytest.skip("pg_cron is not installed for the system's PostgreSQL (package postgresql-15-cron and its like)")
    with serve(binaries, CORPUS, shared_preload_libraries="pg_cron", **settings) as running:
        yield running


@pytest.fixture
def jobs(system_server: TestServer, started_servers: list[TestServer]) -> Iterator[TestServer]:
    """A server whose pg_cron is at work in one database."""
    yield from jobs_server(system_server, **{"cron.database_name": PLACE})


@pytest.fixture
async def source(jobs: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    target = jobs.create_database(PLACE)
    jobs.execute(target, SCHEMA)
    await take(target, repository)
    return target


def switched_off(rows: list[Row]) -> list[Row]:
    return [(*row[:-1], False) for row in rows]


async def test_into_a_new_database(jobs: TestServer, source: DatabaseTarget, repository: RepositoryTarget) -> None:
    wanted = jobs.execute(source, JOBS)
    jobs.drop_database(PLACE)
    planned = await plan(source, repository)
    assert any("jobs of pg_cron, 3, come back switched off" in line for line in planned.warnings)
    result = await restore(source, repository)
    assert (result.status, result.validation.equal) == ("succeeded", True)
    assert jobs.execute(source, JOBS) == switched_off(wanted)
    assert jobs.execute(source, "SELECT count(*), max(id) FROM t, nightly") == [(10, 10)]
    (told,) = [line for line in result.warnings if "pg_cron" in line]
    assert "1 nightly, 2 tab" in told
    _, _, switch = told.partition("To let them run: ")
    jobs.execute(source, switch)
    assert jobs.execute(source, JOBS) == wanted
    assert jobs.execute(source, "SELECT cron.schedule('next', '0 0 1 1 *', 'SELECT 1')") == [(4,)]


async def test_side_by_side_and_back(jobs: TestServer, source: DatabaseTarget, repository: RepositoryTarget) -> None:
    wanted = jobs.execute(source, JOBS)
    jobs.execute(source, "DELETE FROM t WHERE id > 5")
    result = await restore(source, repository, swap=True)
    jobs.drop_after_test(str(result.checkpoint))
    assert jobs.execute(source, JOBS) == switched_off(wanted)
    undone = await roll_back(RollbackRequest(target=source, undo=result.id), ignore)
    jobs.drop_after_test(str(undone.checkpoint))
    assert jobs.execute(source, JOBS) == wanted, "the earlier database is as it was, its jobs included"


@pytest.mark.parametrize("dry_run", [False, True])
async def test_where_no_job_can_be(
    jobs: TestServer, source: DatabaseTarget, repository: RepositoryTarget, dry_run: bool
) -> None:
    target = jobs.drop_after_test("a copy")
    planned = await plan(target, repository)
    assert planned.way is RecoveryWay.NEW
    result = await restore(target, repository, dry_run=dry_run)
    assert (result.status, result.validation.equal) == ("succeeded", True)
    (told,) = [line for line in result.warnings if "pg_cron" in line]
    assert f"it works in {PLACE} of this server" in told or dry_run
    assert "3 jobs do not come" in told
    assert "view public.nightly" in told
    assert dry_run or told in planned.warnings


async def test_where_the_server_has_no_pg_cron(
    server: TestServer, source: DatabaseTarget, repository: RepositoryTarget
) -> None:
    result = await restore(server.drop_after_test("without pg_cron"), repository)
    assert result.validation.equal
    assert any("this server does not load it" in line for line in result.warnings)
    drilled = await drill(repository)
    assert (drilled.ok, drilled.failure) == (True, None)
    assert any("pg_cron and its 3 jobs do not come" in line for line in drilled.warnings)


async def test_in_place_they_stay(jobs: TestServer, source: DatabaseTarget, repository: RepositoryTarget) -> None:
    wanted = jobs.execute(source, JOBS)
    jobs.execute(source, "DELETE FROM t WHERE id > 5")
    result = await restore(source, repository, strategy=Strategy.APPEND)
    assert (result.way, result.tables[0].inserted) == ("in place", 5)
    assert any("stay as they are" in line for line in result.warnings)
    assert jobs.execute(source, JOBS) == wanted
