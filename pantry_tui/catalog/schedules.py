"""The schedules: `schedules.json`. Every change is on the disk before it counts.

One that was deleted stays known: how long its backups are kept, only it says; and it is told from one that was lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from pantry_tui.catalog.table import ModelTable
from pantry_tui.errors import NotFoundError
from pantry_tui.models import Schedule


class ScheduleTable:
    """Schedules by id."""

    def __init__(self, path: Path) -> None:
        self._stored = ModelTable(path, Schedule, lambda schedule: schedule.id, keeps_unusable=True)

    @property
    def problems(self) -> list[str]:
        """What reading the file had to put up with, in words."""
        return self._stored.problems

    def forget(self) -> None:
        """Drops what is in memory."""
        self._stored.forget()

    def all(self) -> list[Schedule]:
        """All schedules, by name."""
        return [schedule for schedule in self._sorted() if schedule.deleted_at is None]

    def deleted(self) -> list[Schedule]:
        """Those that were deleted, by name."""
        return [schedule for schedule in self._sorted() if schedule.deleted_at is not None]

    def find(self, reference: str) -> Schedule:
        """The schedule of that id or name. Raises `NotFoundError`."""
        live = self.all()
        found = next((each for each in live if each.id == reference), None)
        found = found or next((each for each in live if each.name == reference), None)
        if found is None:
            raise NotFoundError(
                f"there is no schedule {reference[:100]!r}", remedy="list the schedules with: pantry-tui schedule list"
            )
        return found

    def put(self, schedule: Schedule) -> None:
        """Adds or replaces one. Raises `StorageError`."""
        self._stored.change([schedule])

    def remove(self, schedule_id: str, at: datetime) -> None:
        """Deletes one, which is remembered as deleted. Raises `StorageError`."""
        if (found := self._stored.models().get(schedule_id)) is not None:
            self._stored.change([msgspec.structs.replace(found, enabled=False, deleted_at=at)])

    def bring_back(self, schedules: Iterable[Schedule]) -> list[Schedule]:
        """Takes those in whose id is not known, and lets go of what cannot be read: they were in its place.

        Returns them. Raises `StorageError`.
        """
        known = self._stored.models()
        missing = {schedule.id: schedule for schedule in schedules if schedule.id not in known}
        if missing:
            self._stored.change(missing.values())
        self._stored.drop_unusable()
        return list(missing.values())

    def _sorted(self) -> list[Schedule]:
        return sorted(self._stored.models().values(), key=lambda schedule: (schedule.name, schedule.id))
