"""What a command of the screens is, and the panes in which it may be one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from screens.situation import Condition, Situation, always, is_there

EVERYWHERE = "everywhere"
HEALTH = "health"
BACKUPS = "backups"
JOBS = "jobs"
SCHEDULES = "schedules"
SCHEDULE = "schedule"
ALERTS = "alerts"
WIZARD = "wizard"
DETAILS = "details"
ROWS = "rows"
DIFF = "diff"
JOB = "job"
DIALOG = "dialog"
TABLE = "table"
GRID = "grid"
CHOICE = "choice"
PICK = "pick"

PANES = {
    EVERYWHERE: "Everywhere",
    HEALTH: "Health",
    BACKUPS: "Backups",
    DETAILS: "A backup's details",
    ROWS: "Rows of a table in a backup",
    DIFF: "Two backups compared",
    JOBS: "Jobs",
    JOB: "One job",
    SCHEDULES: "Schedules",
    SCHEDULE: "One schedule",
    ALERTS: "Alerts",
    WIZARD: "The recovery wizard",
    TABLE: "Lists and tables",
    GRID: "Tables whose columns are chosen too",
    CHOICE: "Lists to choose from",
    PICK: "One of several words",
    DIALOG: "Forms and questions",
}


@dataclass(frozen=True, kw_only=True)
class Command:
    """One thing a person can do, and everything the faces say about it.

    ``condition`` answers with the reason why it cannot be done now, or None. ``rank`` orders the line of keys: lower
    stays longer when room is short; None leaves it to help and palette. ``offered`` is whether the line of keys names it
    at all. ``action`` is the widget's own action, where the command is one of a widget and not of a screen. ``at_once``
    has its key seen before the widget in focus gets it.
    """

    id: str
    keys: str
    title: str
    description: str
    panes: tuple[str, ...]
    command_line: str | None = None
    changes: bool = False
    condition: Condition = always
    rank: int | None = None
    offered: Callable[[Situation], bool] = is_there
    action: str | None = None
    at_once: bool = False

    def reason_against(self, situation: Situation) -> str | None:
        """Why it cannot be done now; None when it can."""
        if self.changes and situation.read_only:
            return "this window only looks; open one without --read-only"
        return self.condition(situation)

    def is_offered(self, situation: Situation) -> bool:
        """Whether the line of keys names it; what changes something is not named where nothing may be changed."""
        return self.offered(situation) and not (self.changes and situation.read_only)
