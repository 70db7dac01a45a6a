"""The runs of the schedules as the scheduler keeps them: in the catalog, and in memory what could not be written there."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import PantryError
from pantry_tui.models import ExpectedRun
from pantry_tui.schedule.accounts import Accounts

RunKey = tuple[str, datetime]


class RunBook:
    """Every run by its schedule and moment. A run begins only when that is on the disk; its end may wait for room."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._unsaved: dict[RunKey, ExpectedRun] = {}

    def of(self, schedule_id: str) -> dict[datetime, ExpectedRun]:
        """What is known of a schedule's runs, by when they were due."""
        known = {run.due_at: run for run in self._catalog.runs(schedule_id)}
        return known | {run.due_at: run for key, run in self._unsaved.items() if key[0] == schedule_id}

    def unfinished(self) -> list[ExpectedRun]:
        """The runs that are at work or to be tried again, the oldest first."""
        runs = {run.key: run for run in self._catalog.runs()} | self._unsaved
        return sorted((run for run in runs.values() if run.is_open), key=lambda run: (run.due_at, run.schedule_id))

    def run(self, key: RunKey) -> ExpectedRun | None:
        """One run as it is now."""
        return self._unsaved.get(key) or self._catalog.run(key)

    def enter(self, accounts: Accounts) -> None:
        """Writes down what changes. Raises `StorageError`: nothing changed then."""
        if accounts.put or accounts.remove:
            self._catalog.change_runs(accounts.put, accounts.remove)

    def note(self, run: ExpectedRun) -> None:
        """Takes a run as it is now; where the disk does not take it, it is kept here, and tried again by `save`."""
        self._unsaved[run.key] = run
        self.save()

    def save(self) -> None:
        """Writes down what waits for that."""
        waiting: Sequence[ExpectedRun] = list(self._unsaved.values())
        if not waiting:
            return
        with contextlib.suppress(PantryError):
            self._catalog.change_runs(waiting)
            self._unsaved.clear()
