"""A drill that is killed leaves a private server's files; the runner removes them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pantry_tui.config import Config
from pantry_tui.events import PhaseStarted
from pantry_tui.models import DatabaseTarget, DrillRequest, Job, JobState, RepositoryTarget
from pantry_tui.postgres.private import PrivateServer
from pantry_tui.recovery.rehearsal import FOLDER
from pantry_tui.runner.client import RunnerClient, attach
from tests.engine.runner.conftest import StartRunner, backup_request, ended
from tests.engine.runner.processes import eventually, job_pids, marked_processes
from tests.servers import TestServer


@pytest.fixture
def large(server: TestServer, crm: DatabaseTarget) -> DatabaseTarget:
    """A database that takes a while."""
    server.execute(crm, "CREATE TABLE large AS SELECT n, repeat(md5(n::text), 30) t FROM generate_series(1, 200000) n")
    return crm


async def drill_at_rows(client: RunnerClient, source: DatabaseTarget, backups: RepositoryTarget) -> Job:
    """A drill whose private server is there, and which is still loading rows."""
    await ended(client, await client.submit(backup_request(source, backups)))
    job = await client.submit(DrillRequest(repository=backups, backup_id="latest"))
    async for event in client.job_events(job.id):
        if isinstance(event, PhaseStarted) and event.phase == "rows":
            break
    return job


def home_of(config: Config, job: Job) -> Path:
    return PrivateServer(Path(config.data_directory) / FOLDER / job.id).home


async def test_the_job_is_killed(
    start_runner: StartRunner, config: Config, mark: str, large: DatabaseTarget, backups: RepositoryTarget
) -> None:
    start_runner()
    async with await attach(config) as client:
        job = await drill_at_rows(client, large, backups)
        assert home_of(config, job).exists()
        [pid] = job_pids(mark)
        os.kill(pid, signal.SIGKILL)
        found = await ended(client, job)
    assert (found.state, found.failure and found.failure.code) == (JobState.FAILED, "worker_died")
    assert not home_of(config, job).exists()


async def test_job_and_runner_are_killed(
    start_runner: StartRunner, config: Config, mark: str, large: DatabaseTarget, backups: RepositoryTarget
) -> None:
    runner = start_runner()
    async with await attach(config) as client:
        job = await drill_at_rows(client, large, backups)
        [pid] = job_pids(mark)
        os.kill(pid, signal.SIGSTOP)  # it must not tidy up by itself
    runner.kill()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not marked_processes(mark), "the end of the job")
    assert home_of(config, job).exists()
    start_runner()
    async with await attach(config) as client:
        assert (await client.job(job.id)).state is JobState.FAILED
    assert not home_of(config, job).exists()


async def test_cancelled(
    start_runner: StartRunner, config: Config, large: DatabaseTarget, backups: RepositoryTarget
) -> None:
    start_runner()
    async with await attach(config) as client:
        job = await drill_at_rows(client, large, backups)
        await client.cancel(job.id)
        found = await ended(client, job)
    assert found.state is JobState.CANCELLED
    assert not home_of(config, job).exists()
