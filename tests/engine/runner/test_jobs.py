"""Jobs: they run in processes of their own, wait for their turn, can be stopped, and are remembered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.signing_key import find_signing_key
from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError, RefusedError
from pantry_tui.events import Failed, Finished, JobChanged, PhaseStarted
from pantry_tui.models import (
    BackupSummary,
    DatabaseTarget,
    JobState,
    MarkRequest,
    RepositoryTarget,
    RestoreRequest,
    RestoreResult,
    ValidateRequest,
)
from pantry_tui.repository.local import LocalRepository
from pantry_tui.runner.audit import entries, problems
from pantry_tui.runner.client import RunnerClient, attach
from tests.engine.runner.conftest import Blockade, StartRunner, at_work, backup_request, ended
from tests.engine.runner.processes import RunnerProcess, eventually, job_pids, marked_processes
from tests.servers import TestServer

SUBMIT_AND_DIE = """
import asyncio, os, signal, sys
from pantry_tui.config import load_config
from pantry_tui.models import BackupRequest
from pantry_tui.runner.client import attach

async def main():
    client = await attach(load_config(environment={"HOME": "/", "DATA_DIR": sys.argv[1]}))
    job = await client.submit(BackupRequest.from_json(sys.stdin.buffer.read()))
    os.write(1, job.id.encode())
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_backup_is_taken_listed_and_remembered(
    client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget, config: Config
) -> None:
    job = await client.submit(backup_request(crm, backups))
    events = [event async for event in client.job_events(job.id)]
    done = await client.job(job.id)

    assert isinstance(events[-1], Finished)
    assert any(isinstance(event, PhaseStarted) for event in events)
    assert (done.state, done.share, done.failure) == (JobState.SUCCEEDED, 1.0, None)
    [listed] = await client.backups(backups)
    assert (listed.id, listed.rows) == (done.backup_id, 1000)
    assert BackupSummary.from_builtins(done.result).id == listed.id
    assert [entry.action for entry in entries(Path(config.data_directory))][1:] == ["job.submit", "job.end"]
    assert "finished" in (await client.job_log(job.id))[-1]


async def test_the_runner_signs_with_its_own_key_whoever_asks(
    client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget, config: Config, tmp_path: Path
) -> None:
    request = msgspec.structs.replace(backup_request(crm, backups), data_directory=str(tmp_path / "other"))

    job = await ended(client, await client.submit(request))

    assert job.state is JobState.SUCCEEDED
    own = find_signing_key(config.data_directory)
    assert own is not None
    repository = LocalRepository(backups, config.data_directory)
    assert repository.trusted_manifest(str(job.backup_id))[1] == own.signer
    assert not (tmp_path / "other").exists()
    assert await client.catalog_check([backups]) == []


