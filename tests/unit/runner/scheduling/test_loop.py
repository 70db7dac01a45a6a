"""The scheduler by a simulated clock: in time, late, missed, skipped, tried again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from pantry_tui.errors import (
    ConfigError,
    DiskFullError,
    InterruptedJobError,
    ServerUnreachableError,
    StorageError,
)
from pantry_tui.events import ClockMoved, RunEnded, RunMissed
from pantry_tui.models import Failure, JobState, MissedRuns, RunState
from tests.unit.runner.scheduling.conftest import NOON, Desk

HOUR = 3600.0
UNREACHABLE = Failure.of(ServerUnreachableError("no server answers"))
FULL = Failure.of(DiskFullError("no room"))
CUT_OFF = Failure.of(InterruptedJobError("the runner ended"))


async def test_the_next_run_is_written_down_before_it_is_due(desk: Desk) -> None:
    desk.create("0 * * * *")

    [expected] = desk.runs()

    assert (expected.state, expected.due_at) == (RunState.EXPECTED, NOON + timedelta(hours=1))


async def test_runs_start_in_time_and_end(desk: Desk) -> None:
    desk.create("0 * * * *", on_success=("ops",))

    await desk.run(2.5 * HOUR)

    first, second, third = desk.runs()
    assert (first.state, first.outcome, first.due_at) == (
        RunState.STARTED,
        JobState.SUCCEEDED,
        NOON + timedelta(hours=1),
    )
    assert first.started_at == first.due_at
    assert first.finished_at == first.due_at + timedelta(seconds=10)
    assert second.due_at == NOON + timedelta(hours=2)
    assert (third.state, third.due_at) == (RunState.EXPECTED, NOON + timedelta(hours=3))
    assert [(event.run.outcome, event.on_success) for event in desk.told(RunEnded)] == [
        (JobState.SUCCEEDED, ("ops",))
    ] * 2
    assert desk.told(RunMissed) == []
    assert [job.due_at for job in desk.work.jobs.values()] == [first.due_at, second.due_at]


async def test_after_down_time_the_last_run_is_late_and_stands_for_the_others(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.clock.pass_time(3.5 * HOUR)

    await desk.run(60)

    *caught_up, late, _ = desk.runs()
    assert [run.state for run in caught_up] == [RunState.CAUGHT_UP] * 2
    assert (late.state, late.outcome) == (RunState.LATE, JobState.SUCCEEDED)
    assert late.why == "no runner was at work; it was started 30 min late"
    assert [event.run.state for event in desk.told(RunMissed)] == [RunState.CAUGHT_UP] * 2 + [RunState.LATE]


@pytest.mark.parametrize(
    ("policy", "limit", "state"),
    [
        (MissedRuns.SKIP, 3600, RunState.SKIPPED),
        (MissedRuns.IF_YOUNGER, 1200, RunState.MISSED),
        (MissedRuns.IF_YOUNGER, 2400, RunState.LATE),
    ],
)
async def test_the_policy_decides(desk: Desk, policy: MissedRuns, limit: float, state: RunState) -> None:
    desk.create("0 * * * *", missed=policy, missed_seconds=limit)
    desk.clock.pass_time(1.5 * HOUR)

    await desk.run(60)

    assert desk.runs()[0].state is state
    assert len(desk.work.jobs) == (1 if state is RunState.LATE else 0)


async def test_a_sleeping_machine(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.clock.plan(60, lambda: desk.clock.sleep(1.5 * HOUR))

    await desk.run(120)

    assert desk.runs()[0].why == "the machine slept for 5,400 s; it was started 31 min late"
    assert [event.cause for event in desk.told(ClockMoved)] == ["the machine slept for 5,400 s"]


async def test_a_clock_that_is_put_forward(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.clock.plan(60, lambda: desk.clock.set(1.5 * HOUR))

    await desk.run(120)

    assert desk.runs()[0].why.startswith("the machine's clock was put forward by 5,400 s")


async def test_a_runner_that_was_stopped_for_a_while(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.clock.plan(60, lambda: desk.clock.pass_time(1.5 * HOUR))

    await desk.run(120)

    assert desk.runs()[0].why.startswith("the runner was held up for 5,4")


async def test_a_clock_that_is_put_back_repeats_no_run(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.clock.plan(1.5 * HOUR, lambda: desk.clock.set(-HOUR))

    await desk.run(3.2 * HOUR)

    assert [(run.due_at - NOON).total_seconds() / HOUR for run in desk.runs()] == [1, 2, 3]
    assert len(desk.work.jobs) == 2


async def test_a_clock_that_was_a_year_ahead_does_not_silence_a_schedule(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.clock.set(365 * 86400)
    desk.clock.plan(1.5 * HOUR, lambda: desk.clock.set(-365 * 86400))

    await desk.run(4.5 * HOUR)

    back = [run for run in desk.runs() if run.due_at < NOON + timedelta(days=1)]
    assert [(run.state, run.outcome) for run in back if run.state is RunState.STARTED] == [
        (RunState.STARTED, JobState.SUCCEEDED)
    ] * 3


async def test_no_run_is_begun_beside_one_at_work(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.work.outcome = lambda job: (1.5 * HOUR, None)

    await desk.run(3.2 * HOUR)

    assert [run.state for run in desk.runs()] == [
        RunState.STARTED,
        RunState.SKIPPED,
        RunState.STARTED,
        RunState.EXPECTED,
    ]
    assert desk.runs()[1].why == "the run of 2026-11-23 13:00:00 UTC was still at work"


async def test_faults_that_can_pass_are_tried_again_with_longer_waits(desk: Desk) -> None:
    desk.create("0 * * * *", retries=2, retry_seconds=60)
    desk.work.outcome = lambda job: (10.0, UNREACHABLE if len(desk.work.jobs) < 3 else None)

    await desk.run(1.5 * HOUR)

    run = desk.runs()[0]
    assert (run.outcome, run.attempts, run.failure) == (JobState.SUCCEEDED, 3, None)
    starts = [(job.queued_at - run.due_at).total_seconds() for job in desk.work.jobs.values()]
    assert starts == [0, 70, 200]
    assert [event.run.retry_at is not None for event in desk.told(RunEnded)] == [True, True, False]


async def test_retries_come_to_an_end(desk: Desk) -> None:
    desk.create("0 * * * *", retries=1)
    desk.work.outcome = lambda job: (10.0, UNREACHABLE)

    await desk.run(1.5 * HOUR)

    run = desk.runs()[0]
    assert (run.outcome, run.attempts, run.failure) == (JobState.FAILED, 2, UNREACHABLE)
    assert run.finished_at is not None


async def test_faults_that_stay_are_not_tried_again(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.work.outcome = lambda job: (10.0, FULL)

    await desk.run(1.5 * HOUR)

    assert (desk.runs()[0].attempts, desk.runs()[0].outcome) == (1, JobState.FAILED)


async def test_what_cannot_even_begin_has_failed(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.work.refusal = ConfigError("the database main is not configured")

    await desk.run(1.5 * HOUR)

    run = desk.runs()[0]
    assert (run.outcome, run.job_ids) == (JobState.FAILED, ())
    assert run.failure is not None
    assert run.failure.message == "the database main is not configured"


async def test_a_defect_in_one_schedule_leaves_the_others_alone(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.work.refusal = ZeroDivisionError("oops")

    await desk.run(2.5 * HOUR)

    assert [run.failure.code for run in desk.runs() if run.failure is not None] == ["internal"] * 2


async def test_a_run_that_waits_to_be_tried_again_gives_way_to_the_next(desk: Desk) -> None:
    desk.create("*/10 * * * *", retry_seconds=900)
    desk.work.outcome = lambda job: (10.0, UNREACHABLE if len(desk.work.jobs) == 1 else None)

    await desk.run(1500)

    first, second, _ = desk.runs()
    assert (first.outcome, first.why) == (JobState.FAILED, "the run of 2026-11-23 12:20:00 UTC took its place")
    assert second.outcome is JobState.SUCCEEDED


async def test_after_a_crash_the_run_is_tried_again(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.work.outcome = lambda job: (600.0, None)
    await desk.run(HOUR + 60)

    desk.work.crash(CUT_OFF)
    desk.restart()
    await desk.run(1500)

    run = desk.runs()[0]
    assert (run.outcome, run.attempts) == (JobState.SUCCEEDED, 2)
    assert [event.run.failure for event in desk.told(RunEnded)] == [CUT_OFF, None]


@pytest.mark.parametrize("policy", [MissedRuns.SKIP, MissedRuns.IF_YOUNGER])
async def test_long_after_a_crash_the_policy_says_whether(desk: Desk, policy: MissedRuns) -> None:
    desk.create("0 13 * * *", missed=policy)
    desk.work.outcome = lambda job: (600.0, None)
    await desk.run(HOUR + 60)

    desk.work.crash(CUT_OFF)
    desk.clock.pass_time(2 * HOUR)
    desk.restart()
    await desk.run(1500)

    assert (desk.runs()[0].attempts, desk.runs()[0].outcome) == (1, JobState.FAILED)
    assert desk.runs()[0].why == "it is too late to try it again"


async def test_a_job_that_ended_while_nobody_wrote_it_down_is_not_repeated(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.work.outcome = lambda job: (600.0, None)
    await desk.run(HOUR + 60)

    [job] = desk.work.alive
    desk.work.scheduler = None
    desk.work.end(job.id, None)
    desk.restart()
    await desk.run(60)

    assert (desk.runs()[0].outcome, len(desk.work.jobs)) == (JobState.SUCCEEDED, 1)


async def test_a_runner_that_is_told_to_end_leaves_the_run_to_the_next(desk: Desk) -> None:
    desk.create("0 * * * *")
    desk.work.outcome = lambda job: (600.0, None)
    await desk.run(HOUR + 60)

    desk.scheduler.close()
    [job] = desk.work.alive
    desk.work.end(job.id, CUT_OFF)
    await desk.scheduler.settled()

    assert desk.runs()[0].is_open
    desk.clock.cancel_plans()
    desk.restart()
    await desk.run(1500)
    assert (desk.runs()[0].outcome, desk.runs()[0].attempts) == (JobState.SUCCEEDED, 2)


async def test_nothing_begins_that_cannot_be_recorded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.create("0 * * * *")

    def full(*_: object) -> None:
        raise StorageError("no room")

    with monkeypatch.context() as without_room:
        without_room.setattr(desk.catalog, "change_runs", full)
        await desk.run(HOUR + 30)
    assert desk.work.jobs == {}

    await desk.run(30)
    assert desk.runs()[0].state is RunState.STARTED


async def test_disabled_and_changed_schedules(desk: Desk) -> None:
    schedule = desk.create("0 * * * *")
    desk.scheduler.retire(schedule)
    disabled = msgspec.structs.replace(schedule, enabled=False)
    desk.catalog.put_schedule(disabled)
    desk.scheduler.expect(disabled)
    await desk.run(2 * HOUR)
    assert desk.runs() == []

    changed = msgspec.structs.replace(schedule, cron="30 * * * *")
    desk.catalog.put_schedule(changed)
    desk.scheduler.expect(changed)
    await desk.run(HOUR)
    assert [run.due_at.minute for run in desk.runs()] == [30, 30]


async def test_a_schedule_that_is_changed_while_it_is_overdue(desk: Desk) -> None:
    schedule = desk.create("0 * * * *")
    desk.clock.pass_time(2.5 * HOUR)

    desk.scheduler.retire(schedule)

    assert [run.state for run in desk.runs()] == [RunState.SKIPPED] * 2
    assert {run.why for run in desk.runs()} == {"the schedule was changed before a runner came to it"}
    assert [event.run for event in desk.told(RunMissed)] == desk.runs()


@pytest.mark.parametrize("seconds", [0, 30, 90])
async def test_changing_it_right_when_it_is_due_leaves_nothing_open(desk: Desk, seconds: float) -> None:
    schedule = desk.create("0 * * * *")
    desk.clock.pass_time(HOUR + seconds)

    desk.scheduler.retire(schedule)
    desk.scheduler.expect(schedule)

    assert [(run.state, run.is_open) for run in desk.runs()] == [(RunState.SKIPPED, False), (RunState.EXPECTED, False)]


async def test_a_zone_that_is_no_longer_known_can_be_changed(desk: Desk) -> None:
    schedule = desk.create("0 * * * *")
    desk.clock.pass_time(1.5 * HOUR)

    desk.scheduler.retire(msgspec.structs.replace(schedule, timezone="Mars/Olympus"))
    desk.scheduler.expect(schedule)

    assert [run.state for run in desk.runs()] == [RunState.SKIPPED, RunState.EXPECTED]


async def test_a_schedule_deleted_while_it_is_to_be_tried_again(desk: Desk) -> None:
    schedule = desk.create("0 * * * *")
    desk.work.outcome = lambda job: (10.0, UNREACHABLE)
    await desk.run(HOUR + 30)

    desk.scheduler.retire(schedule)
    desk.catalog.remove_schedule(schedule.id)
    await desk.run(300)

    [run] = desk.runs()
    assert (run.outcome, run.why, run.attempts) == (JobState.FAILED, "the schedule was deleted", 1)
    await asyncio.sleep(0)


async def test_a_catalog_that_cannot_be_read_for_a_while(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.create("0 * * * *")

    def unreadable() -> None:
        raise StorageError("input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(desk.catalog, "schedules", unreadable)
        await desk.run(HOUR / 2)
    await desk.run(HOUR)

    assert desk.runs()[0].outcome is JobState.SUCCEEDED


async def test_a_zone_that_this_machine_no_longer_knows(desk: Desk) -> None:
    schedule = desk.create("0 * * * *")
    desk.catalog.put_schedule(msgspec.structs.replace(schedule, timezone="Mars/Olympus"))

    await desk.run(3 * HOUR)

    [run] = desk.runs()
    assert (run.state, run.why) == (RunState.MISSED, "there is no time zone 'Mars/Olympus'")
    assert [event.run for event in desk.told(RunMissed)] == [run]
