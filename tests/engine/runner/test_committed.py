"""A recovery that ends badly when it is committed already: nobody is told that it was cancelled, or to run it again."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import pytest

from pantry_tui.config import Config
from pantry_tui.events import Committed
from pantry_tui.models import DatabaseTarget, Job, JobState, RepositoryTarget, RestoreRequest
from pantry_tui.runner.client import attach
from tests.engine.runner.conftest import StartRunner, backup_request, ended
from tests.engine.runner.processes import RunnerProcess, eventually, job_pids, marked_processes
from tests.servers import TestServer

ROWS = "SELECT count(*) FROM contacts"
# ANALYZE works out what an index is of, and waits; removing rows asks no index for that.
HELD_UP = """
CREATE FUNCTION held(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(42); RETURN $1; END $$;
CREATE INDEX ON contacts (held(id));
"""


@pytest.fixture
async def recovering(
    server: TestServer, config: Config, crm: DatabaseTarget, backups: RepositoryTarget, runner: RunnerProcess
) -> AsyncIterator[Job]:
    """A recovery that is committed, and hangs while it collects statistics."""
    server.execute(crm, HELD_UP)
    async with await attach(config) as client:
        assert (await ended(client, await client.submit(backup_request(crm, backups)))).state is JobState.SUCCEEDED
        server.execute(crm, "INSERT INTO contacts VALUES (4711, 'one too many')")
        server.connect(crm).execute("SELECT pg_advisory_lock(42)")
        request = RestoreRequest(
            repository=backups,
            backup_id="latest",
            target=crm,
            tables=("public.contacts",),
            data_directory=str(runner.directory),
        )
        job = await client.submit(request)
        async for event in client.job_events(job.id):
            if isinstance(event, Committed):
                break
        else:
            pytest.fail(f"it ended without: {(await client.job(job.id)).failure}")
        eventually(lambda: server.execute(crm, WAITING) != [], "a session that waits")
        yield job
    assert server.execute(crm, ROWS) == [(1000,)]


WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.mark.slow
async def test_who_cancels_it_comes_too_late(config: Config, recovering: Job) -> None:
    async with await attach(config) as client:
        await client.cancel(recovering.id)
        job = await ended(client, recovering)
    assert (job.state, job.failure) == (JobState.SUCCEEDED, None)
    assert job.result is not None
    assert any("cancelled when everything was done" in warning for warning in job.result["warnings"])


@pytest.mark.slow
async def test_a_process_that_is_killed_is_not_all_that_is_told(config: Config, recovering: Job, mark: str) -> None:
    async with await attach(config) as client:
        [pid] = job_pids(mark)
        os.kill(pid, signal.SIGKILL)
        told(await ended(client, recovering))


async def test_the_next_runner_looks_whether_it_was_committed(
    config: Config, recovering: Job, runner: RunnerProcess, start_runner: StartRunner, mark: str
) -> None:
    [pid] = job_pids(mark)
    os.kill(pid, signal.SIGSTOP)
    runner.kill()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not marked_processes(mark), "the end of the job")
    start_runner()
    async with await attach(config) as client:
        told(await client.job(recovering.id))


def told(job: Job) -> None:
    """That it is done, and how it is undone."""
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert "everything was done and committed" in job.failure.message
    assert f"pantry-tui recovery rollback {job.id}" in (job.failure.remedy or "")
