"""Schedules as they stand after a month: some went well, some did not."""

from __future__ import annotations

from datetime import timedelta

from pantry_tui.errors import ServerUnreachableError
from pantry_tui.models import ExpectedRun, Failure, JobState, RunState, Schedule, ScheduleKind
from tests.tui.stand_in import NOW, StandIn

NIGHTLY = Schedule(name="nightly", cron="0 2 * * *", timezone="Europe/Vienna", database="crm", retention_days=30)
OFTEN = Schedule(name="four-hourly", cron="30 */4 * * *", kind=ScheduleKind.INCREMENTAL, database="crm")
DRILL = Schedule(name="monthly-drill", cron="0 4 1 * *", kind=ScheduleKind.DRILL, enabled=False)


def fill(runner: StandIn) -> None:
    """Three schedules with their runs."""
    nightly, often, _ = (runner.plan(each) for each in (NIGHTLY, OFTEN, DRILL))
    failure = Failure.of(ServerUnreachableError("db1 does not answer", remedy="start it"))
    at = NOW - timedelta(hours=5)
    runner.past_runs = [
        _run(often, hours=4, outcome=JobState.FAILED, failure=failure),
        _run(nightly, hours=8, outcome=JobState.SUCCEEDED),
        _run(nightly, hours=32, outcome=JobState.SUCCEEDED, state=RunState.LATE, why="no runner was at work"),
        _run(nightly, hours=56, state=RunState.MISSED, why="no runner was at work, and it was too late"),
    ]
    assert all(run.due_at < at + timedelta(hours=2) for run in runner.past_runs)


def _run(
    schedule: Schedule,
    *,
    hours: int,
    outcome: JobState | None = None,
    state: RunState = RunState.STARTED,
    why: str = "",
    failure: Failure | None = None,
) -> ExpectedRun:
    due = NOW - timedelta(hours=hours)
    started = due if outcome is not None else None
    return ExpectedRun(
        schedule_id=schedule.id,
        schedule=schedule.name,
        due_at=due,
        state=state,
        why=why,
        written_at=due - timedelta(hours=24),
        started_at=started,
        finished_at=started and started + timedelta(seconds=19),
        attempts=0 if started is None else 1,
        outcome=outcome,
        failure=failure,
    )
