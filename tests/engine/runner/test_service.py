"""A runner under a service manager: the test plays systemd, by a socket of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pantry_tui.config import Config
from pantry_tui.models import DatabaseTarget, JobState, RepositoryTarget, RunnerStay, Schedule
from pantry_tui.runner.audit import entries
from pantry_tui.runner.client import attach, attach_or_start
from pantry_tui.runner.reads import LocalReads
from tests.engine.runner.conftest import Blockade, StartRunner, at_work, backup_request, ended
from tests.engine.runner.processes import OLD_RUNNER, eventually, job_pids


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What the runner tells, as datagrams."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield channel


def lines(errors: str) -> list[str]:
    return [json.loads(line)["message"] for line in errors.splitlines() if line.startswith("{")]


def stops(directory: Path) -> bool:
    return any(entry.action == "runner.stop" for entry in entries(directory))


async def test_from_ready_to_the_end(
    start_runner: StartRunner, config: Config, crm: DatabaseTarget, backups: RepositoryTarget, manager: socket.socket
) -> None:
    runner = start_runner("--log-format=json")
    assert manager.recv(1000) == b"READY=1\nSTATUS=0 schedules at work"
    async with await attach(config) as client:
        job = await ended(client, await client.submit(backup_request(crm, backups)))
        assert job.state is JobState.SUCCEEDED
    os.kill(runner.pid, signal.SIGHUP)
    assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert manager.recv(1000).startswith(b"READY=1\n")
    assert runner.close() == 0
    assert manager.recv(1000).startswith(b"STOPPING=1\n")
    first, *others, last = lines(runner.errors)
    assert (first, last) == (f"runner of {runner.directory}: ready", f"runner of {runner.directory}: ends")
    assert [line.partition(" after ")[0] for line in others] == [
        f"job {job.id}: {job.title}: started",
        f"job {job.id}: {job.title}: succeeded",
        "the configuration was read again",
    ]


async def test_a_configuration_that_is_read_again(
    start_runner: StartRunner,
    config: Config,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
    manager: socket.socket,
    tmp_path: Path,
    mark: str,
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[runner]\nmax_jobs = 1\n")
    runner = start_runner(f"--config={file}", "--max-jobs=1")
    manager.recv(1000)
    other = RepositoryTarget(name="other", location=str(tmp_path / "other"))
    async with await attach(config) as client:
        first = await client.submit(backup_request(crm, backups))
        await at_work(client, first)
        file.write_text("[runner]\nmax_jobs = many\n")
        os.kill(runner.pid, signal.SIGHUP)
        assert [await asyncio.to_thread(manager.recv, 1000) for _ in range(2)][-1].startswith(b"READY=1")
        assert (await client.job(first.id)).state is JobState.RUNNING
        file.write_text("[runner]\nmax_jobs = 2\n[backup]\nnice = 5\n")
        os.kill(runner.pid, signal.SIGHUP)
        assert [await asyncio.to_thread(manager.recv, 1000) for _ in range(2)][-1].startswith(b"READY=1")
        blockade.lift()
        assert (await ended(client, first)).state is JobState.SUCCEEDED
        await ended(client, await client.submit(backup_request(crm, other)))
        eventually(lambda: any(os.getpriority(os.PRIO_PROCESS, pid) >= 5 for pid in job_pids(mark)), "a nice spare")
    assert runner.close() == 0
    assert "the configuration was not taken: " in runner.errors


async def test_jobs_may_end_when_a_signal_ends_the_runner(
    start_runner: StartRunner, config: Config, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    runner = start_runner("--stop-seconds=600")
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
        await at_work(client, job)
        os.kill(runner.pid, signal.SIGTERM)
        eventually(lambda: stops(runner.directory), "the runner hears the signal")
    blockade.lift()
    assert runner.process.wait(timeout=30) == 0
    assert (await LocalReads(config).job(job.id)).state is JobState.SUCCEEDED


async def test_what_is_queued_ends_with_the_signal(
    start_runner: StartRunner, config: Config, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    runner = start_runner("--stop-seconds=600")
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
        queued = await client.submit(backup_request(crm, backups, "second"))
        await at_work(client, job)
        os.kill(runner.pid, signal.SIGTERM)
        interrupted = await ended(client, queued)
        assert interrupted.failure is not None
        assert interrupted.failure.message == "the runner was stopped before the job was begun"
    blockade.lift()
    assert runner.process.wait(timeout=30) == 0
    assert (await LocalReads(config).job(job.id)).state is JobState.SUCCEEDED


async def test_a_job_that_is_cut_off_has_its_last_line(
    start_runner: StartRunner, config: Config, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    runner = start_runner("--log-format=json")
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
        await at_work(client, job)
    assert runner.close() == 0
    *_, ended_line, last = lines(runner.errors)
    assert ended_line.startswith(f"job {job.id}: {job.title}: failed after ")
    assert last == f"runner of {runner.directory}: ends"


async def test_the_status_line_says_how_many_schedules_there_are(
    start_runner: StartRunner, config: Config, manager: socket.socket, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[databases.crm]\nhost = "127.0.0.1"\n')
    start_runner(f"--config={file}")
    manager.recv(1000)
    async with await attach(config) as client:
        await client.create_schedule(Schedule(name="nightly", cron="@daily", database="crm"))
        assert await asyncio.to_thread(manager.recv, 1000) == b"STATUS=1 schedule at work"
        await client.enable_schedule("nightly", enabled=False)
        assert await asyncio.to_thread(manager.recv, 1000) == b"STATUS=0 schedules at work"


async def test_a_second_signal_ends_it_at_once(
    start_runner: StartRunner, config: Config, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    runner = start_runner("--stop-seconds=600")
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
        await at_work(client, job)
        os.kill(runner.pid, signal.SIGTERM)
        eventually(lambda: stops(runner.directory), "the runner hears the signal")
    os.kill(runner.pid, signal.SIGTERM)
    assert runner.process.wait(timeout=30) == 0
    assert (await LocalReads(config).job(job.id)).state is JobState.FAILED


async def test_after_an_upgrade_the_service_goes_on(
    start_runner: StartRunner, config: Config, manager: socket.socket
) -> None:
    old = start_runner(program=("-c", OLD_RUNNER))
    attaching = asyncio.create_task(attach_or_start(config))

    assert await asyncio.to_thread(old.process.wait, 30) == 0
    new = await asyncio.to_thread(start_runner)  # as its manager does, whatever the status

    async with await attaching as client:
        status = await client.status()
    assert (status.pid, status.stay) == (new.pid, RunnerStay.SERVICE)


async def test_a_service_takes_the_place_of_a_runner_that_somebody_started(
    start_runner: StartRunner, config: Config, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without_manager:
        without_manager.delenv("NOTIFY_SOCKET")
        started = start_runner()

    service = start_runner()

    assert started.process.wait(timeout=30) == 0
    async with await attach(config) as client:
        assert (await client.status()).pid == service.pid
