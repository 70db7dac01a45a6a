"""A full data directory, and deaths at any moment."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pantry_tui.config import Config
from pantry_tui.errors import StorageError
from pantry_tui.models import DatabaseTarget, JobState, RepositoryTarget
from pantry_tui.repository.local import LocalRepository
from pantry_tui.runner.audit import entries, problems
from pantry_tui.runner.client import RunnerClient, attach
from tests.engine.runner.conftest import Blockade, StartRunner, at_work, backup_request, ended
from tests.engine.runner.processes import RunnerProcess, eventually, marked_processes


@contextmanager
def no_room_for(runner: RunnerProcess) -> Iterator[None]:
    """The runner itself cannot make any file longer; jobs that are alive can."""
    before = resource.prlimit(runner.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(runner.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(runner.pid, resource.RLIMIT_FSIZE, before)


async def test_nothing_is_begun_that_cannot_be_recorded(
    runner: RunnerProcess, client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    with no_room_for(runner), pytest.raises(StorageError, match="audit trail"):
        await client.submit(backup_request(crm, backups))

    assert await client.jobs() == []
    assert (await ended(client, await client.submit(backup_request(crm, backups)))).state is JobState.SUCCEEDED
    assert problems(runner.directory) == []


async def test_a_job_ends_well_though_its_end_cannot_be_recorded_yet(
    runner: RunnerProcess, client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    job = await client.submit(backup_request(crm, backups))
    await at_work(client, job)

    with no_room_for(runner):
        blockade.lift()
        assert (await ended(client, job)).state is JobState.SUCCEEDED
        await client.delete_backup(backups, "latest", force=True)

    assert await client.backups(backups) == []
    await client.stop()
    assert runner.close() == 0
    told = [entry.action for entry in entries(runner.directory)]
    assert told == [
        "runner.start",
        "job.submit",
        "job.end",
        "backup.delete",
        "backup.delete",
        "runner.stop",
        "runner.end",
    ]
    assert problems(runner.directory) == []


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.slow if seed > 3 else ()) for seed in range(40)])
async def test_a_runner_may_die_at_any_moment(
    start_runner: StartRunner, config: Config, mark: str, crm: DatabaseTarget, backups: RepositoryTarget, seed: int
) -> None:
    runner = start_runner()
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
    time.sleep(random.Random(seed).uniform(0, 1.2))  # the moment is what this is about

    runner.kill()
    eventually(lambda: not marked_processes(mark), "the end of the job")
    start_runner()

    async with await attach(config) as client:
        found = await client.job(job.id)
        listed = await client.backups(backups)
        assert found.state is JobState.SUCCEEDED or (found.failure is not None and found.failure.code == "interrupted")
        assert len(listed) == 1 or found.state is JobState.FAILED
        assert await client.catalog_check([backups]) == []
        again = await ended(client, await client.submit(backup_request(crm, backups)))
    assert again.state is JobState.SUCCEEDED
    repository = LocalRepository(backups)
    assert (len(repository.ids()), repository.leftovers()) == (len(listed) + 1, [])
    assert problems(Path(config.data_directory)) == []
