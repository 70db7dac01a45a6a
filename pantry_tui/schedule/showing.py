"""Schedules as people look at them: in words, with the runs to come and the last one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pantry_tui.errors import UsageError
from pantry_tui.models import (
    ExpectedRun,
    RunState,
    Schedule,
    SchedulePreview,
    ScheduleStatus,
)
from pantry_tui.schedule.accounts import rhythm
from pantry_tui.schedule.clock_changes import clock_change_notes
from pantry_tui.schedule.cron import parse_cron
from pantry_tui.schedule.occurrences import next_runs, time_zone
from pantry_tui.schedule.words import in_words

SHOWN_RUNS = 5


def status_of(schedule: Schedule, runs: Sequence[ExpectedRun], now: datetime, *, running: bool) -> ScheduleStatus:
    """A schedule at ``now``. ``runs`` are its own, those due last first; ``running``: whether one has jobs at work."""
    last = next((run for run in runs if run.state is not RunState.EXPECTED), None)
    try:
        cron, zone = rhythm(schedule)
    except UsageError as error:  # this machine does not know its zone
        return ScheduleStatus(schedule=schedule, words=error.message, last_run=last, running=running)
    coming = tuple(next_runs(cron, zone, now, SHOWN_RUNS)) if schedule.enabled else ()
    return ScheduleStatus(schedule=schedule, words=in_words(cron), next_runs=coming, last_run=last, running=running)


def preview(text: str, timezone: str, *, after: datetime, seconds: bool = False, count: int = 5) -> SchedulePreview:
    """What an expression means, with its next runs behind ``after``. Raises `UsageError`."""
    cron, zone = parse_cron(text, with_seconds=seconds), time_zone(timezone)
    coming = tuple(next_runs(cron, zone, after, count))
    notes = clock_change_notes(cron, zone, after)
    return SchedulePreview(cron=text, timezone=timezone, words=in_words(cron), next_runs=coming, notes=notes)
