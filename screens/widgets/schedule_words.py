"""A schedule and its runs, as the list, its own screen and the pane beside the list show them."""

from __future__ import annotations

from datetime import datetime

from pantry_tui.config import Config
from pantry_tui.models import ExpectedRun, JobState, RunState, Schedule, ScheduleStatus
from pantry_tui.timetable import in_zone, missed_words, of_words, outcome_words, selection_words
from screens.widgets import figures
from screens.widgets.glyphs import Glyphs
from screens.widgets.summary import Line
from screens.widgets.text import visible

_COLOURS = {
    RunState.MISSED: "error",
    RunState.SKIPPED: "warning",
    RunState.CAUGHT_UP: "warning",
    RunState.LATE: "warning",
}


def last_words(status: ScheduleStatus, glyphs: Glyphs) -> tuple[str, str]:
    """What became of the last run: sign with words, and the theme colour's name."""
    if status.running:
        return f"{glyphs.running} at work", "accent"
    if status.last_run is None:
        return f"{glyphs.unknown} never ran", "muted"
    return run_words(status.last_run, glyphs)


def run_words(run: ExpectedRun, glyphs: Glyphs) -> tuple[str, str]:
    """What became of a run: sign with words, and the theme colour's name."""
    words = outcome_words(run)
    if run.is_open and run.retry_at is None:
        return f"{glyphs.running} at work", "accent"
    if run.outcome is JobState.SUCCEEDED:
        return f"{glyphs.good} {words}", "warning" if run.state is RunState.LATE else "success"
    if run.state.was_started:
        return f"{glyphs.warning if run.retry_at else glyphs.bad} {words}", "warning" if run.retry_at else "error"
    return f"{glyphs.bad if run.state is RunState.MISSED else glyphs.unknown} {words}", _COLOURS.get(run.state, "muted")


def next_words(status: ScheduleStatus, now: datetime) -> str:
    """When it runs next, as a stretch of time."""
    if not status.schedule.enabled:
        return "off"
    if not status.next_runs:
        return "never"
    seconds = (status.next_runs[0] - now).total_seconds()
    return "due now" if seconds <= 0 else f"in {figures.age(now, status.next_runs[0])}"


def schedule_lines(status: ScheduleStatus, config: Config, now: datetime) -> list[Line]:
    """What a schedule does, one fact a line."""
    schedule = status.schedule
    zone = schedule.timezone
    lines = [
        ("when", f"{visible(status.words)} ({visible(zone)})", "bold"),
        ("cron", visible(schedule.cron), ""),
        ("state", "runs" if schedule.enabled else "off: it does not run", "" if schedule.enabled else "$warning"),
        ("does", _does(schedule), ""),
        ("of", visible(of_words(schedule)), ""),
        ("with", visible(selection_words(schedule.selection)), ""),
        ("kept", _kept(schedule, config), ""),
        ("repository", visible(schedule.repository or "the default one"), ""),
        ("missed runs", missed_words(schedule, figures.duration(schedule.missed_seconds)), ""),
        ("retries", _retries(schedule), ""),
        ("time limit", figures.duration(schedule.timeout_seconds) if schedule.timeout_seconds else "", ""),
        ("on success", visible(", ".join(schedule.on_success)), ""),
        ("on failure", visible(", ".join(schedule.on_failure)), ""),
        ("tags", visible(", ".join(schedule.tags)), ""),
        ("made by", visible(schedule.created_by), ""),
        *_next_lines(status),
    ]
    return [line for line in lines if line[1]]


def _next_lines(status: ScheduleStatus) -> list[Line]:
    zone = status.schedule.timezone
    return [("next" if place == 0 else "", in_zone(each, zone), "") for place, each in enumerate(status.next_runs)]


def _does(schedule: Schedule) -> str:
    match schedule.kind:
        case "drill":
            return "restores the latest backup into a throw-away server"
        case "validate":
            return "reads the latest backup back, whole"
        case "copy":
            return "copies the latest backup"
        case kind:
            return f"{kind} backup, format {schedule.format}"


def _kept(schedule: Schedule, config: Config) -> str:
    if not schedule.kind.takes_backup:
        return ""
    if schedule.retention_policy is not None:
        return f"by the policy {visible(schedule.retention_policy)}"
    days = schedule.retention_days
    default = config.scheduler.default_retention_days
    return figures.plural(days, "day") if days is not None else f"{figures.plural(default, 'day')} (the default)"


def _retries(schedule: Schedule) -> str:
    if not schedule.retries:
        return "none"
    return f"{schedule.retries}, the first after {figures.duration(schedule.retry_seconds)}"


def took(run: ExpectedRun) -> str:
    """How long a run's jobs took, the attempts together."""
    if run.started_at is None or run.finished_at is None:
        return ""
    return figures.duration(max((run.finished_at - run.started_at).total_seconds(), 0.0))


def why(run: ExpectedRun) -> str:
    """Why a run was not in time, or failed."""
    return "; ".join(filter(None, (run.why, run.failure.message if run.failure is not None else "")))
