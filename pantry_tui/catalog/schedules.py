"""The schedules: `schedules.json`. Nothing else has them, so every change is on the disk before it counts."""

from __future__ import annotations

from pathlib import Path

from pantry_tui.catalog.table import ModelTable
from pantry_tui.errors import NotFoundError
from pantry_tui.models import Schedule


class ScheduleTable:
    """Schedules by id."""

    def __init__(self, path: Path) -> None:
        self._stored = ModelTable(path, Schedule, lambda schedule: schedule.id)

    @property
    def problems(self) -> list[str]:
        """What reading the file had to put up with, in words."""
        return self._stored.problems

    def forget(self) -> None:
        """Drops what is in memory."""
        self._stored.forget()

    def all(self) -> list[Schedule]:
        """All schedules, by name."""
        return sorted(self._stored.models().values(), key=lambda schedule: (schedule.name, schedule.id))

    def find(self, reference: str) -> Schedule:
        """The schedule of that id or name. Raises `NotFoundError`."""
        found = self._stored.models().get(reference)
        found = found or next((each for each in self.all() if each.name == reference), None)
        if found is None:
            raise NotFoundError(
                f"there is no schedule {reference[:100]!r}", remedy="list the schedules with: pantry-tui schedule list"
            )
        return found

    def put(self, schedule: Schedule) -> None:
        """Adds or replaces one. Raises `StorageError`."""
        self._stored.change([schedule])

    def remove(self, schedule_id: str) -> None:
        """Forgets one. Raises `StorageError`."""
        self._stored.change([], [schedule_id])
