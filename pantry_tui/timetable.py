"""Schedules and their runs in words, the same on the screens and on the command line."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pantry_tui.models import BackupSelection, ExpectedRun, MissedRuns, RunState, Schedule, ScheduleKind


def in_zone(value: datetime, zone: str) -> str:
    """A moment by the clocks of a zone, to the minute, or the second where that counts."""
    local = value.astimezone(ZoneInfo(zone))
    return local.strftime("%Y-%m-%d %H:%M:%S %Z" if local.second else "%Y-%m-%d %H:%M %Z")


def outcome_words(run: ExpectedRun) -> str:
    """What became of a run whose time has come."""
    if not run.state.was_started:
        return str(run.state)
    if run.retry_at is not None:
        return "to be tried again"
    outcome = str(run.outcome) if run.outcome is not None else "started"
    return f"{outcome}, late" if run.state is RunState.LATE else outcome


def of_words(schedule: Schedule) -> str:
    """Of which database, or of all of which server."""
    name = schedule.database or schedule.address or "the default database"
    return f"all of {name}" if schedule.all_databases else name


def selection_words(chosen: BackupSelection) -> str:
    """Which tables; empty where all are taken."""
    parts = (
        ("tables", chosen.tables),
        ("without tables", chosen.exclude_tables),
        ("schemas", chosen.schemas),
        ("without schemas", chosen.exclude_schemas),
    )
    return "; ".join(f"{what} {', '.join(patterns)}" for what, patterns in parts if patterns)


def missed_words(schedule: Schedule, limit: str) -> str:
    """What becomes of runs that no runner was there for; ``limit``: how late one may be, in words."""
    return {
        MissedRuns.RUN_ONCE: "the last one is run late",
        MissedRuns.IF_YOUNGER: f"the last one is run, at most {limit} late",
        MissedRuns.SKIP: "skipped",
    }[schedule.missed]


def default_schedules(zone: str) -> tuple[Schedule, ...]:
    """What most databases want: a full backup a day, an incremental one every four hours, a drill a month."""
    return (
        Schedule(name="daily", cron="0 2 * * *", timezone=zone, retention_days=30),
        Schedule(
            name="four-hourly", cron="30 */4 * * *", timezone=zone, kind=ScheduleKind.INCREMENTAL, retention_days=7
        ),
        Schedule(name="monthly-drill", cron="0 4 1 * *", timezone=zone, kind=ScheduleKind.DRILL),
    )
