"""Schedules at work on a real server, by a clock that waits for the jobs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pantry_tui.config import Config
from pantry_tui.errors import ConfigError, NotFoundError, UsageError
from pantry_tui.events import DatabaseAppeared, Event, Failed, Finished, RunEnded
from pantry_tui.models import (
    BackupFormat,
    DatabaseTarget,
    JobRequest,
    JobState,
    RepositoryTarget,
    RunState,
    ScheduleKind,
    ValidateRequest,
)
from pantry_tui.runner.audit import entries, problems
from pantry_tui.runner.executor import ExecutorSettings
from pantry_tui.runner.instance import Runner
from pantry_tui.runner.process import JobProcess
from pantry_tui.runner.terms import Terms
from tests.engine.runner.conftest import Blockade, at_work, backup_request, ended
from tests.engine.runner.scheduled import NOON, PatientClock, configured, scheduled, scheduling
from tests.servers import TestServer


@pytest.fixture
def ready(config: Config, crm: DatabaseTarget, mark: str) -> Config:
    """The configuration with the small database in it, by name."""
    return configured(config, crm, mark)


async def test_a_backup_every_minute(ready: Config, crm: DatabaseTarget, backups: RepositoryTarget) -> None:
    clock = PatientClock()
    async with scheduling(ready, clock) as (_runner, client):
        made = await client.create_schedule(scheduled(crm, "* * * * *", retention_days=7))
        await clock.advance(180)
        taken = await client.backups(backups)
        runs = await client.runs(made.id)
        status = await client.schedule("nightly")
        jobs = await client.jobs()

    assert len(taken) == 3
    assert {(backup.database, backup.started_by, backup.rows) for backup in taken} == {
        (crm.name, "schedule nightly", 1000)
    }
    assert [(run.due_at - NOON).total_seconds() for run in runs] == [240, 180, 120, 60]
    assert [run.state for run in runs] == [RunState.EXPECTED, *[RunState.STARTED] * 3]
    assert {run.outcome for run in runs[1:]} == {JobState.SUCCEEDED}
    assert sorted(run.job_ids[0] for run in runs[1:]) == sorted(job.id for job in jobs)
    assert {(job.schedule, job.due_at) for job in jobs} == {(made.id, run.due_at) for run in runs[1:]}
    assert status.last_run == runs[1]
    assert status.words == "every minute"
    told = [entry for entry in entries(Path(ready.data_directory)) if entry.action == "schedule.run"]
    assert [(entry.result, entry.details["name"]) for entry in told] == [("succeeded", "nightly")] * 3
    assert problems(Path(ready.data_directory)) == []


async def test_what_is_missed_is_known_to_the_next_runner(ready: Config, crm: DatabaseTarget) -> None:
    async with scheduling(ready) as (_, client):
        await client.create_schedule(scheduled(crm, "0 0 * * *"))
        [expected] = await client.runs()
    later = PatientClock(expected.due_at + timedelta(hours=3))

    async with scheduling(ready, later) as (_, client):
        await later.advance(1)
        runs = await client.runs()

    assert [run.state for run in runs] == [RunState.EXPECTED, RunState.LATE]
    assert runs[1].why == "no runner was at work; it was started 3 h late"
    assert runs[1].outcome is JobState.SUCCEEDED


async def test_validations_and_drills_take_the_latest_backup(
    ready: Config, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    async with scheduling(ready) as (_, client):
        for kind in (ScheduleKind.VALIDATE, ScheduleKind.DRILL):
            draft = msgspec.structs.replace(scheduled(crm, "@monthly", kind=kind), name=str(kind))
            await client.create_schedule(draft)
        with pytest.raises(NotFoundError, match=f"has no backup of {crm.name} to validate"):
            await client.execute_schedule("validate")
        await ended(client, await client.submit(backup_request(crm, backups)))
        [validation] = await client.execute_schedule("validate")
        [drill] = await client.execute_schedule("drill")
        done = [await ended(client, job) for job in (validation, drill)]
        [backup] = await client.backups(backups)

    assert [job.state for job in done] == [JobState.SUCCEEDED] * 2
    assert (backup.valid, backup.drilled) == (True, True)


@pytest.mark.parametrize("kind", [ScheduleKind.VALIDATE, ScheduleKind.DRILL])
async def test_a_killed_examination_is_really_done_again(
    ready: Config,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    monkeypatch: pytest.MonkeyPatch,
    kind: ScheduleKind,
) -> None:
    carry_out = JobProcess.carry_out

    async def killed(process: JobProcess, request: JobRequest, on_event: Callable[[Event], None]) -> Finished | Failed:
        monkeypatch.setattr(JobProcess, "carry_out", carry_out)
        os.kill(process.pid, signal.SIGKILL)
        return await carry_out(process, request, on_event)

    clock = PatientClock()
    async with scheduling(ready, clock) as (_, client):
        await ended(client, await client.submit(backup_request(crm, backups)))
        await client.create_schedule(scheduled(crm, "5 12 * * *", kind=kind, retry_seconds=60.0))
        monkeypatch.setattr(JobProcess, "carry_out", killed)
        await clock.advance(600)
        run = (await client.runs())[-1]
        jobs = await client.jobs()
        [backup] = await client.backups(backups)

    assert (run.attempts, run.outcome) == (2, JobState.SUCCEEDED)
    assert [(job.state, job.database) for job in jobs[:2]] == [
        (JobState.SUCCEEDED, crm.name),
        (JobState.FAILED, crm.name),
    ]
    assert (backup.valid if kind is ScheduleKind.VALIDATE else backup.drilled) is True


async def test_databases_without_a_backup_keep_no_other_from_being_examined(
    ready: Config, crm: DatabaseTarget, server: TestServer, backups: RepositoryTarget
) -> None:
    clock = PatientClock()
    async with scheduling(ready, clock) as (_, client):
        await ended(client, await client.submit(backup_request(crm, backups)))
        kind = ScheduleKind.VALIDATE
        await client.create_schedule(scheduled(crm, "5 12 * * *", kind=kind, all_databases=True))
        with pytest.raises(NotFoundError, match="has no backup of") as refusal:
            await client.execute_schedule("nightly")
        await clock.advance(600)
        run = (await client.runs())[-1]
        [backup] = await client.backups(backups)

    assert f"{crm.name}: job " in str(refusal.value.detail)
    assert (run.outcome, backup.valid) == (JobState.FAILED, True)
    assert "postgres" in run.given_up
    assert crm.name not in run.given_up


async def test_all_databases_of_a_server_and_new_ones(
    ready: Config, crm: DatabaseTarget, server: TestServer, backups: RepositoryTarget
) -> None:
    clock = PatientClock()
    events: list[DatabaseAppeared] = []
    async with scheduling(ready, clock) as (runner, client):
        listening = asyncio.create_task(_listen(runner, events))
        await client.create_schedule(scheduled(crm, "* * * * *", all_databases=True, kind=ScheduleKind.SCHEMA))
        await clock.advance(60)
        added = server.create_database().name
        await clock.advance(60)
        taken = [backup.database for backup in await client.backups(backups)]
        [status] = await client.schedules()
        listening.cancel()

    assert {crm.name, "postgres", added} <= set(taken)
    assert (taken.count(crm.name), taken.count(added)) == (2, 1)
    assert [event.database for event in events] == [added]
    assert added in status.schedule.databases_seen


async def _listen(runner: Runner, events: list[DatabaseAppeared]) -> None:
    async for event in runner.board.changes():
        if isinstance(event, DatabaseAppeared):
            events.append(event)  # noqa: PERF401  (there is no end to collect them at)


async def test_a_job_that_takes_too_long(ready: Config, crm: DatabaseTarget, blockade: Blockade) -> None:
    slow = msgspec.structs.replace(ready, backup=msgspec.structs.replace(ready.backup, lock_timeout_seconds=60.0))
    clock = PatientClock()
    heard: list[RunEnded] = []
    async with scheduling(slow, clock) as (runner, client):
        runner.scheduler._listener = lambda event: heard.append(event) if isinstance(event, RunEnded) else None
        await client.create_schedule(scheduled(crm, "* * * * *", timeout_seconds=1.0, on_failure=("ops",)))
        await clock.advance(60)
        [job] = await client.jobs()
        _, run = await client.runs()

    assert (job.state, run.outcome, run.attempts) == (JobState.TIMED_OUT, JobState.TIMED_OUT, 1)
    assert job.failure is not None
    assert job.failure.message == "the job was stopped after 1 s, which is all its schedule allows"
    assert [(event.run.outcome, event.on_failure) for event in heard] == [(JobState.TIMED_OUT, ("ops",))]


async def test_people_go_before_the_clock(
    ready: Config, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    async with scheduling(ready, settings=ExecutorSettings(max_jobs=1)) as (runner, client):
        first = await client.submit(backup_request(crm, backups))
        await at_work(client, first)
        request = backup_request(crm, backups, "by the clock")
        waits = Terms(schedule="s", due_at=NOON)
        scheduled_job = await runner.executor.submit(request, "schedule", waits)
        asked = await client.submit(backup_request(crm, backups, "by a person"))
        blockade.lift()
        done = [await ended(client, job) for job in (first, scheduled_job, asked)]

    assert [job.state for job in done] == [JobState.SUCCEEDED] * 3
    starts = [job.started_at for job in done if job.started_at is not None]
    assert starts[0] < starts[2] < starts[1]


async def test_no_more_scheduled_jobs_at_once_than_configured(
    ready: Config, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    async with scheduling(ready, settings=ExecutorSettings(max_jobs=3, max_scheduled=1)) as (runner, client):
        waits = Terms(schedule="s", due_at=NOON)
        first = await runner.executor.submit(backup_request(crm, backups), "schedule", waits)
        await at_work(client, first)
        other = ValidateRequest(repository=backups, backup_id="20261123T020000Z-daily-7f3a")
        second = await runner.executor.submit(
            msgspec.structs.replace(backup_request(crm, backups), name="second"), "schedule", waits
        )
        with pytest.raises(NotFoundError):
            await runner.executor.submit(other, "schedule", waits)
        assert (runner.board.running, runner.board.queued) == (1, 1)
        blockade.lift()
        await ended(client, second)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"cron": "R * * * *"}, UsageError, "drawn by lot"),
        ({"timezone": "Mars/Olympus"}, UsageError, "no time zone"),
        ({"kind": ScheduleKind.COPY}, ConfigError, "nothing says where the backups"),
        ({"database": "postgresql://u:secret@h/d"}, UsageError, "an address is none"),
        ({"database": "host=h password=secret"}, UsageError, "an address is none"),
        ({"database": "elsewhere"}, ConfigError, "which is not configured"),
        ({"repository": "nowhere"}, NotFoundError, "No repository is called 'nowhere'"),
        ({"name": " "}, UsageError, "empty"),
        ({"name": "a\x1b[2J"}, UsageError, "control characters"),
        ({"tags": ("a\nb",)}, UsageError, "cannot be a tag"),
        ({"on_failure": ("https://hooks.slack.com/services/T0/secret",)}, UsageError, "a URL is none"),
        ({"retries": -1}, UsageError, "number of retries"),
        ({"timeout_seconds": 0.0}, UsageError, "timeout"),
        ({"retention_days": 0}, UsageError, "retention"),
        ({"kind": ScheduleKind.SCHEMA, "format": BackupFormat.CSV}, UsageError, "format csv"),
        ({"address": "crm at elsewhere, port 1", "database": None}, ConfigError, "here its name means"),
    ],
)
async def test_what_is_refused(
    ready: Config, crm: DatabaseTarget, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    one = msgspec.structs.replace(ready, default_database=crm.name)
    async with scheduling(one) as (_runner, client):
        with pytest.raises(error, match=message) as refusal:
            await client.create_schedule(msgspec.structs.replace(scheduled(crm, "0 2 * * *"), **changes))
        assert await client.schedules() == []

    assert "secret" not in str(refusal.value)
    assert b"secret" not in b"".join(path.read_bytes() for path in Path(ready.data_directory).glob("*.jsonl"))


async def test_two_of_one_name_and_unknown_ones(ready: Config, crm: DatabaseTarget) -> None:
    async with scheduling(ready) as (_, client):
        made = await client.create_schedule(scheduled(crm, "0 2 * * *"))
        with pytest.raises(UsageError, match="there is a schedule 'nightly' already"):
            await client.create_schedule(scheduled(crm, "0 3 * * *"))
        assert (await client.schedule(made.id)).schedule == (await client.schedule("nightly")).schedule
        for call in (
            client.schedule("nope"),
            client.enable_schedule("nope"),
            client.delete_schedule("nope"),
            client.execute_schedule("nope"),
            client.edit_schedule("nope", made),
            client.runs("nope"),
        ):
            with pytest.raises(NotFoundError, match="no schedule 'nope'"):
                await call


async def test_disabled_enabled_edited_deleted(ready: Config, crm: DatabaseTarget) -> None:
    async with scheduling(ready) as (_, client):
        made = await client.create_schedule(scheduled(crm, "0 2 * * *"))
        assert not (await client.enable_schedule("nightly", enabled=False)).enabled
        assert (await client.runs(), (await client.schedule("nightly")).next_runs) == ([], ())
        assert (await client.enable_schedule("nightly")).enabled
        edited = await client.edit_schedule("nightly", msgspec.structs.replace(made, name="later", cron="0 5 * * *"))
        assert (edited.id, edited.created_at, edited.name) == (made.id, made.created_at, "later")
        [run] = await client.runs("later")
        assert (run.due_at.hour, run.state) == (5, RunState.EXPECTED)
        seen = await client.preview_schedule("0 5 * * *", "Europe/Vienna", count=2)
        assert (seen.words, len(seen.next_runs)) == ("every day at 05:00", 2)
        await client.delete_schedule("later")
        assert (await client.schedules(), await client.runs()) == ([], [])


async def test_a_schedule_outlives_its_database_in_the_configuration(ready: Config, crm: DatabaseTarget) -> None:
    async with scheduling(ready) as (_, client):
        await client.create_schedule(scheduled(crm, "0 2 * * *"))
    async with scheduling(msgspec.structs.replace(ready, databases={})) as (_, client):
        with pytest.raises(ConfigError, match=f"the database {crm.name}, which is not configured"):
            await client.execute_schedule("nightly")


async def test_a_defect_of_the_scheduler_ends_the_runner(ready: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run_until_stopped() -> None:
        async with scheduling(ready, PatientClock()) as (runner, _):
            monkeypatch.setattr(runner.scheduler, "look", lambda: 1 / 0)
            runner.scheduler.wake()
            await runner.stopped.wait()

    with pytest.raises(ZeroDivisionError):
        await run_until_stopped()
