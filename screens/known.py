"""What the application knows of the runner at this moment, as one value that every screen draws from."""

from __future__ import annotations

import msgspec
from textual.message import Message

from pantry_tui.errors import PantryError
from pantry_tui.models import (
    Alert,
    AlertState,
    BackupDetails,
    BackupSummary,
    DayCompliance,
    ExpectedRun,
    Health,
    Job,
    JobState,
    Model,
    RunState,
    ScheduleStatus,
    WizardState,
)


class Known(Model, frozen=True, kw_only=True):
    """Jobs, backups, schedules and health as last heard.

    ``met`` is whether the runner was ever attached; ``problem`` why it is not now; ``backups`` and ``schedules`` are None until
    they were read once; ``runs`` are those due last, and the ones to come; ``fresh`` is a backup that was just taken from here
    and is to be selected. ``health`` is that of the last look; None before there was one.
    """

    attached: bool = False
    met: bool = False
    problem: PantryError | None = None
    jobs: dict[str, Job] = msgspec.field(default_factory=dict)
    backups: tuple[BackupSummary, ...] | None = None
    backups_problem: PantryError | None = None
    schedules: tuple[ScheduleStatus, ...] | None = None
    runs: tuple[ExpectedRun, ...] = ()
    health: Health | None = None
    health_problem: PantryError | None = None
    alerts: tuple[Alert, ...] = ()
    compliance: tuple[DayCompliance, ...] = ()
    wizard: WizardState | None = None  # of a recovery that is under way
    fresh: str | None = None
    demo: bool = False  # the runner, its server and its jobs end with this application
    details: dict[str, BackupDetails | PantryError] = msgspec.field(default_factory=dict)

    def count(self, state: JobState) -> int:
        """How many jobs are in that state."""
        return sum(job.state is state for job in self.jobs.values())

    @property
    def open_alerts(self) -> int:
        """How many alerts nobody has taken care of."""
        return sum(alert.state is AlertState.OPEN for alert in self.alerts)

    def backup(self, backup_id: str | None) -> BackupSummary | None:
        """The backup of that id, where it is in the list."""
        return next((each for each in self.backups or () if each.id == backup_id), None)

    def schedule(self, schedule_id: str | None) -> ScheduleStatus | None:
        """The schedule of that id, where it is in the list."""
        return next((each for each in self.schedules or () if each.schedule.id == schedule_id), None)

    def runs_of(self, schedule_id: str) -> list[ExpectedRun]:
        """The runs of a schedule whose time has come, those due last first."""
        return [run for run in self.runs if run.schedule_id == schedule_id and run.state is not RunState.EXPECTED]


class KnownChanged(Message):
    """Something is known that was not before. Sent to the screen in front."""
