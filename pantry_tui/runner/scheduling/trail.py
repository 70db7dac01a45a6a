"""What the scheduler did of itself, in the audit trail."""

from __future__ import annotations

from typing import Any

from pantry_tui.events import ClockMoved, DatabaseAppeared, RunEnded, RunMissed, ScheduleEvent, SchedulesTroubled
from pantry_tui.models import ExpectedRun
from pantry_tui.runner.audit import AuditTrail

_WHO = "runner"


def note_event(audit: AuditTrail, event: ScheduleEvent) -> None:
    """Writes an event of the schedules into the trail."""
    match event:
        case RunMissed(run=run):
            audit.note(_WHO, "schedule.missed", run.schedule_id, run.state.value, {**_details(run), "why": run.why})
        case RunEnded(run=run):
            result = "to be tried again" if run.is_open else str(run.outcome)
            failure = run.failure.message if run.failure is not None else None
            audit.note(_WHO, "schedule.run", run.schedule_id, result, {**_details(run), "failure": failure})
        case DatabaseAppeared(schedule_id=schedule_id, schedule=schedule, database=database):
            audit.note(_WHO, "schedule.database", schedule_id, "taken in", {"name": schedule, "database": database})
        case SchedulesTroubled(problems=problems):
            audit.note(_WHO, "schedules.troubled", "schedules", "noticed", {"problems": list(problems)})
        case ClockMoved(seconds=seconds, cause=cause):
            audit.note(_WHO, "clock.moved", "clock", "noticed", {"seconds": round(seconds), "cause": cause})


def _details(run: ExpectedRun) -> dict[str, Any]:
    return {"name": run.schedule, "due_at": f"{run.due_at:%Y-%m-%dT%H:%M:%SZ}", "attempts": run.attempts}