async def test_a_validation_is_recorded_beside_the_backup(
    client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    await ended(client, await client.submit(backup_request(crm, backups)))

    job = await ended(client, await client.submit(ValidateRequest(repository=backups, backup_id="latest")))

    assert job.state is JobState.SUCCEEDED
    [listed] = await client.backups(backups)
    assert (job.backup_id, listed.valid) == (listed.id, True)
    assert listed.validated_at is not None


async def test_an_unknown_backup_is_refused_before_there_is_a_job(
    client: RunnerClient, backups: RepositoryTarget
) -> None:
    with pytest.raises(NotFoundError, match="nope"):
        await client.submit(ValidateRequest(repository=backups, backup_id="nope"))

    assert await client.jobs() == []


async def test_a_job_outlives_its_client(
    runner: RunnerProcess,
    client: RunnerClient,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", SUBMIT_AND_DIE, runner.directory],
        input=backup_request(crm, backups).to_json(),
        stdout=subprocess.PIPE,
    )
    assert outcome.returncode == -signal.SIGKILL

    [job] = await client.jobs()
    assert (job.id, job.state) == (outcome.stdout.decode(), JobState.RUNNING)
    blockade.lift()
    assert (await ended(client, job)).state is JobState.SUCCEEDED


async def test_a_runner_outlives_its_jobs(
    client: RunnerClient,
    mark: str,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    job = await client.submit(backup_request(crm, backups))
    await at_work(client, job)
    [pid] = job_pids(mark)
    os.kill(pid, signal.SIGKILL)

    job = await ended(client, job)

    assert job.state is JobState.FAILED
    assert job.failure is not None
    assert job.failure.code == "worker_died"
    assert "SIGKILL" in job.failure.message
    assert list(Path(backups.location).glob("2*")) == []
    blockade.lift()
    again = await ended(client, await client.submit(backup_request(crm, backups)))
    assert again.state is JobState.SUCCEEDED


async def test_a_job_can_be_cancelled(
    client: RunnerClient,
    mark: str,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    job = await client.submit(backup_request(crm, backups))
    await at_work(client, job)
    [pid] = job_pids(mark)

    await client.cancel(job.id)
    job = await ended(client, job)

    assert job.state is JobState.CANCELLED
    assert job.failure is not None
    assert "cancelled by" in job.failure.message
    assert pid not in job_pids(mark)
    assert list(Path(backups.location).glob("2*")) == []
    with pytest.raises(RefusedError, match="already ended"):
        await client.cancel(job.id)


@pytest.mark.slow
async def test_a_job_that_ignores_sigterm_is_killed(
    client: RunnerClient,
    mark: str,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    job = await client.submit(backup_request(crm, backups))
    await at_work(client, job)
    [pid] = job_pids(mark)
    os.kill(pid, signal.SIGSTOP)

    await client.cancel(job.id)

    assert (await ended(client, job)).state is JobState.CANCELLED


async def test_one_job_per_database(
    client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade, server: TestServer
) -> None:
    first = await client.submit(backup_request(crm, backups))
    second = await client.submit(backup_request(crm, backups))
    other = await client.submit(backup_request(server.create_database(), backups))

    assert (await ended(client, other)).state is JobState.SUCCEEDED
    assert (await client.job(first.id)).state is JobState.RUNNING
    assert (await client.job(second.id)).state is JobState.QUEUED
    blockade.lift()
    assert (await ended(client, first)).state is JobState.SUCCEEDED
    assert (await ended(client, second)).state is JobState.SUCCEEDED


async def test_no_more_jobs_at_once_than_configured(
    start_runner: StartRunner,
    config: Config,
    mark: str,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
    server: TestServer,
) -> None:
    start_runner("--max-jobs=1")
    async with await attach(config) as client:
        first = await client.submit(backup_request(crm, backups))
        await at_work(client, first)
        waiting = await client.submit(backup_request(server.create_database(), backups))
        unwanted = await client.submit(backup_request(server.create_database(), backups))

        status = await client.status()
        assert (status.running, status.queued, len(job_pids(mark))) == (1, 2, 1)
        assert (await client.cancel(unwanted.id)).state is JobState.CANCELLED
        assert isinstance([event async for event in client.job_events(unwanted.id)][-1], Failed)
        blockade.lift()
        assert (await ended(client, waiting)).state is JobState.SUCCEEDED


async def test_the_next_process_is_prepared_when_no_job_runs(
    client: RunnerClient, mark: str, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    [spare] = job_pids(mark)
    job = await client.submit(backup_request(crm, backups))
    await at_work(client, job)
    assert job_pids(mark) == [spare]

    blockade.lift()
    await ended(client, job)

    eventually(lambda: len(job_pids(mark)) == 1, "a new spare process")
    assert job_pids(mark) != [spare]


async def test_a_backup_in_use_is_not_deleted(
    client: RunnerClient,
    mark: str,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
) -> None:
    await ended(client, await client.submit(backup_request(crm, backups)))
    eventually(lambda: len(job_pids(mark)) == 1, "a new spare process")
    [pid] = job_pids(mark)
    os.kill(pid, signal.SIGSTOP)  # the validation cannot begin
    job = await client.submit(ValidateRequest(repository=backups, backup_id="latest"))

    with pytest.raises(RefusedError, match="in use"):
        await client.delete_backup(backups, "latest", force=True)

    os.kill(pid, signal.SIGCONT)
    assert (await ended(client, job)).state is JobState.SUCCEEDED
    with pytest.raises(RefusedError, match="last valid backup"):
        await client.delete_backup(backups, "latest")
    await client.delete_backup(backups, "latest", force=True)
    assert await client.backups(backups) == []


async def test_what_happened_stays_in_the_audit_trail(
    client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget, config: Config
) -> None:
    await ended(client, await client.submit(backup_request(crm, backups)))
    await client.catalog_rebuild([backups])
    await client.mark_backup(backups, "latest", MarkRequest(pinned=True))
    with pytest.raises(RefusedError):
        await client.delete_backup(backups, "latest")
    await client.delete_backup(backups, "latest", force=True)

    directory = Path(config.data_directory)
    told = [(entry.action, entry.result) for entry in entries(directory)]
    assert told[1:] == [
        ("job.submit", "accepted"),
        ("job.end", "succeeded"),
        ("catalog.rebuild", "done"),
        ("backup.mark", "accepted"),
        ("backup.mark", "done"),
        ("backup.delete", "accepted"),
        ("backup.delete", "refused"),
        ("backup.delete", "accepted"),
        ("backup.delete", "done"),
    ]
    assert problems(directory) == []


async def test_a_restore_is_a_proof(
    client: RunnerClient, server: TestServer, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    await ended(client, await client.submit(backup_request(crm, backups)))
    target = server.drop_after_test("restored_by_the_runner")

    job = await ended(
        client, await client.submit(RestoreRequest(repository=backups, backup_id="latest", target=target, jobs=1))
    )

    assert (job.state, job.database) == (JobState.SUCCEEDED, target.name)
    assert RestoreResult.from_builtins(job.result).validation.equal
    [listed] = await client.backups(backups)
    assert listed.proven_at is not None
    assert server.execute(target, "SELECT count(*) FROM contacts") == [(1000,)]


async def test_changes_of_all_jobs_are_told(
    client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    running = await client.submit(backup_request(crm, backups))
    changes = client.changes()
    first = (await anext(changes)).job
    assert (first.id, first.state) == (running.id, JobState.RUNNING)

    blockade.lift()
    seen = [change.job async for change in _until_final(changes)]

    assert [job.id for job in seen] == [running.id] * len(seen)
    assert [job.share for job in seen] == sorted(job.share for job in seen)
    assert seen[-1].state is JobState.SUCCEEDED


async def _until_final(changes: AsyncIterator[JobChanged]) -> AsyncIterator[JobChanged]:
    async for change in changes:
        yield change
        if change.job.state.is_final:
            return


async def test_a_password_is_written_nowhere(
    client: RunnerClient, mark: str, crm: DatabaseTarget, backups: RepositoryTarget, config: Config, blockade: Blockade
) -> None:
    secret = "canary-52907"
    hiding = msgspec.structs.replace(crm, environment={"PGPASSWORD": secret})
    job = await client.submit(backup_request(hiding, backups))
    await at_work(client, job)

    assert all(secret not in command for command in marked_processes(mark).values())
    blockade.lift()
    assert (await ended(client, job)).state is JobState.SUCCEEDED
    written = [path for place in (config.data_directory, backups.location) for path in Path(place).rglob("*")]
    assert len(written) > 5
    assert [path for path in written if path.is_file() and secret.encode() in path.read_bytes()] == []


async def test_a_spare_process_that_was_killed_is_replaced(
    client: RunnerClient, mark: str, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    [spare] = job_pids(mark)
    os.kill(spare, signal.SIGKILL)
    eventually(lambda: not job_pids(mark), "the spare process is gone")

    job = await ended(client, await client.submit(backup_request(crm, backups)))

    assert job.state is JobState.SUCCEEDED


async def test_jobs_and_their_workers_are_as_nice_as_configured(
    start_runner: StartRunner,
    config: Config,
    mark: str,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    runner = start_runner("--nice=7")
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
        await at_work(client, job)

        niceness = {os.getpriority(os.PRIO_PROCESS, pid) for pid in marked_processes(mark) if pid != runner.pid}
        blockade.lift()
        await ended(client, job)

    assert niceness == {min(19, os.getpriority(os.PRIO_PROCESS, 0) + 7)}
