"""What the application knows of the runner at this moment, as one value that every screen draws from."""

from __future__ import annotations

import msgspec
from textual.message import Message

from pantry_tui.errors import PantryError
from pantry_tui.models import BackupDetails, BackupSummary, Job, JobState, Model


class Known(Model, frozen=True, kw_only=True):
    """Jobs and backups as last heard.

    ``met`` is whether the runner was ever attached; ``problem`` why it is not now; ``backups`` is None until they were
    read once; ``fresh`` is a backup that was just taken from here and is to be selected.
    """

    attached: bool = False
    met: bool = False
    problem: PantryError | None = None
    jobs: dict[str, Job] = msgspec.field(default_factory=dict)
    backups: tuple[BackupSummary, ...] | None = None
    backups_problem: PantryError | None = None
    fresh: str | None = None
    demo: bool = False  # the runner, its server and its jobs end with this application
    details: dict[str, BackupDetails | PantryError] = msgspec.field(default_factory=dict)

    def count(self, state: JobState) -> int:
        """How many jobs are in that state."""
        return sum(job.state is state for job in self.jobs.values())

    def backup(self, backup_id: str | None) -> BackupSummary | None:
        """The backup of that id, where it is in the list."""
        return next((each for each in self.backups or () if each.id == backup_id), None)


class KnownChanged(Message):
    """Something is known that was not before. Sent to the screen in front."""
