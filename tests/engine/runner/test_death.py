"""The runner dies in the middle of everything; the next one tidies up and says so."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pantry_tui.config import Config
from pantry_tui.errors import RunnerError
from pantry_tui.models import DatabaseTarget, Job, JobState, RepositoryTarget
from pantry_tui.runner.audit import entries, problems
from pantry_tui.runner.client import RunnerClient, attach
from pantry_tui.runner.reads import LocalReads
from tests.engine.runner.conftest import Blockade, StartRunner, at_work, backup_request, ended
from tests.engine.runner.processes import eventually, job_pids, marked_processes
from tests.servers import TestServer


async def start_backup(config: Config, crm: DatabaseTarget, backups: RepositoryTarget) -> Job:
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
        await at_work(client, job)
        return job


def assert_interrupted(job: Job) -> None:
    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.code == "interrupted"
    assert job.finished_at is not None


async def test_a_job_stops_when_its_runner_is_killed(
    start_runner: StartRunner,
    config: Config,
    mark: str,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    runner = start_runner()
    job = await start_backup(config, crm, backups)

    runner.kill()

    eventually(lambda: not marked_processes(mark), "the end of the job")
    assert list(Path(backups.location).glob("2*")) == []
    start_runner()
    async with await attach(config) as client:
        found = await client.job(job.id)
        assert_interrupted(found)
        assert "found it at" in (await client.job_log(job.id))[-1]
        blockade.lift()
        assert (await ended(client, await client.submit(backup_request(crm, backups)))).state is JobState.SUCCEEDED
    directory = Path(config.data_directory)
    ends = {entry.object: entry.result for entry in entries(directory) if entry.action == "job.end"}
    assert ends[job.id] == "failed"
    assert problems(directory) == []


async def test_what_a_killed_job_has_written_is_removed_by_the_next_runner(
    start_runner: StartRunner,
    config: Config,
    mark: str,
    server: TestServer,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
) -> None:
    runner = start_runner()
    server.execute(crm, "CREATE TABLE large AS SELECT n, repeat(md5(n::text), 30) t FROM generate_series(1, 200000) n")
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
        eventually(lambda: list(Path(backups.location).glob("2*/*.sql.gz")) != [], "a file of the backup")
        [pid] = job_pids(mark)
        os.kill(pid, signal.SIGSTOP)  # it must not tidy up by itself
    runner.kill()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not marked_processes(mark), "the end of the job")
    [left] = Path(backups.location).glob("2*")

    start_runner()

    assert not left.exists()
    async with await attach(config) as client:
        assert_interrupted(await client.job(job.id))
        assert await client.backups(backups) == []
    [end] = [entry for entry in entries(Path(config.data_directory)) if entry.action == "job.end"]
    assert end.details["removed"] == [left.name]


async def test_without_a_runner_nothing_is_called_running(
    start_runner: StartRunner,
    config: Config,
    mark: str,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    runner = start_runner()
    job_id = (await start_backup(config, crm, backups)).id
    reads = LocalReads(config)
    assert (await reads.job(job_id)).state is JobState.RUNNING
    runner.kill()
    eventually(lambda: not marked_processes(mark), "the end of the job")

    for job in (await reads.job(job_id), *await reads.jobs()):
        assert job.state is JobState.FAILED
        assert job.failure is not None
        assert job.failure.code == "interrupted"
        assert job.failure.message == "interrupted: its runner ended without a word"
    assert reads.remarks == []
    (Path(config.data_directory) / "jobs.json").write_text("{")
    await reads.jobs()
    [remark] = reads.remarks
    assert "jobs.json is damaged" in remark
    assert "previous copy" in remark


async def test_queued_jobs_are_settled_too(
    start_runner: StartRunner,
    config: Config,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    runner = start_runner()
    await start_backup(config, crm, backups)
    async with await attach(config) as client:
        waiting = await client.submit(backup_request(crm, backups))
    runner.kill()

    start_runner()

    async with await attach(config) as client:
        assert_interrupted(await client.job(waiting.id))
        assert all(job.state.is_final for job in await client.jobs())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_runner_that_is_told_to_stop_stops_its_jobs_cleanly(
    start_runner: StartRunner,
    config: Config,
    mark: str,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
    number: signal.Signals,
) -> None:
    runner = start_runner()
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
        await at_work(client, job)

        os.kill(runner.pid, number)

        async for event in client.job_events(job.id):
            last = event
        assert last.failure.code == "interrupted"  # type: ignore[union-attr]
    assert runner.close() == 0
    assert marked_processes(mark) == {}
    assert not (runner.directory / "runner.sock").exists()
    assert list(Path(backups.location).glob("2*")) == []
    start_runner()
    async with await attach(config) as client:
        assert_interrupted(await client.job(job.id))


async def test_a_client_is_told_when_the_runner_goes_away(
    start_runner: StartRunner,
    config: Config,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    runner = start_runner()
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
        events = client.job_events(job.id)
        await anext(events)
        runner.kill()

        with pytest.raises(RunnerError, match="went away"):
            async for _ in events:
                pass
        with pytest.raises(RunnerError):
            await client.status()
    with pytest.raises(RunnerError, match="no runner"):
        await attach(config)


async def test_a_runner_that_does_not_answer_is_named(
    start_runner: StartRunner, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pantry_tui.runner.client.ANSWER_SECONDS", 0.5)
    runner = start_runner()
    os.kill(runner.pid, signal.SIGSTOP)
    try:
        with pytest.raises(RunnerError, match="does not answer"):
            await attach(config)
    finally:
        os.kill(runner.pid, signal.SIGCONT)


async def test_the_stream_of_changes_ends_with_the_runner(client: RunnerClient) -> None:
    changes = client.changes()
    await client.stop()

    assert [change async for change in changes] == []
