"""How schedules and their runs are printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pantry_tui.cli.output import Column, counted, duration, moment, print_fields, print_line, print_table
from pantry_tui.config import Config
from pantry_tui.models import ExpectedRun, RunState, SchedulePreview, ScheduleStatus
from pantry_tui.timetable import in_zone, missed_words, of_words, outcome_words, selection_words

_LIST = (
    Column("NAME", least=8),
    Column("WHEN", least=16),
    Column("KIND"),
    Column("OF", least=6, spare=1),
    Column("NEXT RUN"),
    Column("LAST RUN", least=8, spare=2),
)
_RUNS = (
    Column("DUE"),
    Column("RUN"),
    Column("OUTCOME", spare=1),
    Column("TOOK", right=True, spare=3),
    Column("WHY", least=20, spare=2),
)


def document(status: ScheduleStatus) -> dict[str, Any]:
    """A schedule for `--json`: its own keys, and those of how it stands."""
    found = status.to_builtins()
    schedule: dict[str, Any] = found.pop("schedule")
    return {**schedule, **found}


def print_list(statuses: Sequence[ScheduleStatus]) -> None:
    """Prints schedules, one a line."""
    print_table(_LIST, [_row(status) for status in statuses])


def print_preview(seen: SchedulePreview) -> None:
    """Prints what an expression means."""
    print_line(f"{seen.words} ({seen.timezone})")
    for each in seen.next_runs:
        print_line(f"  {in_zone(each, seen.timezone)}")
    for note in seen.notes:
        print_line(f"note: {note}")


def print_schedule(status: ScheduleStatus, runs: Sequence[ExpectedRun], config: Config) -> None:
    """Prints one schedule with its runs."""
    print_fields([field for field in _fields(status, config) if field[1]])
    past = [run for run in runs if run.state is not RunState.EXPECTED]
    if past:
        print_line()
        print_table(_RUNS, [_run_row(run, status.schedule.timezone) for run in past])


def _row(status: ScheduleStatus) -> tuple[str, ...]:
    schedule = status.schedule
    coming = in_zone(status.next_runs[0], schedule.timezone) if status.next_runs else "never"
    return (
        schedule.name,
        status.words,
        str(schedule.kind),
        of_words(schedule),
        coming if schedule.enabled else "disabled",
        _last(status),
    )


def _last(status: ScheduleStatus) -> str:
    run = status.last_run
    if status.running:
        return "at work"
    return f"{outcome_words(run)} {moment(run.due_at)[:16]}" if run is not None else ""


def _fields(status: ScheduleStatus, config: Config) -> list[tuple[str, str]]:
    schedule = status.schedule
    zone = schedule.timezone
    default_days = config.scheduler.default_retention_days
    days = schedule.retention_days
    kept = counted(days, "day") if days is not None else f"{counted(default_days, 'day')} (the default)"
    return [
        ("id", schedule.id),
        ("name", schedule.name),
        ("state", "at work" if status.running else "enabled" if schedule.enabled else "disabled"),
        ("when", f"{status.words} ({zone})"),
        ("cron", schedule.cron),
        ("kind", f"{schedule.kind}, {schedule.format}" if schedule.kind.takes_backup else str(schedule.kind)),
        ("of", of_words(schedule)),
        ("into" if schedule.kind.takes_backup else "from", schedule.repository or "the default repository"),
        ("selection", selection_words(schedule.selection)),
        ("hooks", schedule.hooks or ""),
        ("encrypted to", ", ".join(schedule.recipients)),
        ("kept", (schedule.retention_policy or kept) if schedule.kind.takes_backup else ""),
        ("timeout", duration(schedule.timeout_seconds) if schedule.timeout_seconds is not None else ""),
        (
            "retries",
            f"{schedule.retries}, the first after {duration(schedule.retry_seconds)}" if schedule.retries else "none",
        ),
        ("missed runs", missed_words(schedule, duration(schedule.missed_seconds))),
        ("on success", ", ".join(schedule.on_success)),
        ("on failure", ", ".join(schedule.on_failure)),
        ("tags", ", ".join(schedule.tags)),
        ("created", f"{moment(schedule.created_at)} by {schedule.created_by}"),
        *(("next run" if place == 0 else "", in_zone(each, zone)) for place, each in enumerate(status.next_runs)),
    ]


def _run_row(run: ExpectedRun, zone: str) -> tuple[str, ...]:
    took = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
    reasons = (run.why, run.failure.message if run.failure is not None else "")
    outcome = outcome_words(run).removesuffix(", late") if run.state.was_started else ""
    return (
        in_zone(run.due_at, zone),
        str(run.state),
        outcome,
        duration(max(took, 0.0)) if took is not None else "",
        "; ".join(filter(None, reasons)),
    )
