"""Schedules in runners of their own, which are stopped, go on, and are killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.config import Config
from pantry_tui.models import DatabaseTarget, ExpectedRun, JobState, RepositoryTarget, RunState, ScheduleKind, utc_now
from pantry_tui.runner.client import RunnerClient, attach
from tests.engine.runner.conftest import Blockade, StartRunner
from tests.engine.runner.processes import PATIENCE_SECONDS, eventually, marked_processes
from tests.engine.runner.scheduled import scheduled
from tests.servers import TestServer


@pytest.fixture
def file(tmp_path: Path, crm: DatabaseTarget, backups: RepositoryTarget) -> Path:
    """A configuration file with the small database in it."""
    path = tmp_path / "config.toml"
    path.write_text(
        f"[databases.{crm.name}]\nurl = {json.dumps(crm.conninfo)}\n"
        f"[repositories.local]\npath = {json.dumps(backups.location)}\n"
        "[backup]\njobs = 1\nlock_timeout_seconds = 60\n"
    )
    path.chmod(0o600)
    return path


async def run_when(client: RunnerClient, wanted: Callable[[ExpectedRun], bool]) -> ExpectedRun:
    """The first run that is as wanted; waits for what another process does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        for run in reversed(await client.runs(limit=1000)):
            if wanted(run):
                return run
        assert time.monotonic() < deadline, "no run ever was so"
        await asyncio.sleep(0.05)


async def test_a_runner_that_is_stopped_and_goes_on(
    start_runner: StartRunner, config: Config, crm: DatabaseTarget, file: Path
) -> None:
    runner = start_runner(f"--config={file}")
    async with await attach(config) as client:
        each_second = scheduled(crm, "* * * * * *", seconds=True, kind=ScheduleKind.SCHEMA)
        await client.create_schedule(each_second)
        first = await run_when(client, lambda run: run.outcome is JobState.SUCCEEDED)
        os.kill(runner.pid, signal.SIGSTOP)
        time.sleep(3)  # how long it is stopped is what this is about
        os.kill(runner.pid, signal.SIGCONT)
        passed_over = await run_when(
            client, lambda run: run.state in (RunState.CAUGHT_UP, RunState.SKIPPED) and run.due_at > first.due_at
        )
        after = await run_when(
            client, lambda run: run.outcome is JobState.SUCCEEDED and run.due_at > passed_over.due_at
        )
        await client.enable_schedule("nightly", enabled=False)
        runs = {run.due_at: run for run in await client.runs(limit=1000)}
        jobs = await client.jobs(limit=1000)

    span = int((after.due_at - first.due_at).total_seconds())
    assert all(first.due_at + timedelta(seconds=second) in runs for second in range(span + 1))
    assert len({job.due_at for job in jobs}) == len(jobs)


async def test_a_run_that_a_crash_cut_off_is_tried_again(
    start_runner: StartRunner, config: Config, crm: DatabaseTarget, file: Path, mark: str, blockade: Blockade
) -> None:
    runner = start_runner(f"--config={file}")
    soon = utc_now() + timedelta(seconds=2)
    once = f"{soon.minute} {soon.hour} {soon.day} {soon.month} * {soon.second}"
    async with await attach(config) as client:
        await client.create_schedule(scheduled(crm, once, seconds=True, retry_seconds=1.0))
        await run_when(client, lambda run: bool(run.job_ids))
    runner.kill()
    eventually(lambda: not marked_processes(mark), "the end of the job")
    blockade.lift()

    start_runner(f"--config={file}")

    async with await attach(config) as client:
        run = await run_when(client, lambda run: run.outcome is JobState.SUCCEEDED)
        jobs = await client.jobs()
    assert (run.attempts, run.state) == (2, RunState.STARTED)
    assert [(job.state, job.due_at) for job in jobs] == [
        (JobState.SUCCEEDED, run.due_at),
        (JobState.FAILED, run.due_at),
    ]


async def test_a_server_that_comes_back(
    start_runner: StartRunner, config: Config, crm: DatabaseTarget, file: Path, server: TestServer
) -> None:
    server.execute("postgres", f"ALTER DATABASE {crm.name} WITH ALLOW_CONNECTIONS true CONNECTION LIMIT 0")
    role = "CREATE ROLE scheduled_backup LOGIN"
    server.execute("postgres", role)
    try:
        text = file.read_text()
        url = server.target(crm.name, role="scheduled_backup").conninfo
        file.write_text(text.replace(json.dumps(crm.conninfo), json.dumps(url)))
        server.execute(crm, "GRANT SELECT ON contacts TO scheduled_backup")
        start_runner(f"--config={file}")
        soon = utc_now() + timedelta(seconds=2)
        once = f"{soon.minute} {soon.hour} {soon.day} {soon.month} * {soon.second}"
        async with await attach(config) as client:
            await client.create_schedule(scheduled(crm, once, seconds=True, retry_seconds=1.0, retries=8))
            failed = await run_when(client, lambda run: run.retry_at is not None)
            server.execute("postgres", f"ALTER DATABASE {crm.name} CONNECTION LIMIT -1")
            done = await run_when(client, lambda run: run.outcome is JobState.SUCCEEDED)
        assert failed.failure is not None
        assert failed.failure.code == "too_many_connections"
        assert done.attempts > 1
        assert done.failure is None
    finally:
        server.execute(crm, "REVOKE ALL ON contacts FROM scheduled_backup")
        server.execute("postgres", "DROP ROLE scheduled_backup")
