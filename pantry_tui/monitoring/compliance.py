"""What became of each schedule's runs, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pantry_tui.models import DayCompliance, ExpectedRun, JobState, RunState, Schedule


def compliance(
    schedules: Iterable[Schedule], runs: Sequence[ExpectedRun], now: datetime, *, days: int
) -> list[DayCompliance]:
    """A row for each schedule and each of the last so many days of its own time zone, today being the last.

    A run that is late and succeeded counts as late, not as done; one that another stands for counts as missed. One that is
    to come, or at work, is expected and no more.
    """
    found = []
    for schedule in schedules:
        zone = _zone(schedule.timezone)
        own = [run for run in runs if run.schedule_id == schedule.id]
        today = now.astimezone(zone).date()
        for back in range(days - 1, -1, -1):
            day = today - timedelta(days=back)
            of_day = [run for run in own if run.due_at.astimezone(zone).date() == day]
            found.append(_day(schedule, f"{day:%Y-%m-%d}", of_day))
    return found


def _day(schedule: Schedule, day: str, runs: Sequence[ExpectedRun]) -> DayCompliance:
    started = [run for run in runs if run.state.was_started and not run.is_open]
    succeeded = [run for run in started if run.outcome is JobState.SUCCEEDED]
    late = sum(run.state is RunState.LATE for run in succeeded)
    return DayCompliance(
        schedule_id=schedule.id,
        schedule=schedule.name,
        day=day,
        expected=len(runs),
        done=len(succeeded) - late,
        late=late,
        failed=len(started) - len(succeeded),
        missed=sum(not run.state.was_started and run.state is not RunState.EXPECTED for run in runs),
    )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # that this machine does not know any more
        return UTC
