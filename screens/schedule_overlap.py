"""Which schedules would run at the same time: one job of a database waits for the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pantry_tui.models import Schedule, ScheduleStatus
from pantry_tui.timetable import in_zone


def overlap_words(draft: Schedule, runs: Sequence[datetime], others: Sequence[ScheduleStatus]) -> list[str]:
    """A sentence for each other schedule of the same database that is due in the same minute as one of ``runs``."""
    said = []
    minutes = {_minute(run) for run in runs}
    for status in others:
        other = status.schedule
        if other.id == draft.id or not (_same_database(draft, other)):
            continue
        shared = next((run for run in status.next_runs if _minute(run) in minutes), None)
        if shared is not None:
            said.append(f"{other.name} runs at {in_zone(shared, draft.timezone)} too: one waits for the other")
    return said


def _minute(run: datetime) -> datetime:
    return run.replace(second=0, microsecond=0)


def _same_database(one: Schedule, other: Schedule) -> bool:
    return one.all_databases or other.all_databases or one.database in (other.database, None) or other.database is None
