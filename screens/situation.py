"""What is selected and under way when somebody wants something, and the conditions that commands make of it.

A condition answers with the reason why a command cannot be done now, or with None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pantry_tui.models import Alert, AlertState, BackupSummary, Check, ExpectedRun, Job, Schedule


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a command's condition may look at."""

    connected: bool = True
    read_only: bool = False  # this window only looks
    backup: BackupSummary | None = None
    job: Job | None = None
    schedule: Schedule | None = None
    run: ExpectedRun | None = None
    check: Check | None = None
    alert: Alert | None = None
    table: str | None = None
    rows_before: bool = False  # of the table that is shown, on other pages
    rows_behind: bool = False


Condition = Callable[[Situation], str | None]


def always(situation: Situation) -> str | None:
    """Nothing stands against it."""
    return None


def backup_selected(situation: Situation) -> str | None:
    """It takes a backup."""
    return None if situation.backup is not None else "no backup is selected; B takes one"


def job_selected(situation: Situation) -> str | None:
    """It takes a job."""
    return None if situation.job is not None else "no job is selected"


def job_running(situation: Situation) -> str | None:
    """It takes a job that is not over, and a runner that runs it."""
    if situation.job is None:
        return job_selected(situation)
    if situation.job.state.is_final:
        return f"this job is over: {situation.job.state.replace('_', ' ')}"
    return None if situation.connected else "the runner has stopped"


def schedule_selected(situation: Situation) -> str | None:
    """It takes a schedule."""
    return None if situation.schedule is not None else "no schedule is selected; A adds one"


def alert_selected(situation: Situation) -> str | None:
    """It takes an alert."""
    return None if situation.alert is not None else "no alert is selected"


def alert_open(situation: Situation) -> str | None:
    """It takes an alert that is not over."""
    if situation.alert is None:
        return alert_selected(situation)
    return "it is over already" if situation.alert.state is AlertState.RESOLVED else None


def alert_untaken(situation: Situation) -> str | None:
    """It takes an alert that nobody takes care of."""
    if situation.alert is not None and situation.alert.state is AlertState.ACKNOWLEDGED:
        return f"{situation.alert.acknowledged_by} takes care of it already"
    return alert_open(situation)


def something_wrong(situation: Situation) -> str | None:
    """It takes something that is wrong."""
    return None if situation.check is not None else "nothing that is wrong is selected"


def run_has_job(situation: Situation) -> str | None:
    """It takes a run whose job is still known."""
    if situation.run is None:
        return "no run is selected"
    return None if situation.job is not None else "no job of this run is in the list of jobs"


def table_selected(situation: Situation) -> str | None:
    """It takes a table."""
    return None if situation.table is not None else "no table is selected"


def rows_before(situation: Situation) -> str | None:
    """It takes rows before those shown."""
    return None if situation.rows_before else "these are the first rows"


def rows_behind(situation: Situation) -> str | None:
    """It takes rows behind those shown."""
    return None if situation.rows_behind else "these are the last rows"


def is_there(situation: Situation) -> bool:
    """It is offered always."""
    return True


def job_goes_on(situation: Situation) -> bool:
    """It is offered until the job is over."""
    return situation.job is None or not situation.job.state.is_final
