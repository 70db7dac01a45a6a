"""The runs of schedules, those to come and what became of those that were: `runs.json`.

Of each schedule the next run stands here before it is due, so that one that did not happen is a fact and no guess. The file
stays small: of each schedule the last thousand are kept, and but for the last twenty none that is older than the jobs' history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pantry_tui.catalog.table import ModelTable
from pantry_tui.models import ExpectedRun, RunState

KEPT = 1000  # of each schedule
LATEST = 20  # of each schedule, however long ago: one may run once a year

RunKey = tuple[str, datetime]  # id of the schedule, when it was due


class RunTable:
    """Runs by schedule and moment."""

    def __init__(self, path: Path) -> None:
        self._stored = ModelTable(path, ExpectedRun, lambda run: run.key)

    @property
    def problems(self) -> list[str]:
        """What reading the file had to put up with, in words."""
        return self._stored.problems

    def forget(self) -> None:
        """Drops what is in memory."""
        self._stored.forget()

    def all(self) -> dict[RunKey, ExpectedRun]:
        """All runs; not to be changed by the caller."""
        return self._stored.models()

    def newest(self, schedule_id: str | None, limit: int | None) -> list[ExpectedRun]:
        """The runs, of one schedule or of all, those due last first."""
        found = [run for run in self.all().values() if schedule_id in (None, run.schedule_id)]
        return sorted(found, key=lambda run: (run.due_at, run.schedule), reverse=True)[:limit]

    def change(self, put: Iterable[ExpectedRun], remove: Iterable[RunKey] = ()) -> None:
        """Writes runs down and forgets others, and what is too much, in one write. Raises `StorageError`."""
        changed = {run.key: run for run in put}
        gone = set(remove)
        self._stored.change(changed.values(), gone | self._too_many(changed))

    def prune(self, older_than: datetime) -> None:
        """Forgets those that were over before that time, but for the last ones of each schedule. Raises `StorageError`."""
        latest: Counter[str] = Counter()
        old = []
        for run in self.newest(None, None):
            if _is_over(run):
                latest[run.schedule_id] += 1
                if latest[run.schedule_id] > LATEST and run.due_at < older_than:
                    old.append(run.key)
        if old:
            self._stored.change([], old)

    def _too_many(self, changed: dict[RunKey, ExpectedRun]) -> set[RunKey]:
        counted = Counter(schedule_id for schedule_id, _ in self.all().keys() | changed.keys())
        found: set[RunKey] = set()
        for schedule_id, number in counted.items():
            if number > KEPT:
                over = sorted(key for key, run in self.all().items() if key[0] == schedule_id and _is_over(run))
                found |= set(over[: number - KEPT])
        return found - changed.keys()


def _is_over(run: ExpectedRun) -> bool:
    return run.state is not RunState.EXPECTED and not run.is_open
