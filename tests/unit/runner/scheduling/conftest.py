"""A scheduler on a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.events import ScheduleEvent
from pantry_tui.models import ExpectedRun, Schedule
from pantry_tui.runner.scheduling.loop import Scheduler
from tests.unit.runner.scheduling.simulated import SimulatedClock, SimulatedWork, run_for

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Desk:
    """A catalog, a clock, jobs, and the scheduler that has them done; a new one after each crash."""

    def __init__(self, directory: Path, now: datetime = NOON) -> None:
        self.catalog = Catalog(directory)
        self.clock = SimulatedClock(now)
        self.work = SimulatedWork(self.clock, self.catalog)
        self.events: list[ScheduleEvent] = []
        self.longest_wait_seconds = 30.0
        self.scheduler = self._new()

    def _new(self) -> Scheduler:
        made = Scheduler(
            self.catalog,
            self.work,
            self.clock,
            self.events.append,
            longest_wait_seconds=self.longest_wait_seconds,
        )
        self.work.scheduler = made
        return made

    def restart(self) -> None:
        """Another runner; the last one is dead, and what it knew is gone."""
        for attempt in self.scheduler._attempts.values():
            attempt.cancel()
        self.catalog.become_writer()
        self.scheduler = self._new()

    def create(self, cron: str, **fields: Any) -> Schedule:
        schedule = Schedule(id=fields.pop("id", "s"), name="nightly", cron=cron, **fields)
        self.catalog.put_schedule(schedule)
        self.scheduler.expect(schedule)
        return schedule

    async def run(self, seconds: float) -> None:
        await run_for(self.scheduler, self.clock, seconds)

    def runs(self) -> list[ExpectedRun]:
        """All runs, oldest first."""
        return self.catalog.runs()[::-1]

    def told(self, kind: type[ScheduleEvent]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.catalog.close()
