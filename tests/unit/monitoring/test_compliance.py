"""What became of each schedule's runs, by the days of its own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pantry_tui.models import DayCompliance, ExpectedRun, JobState, RunState, Schedule
from pantry_tui.monitoring.compliance import compliance

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def run(
    due: datetime, state: RunState = RunState.STARTED, outcome: JobState | None = JobState.SUCCEEDED
) -> ExpectedRun:
    ended = due + timedelta(minutes=5) if outcome is not None else None
    return ExpectedRun(
        schedule_id="s", schedule="nightly", due_at=due, written_at=due, state=state, outcome=outcome, finished_at=ended
    )


def of(*runs: ExpectedRun, days: int = 3, zone: str = "UTC") -> list[DayCompliance]:
    return compliance([Schedule(id="s", name="nightly", cron="0 2 * * *", timezone=zone)], runs, NOW, days=days)


def test_every_outcome_counts_where_it_belongs() -> None:
    yesterday = NOW - DAY
    [_, before, today] = of(
        run(yesterday),
        run(yesterday + timedelta(hours=1), RunState.LATE),
        run(yesterday + timedelta(hours=2), RunState.LATE, JobState.FAILED),
        run(yesterday + timedelta(hours=3), RunState.STARTED, JobState.TIMED_OUT),
        run(yesterday + timedelta(hours=4), RunState.MISSED, None),
        run(yesterday + timedelta(hours=5), RunState.SKIPPED, None),
        run(yesterday + timedelta(hours=6), RunState.CAUGHT_UP, None),
        run(NOW, RunState.STARTED, None),
        run(NOW + timedelta(hours=1), RunState.EXPECTED, None),
    )
    assert (before.expected, before.done, before.late, before.failed, before.missed) == (7, 1, 1, 2, 3)
    assert (today.expected, today.done, today.late, today.failed, today.missed) == (2, 0, 0, 0, 0)


def test_every_day_has_its_row() -> None:
    assert [day.day for day in of(days=4)] == ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"]


def test_days_are_those_of_the_zone() -> None:
    late_evening = datetime(2026, 11, 23, 2, tzinfo=UTC)  # still the day before in New York
    assert [day.done for day in of(run(late_evening), days=2, zone="America/New_York")] == [1, 0]
    assert [day.done for day in of(run(late_evening), days=2, zone="Nowhere/AtAll")] == [0, 1]


def test_runs_of_others_are_theirs() -> None:
    other = ExpectedRun(schedule_id="other", schedule="o", due_at=NOW, written_at=NOW)
    assert sum(day.expected for day in of(other)) == 0
