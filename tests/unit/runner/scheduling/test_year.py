"""A year of an hourly and a daily schedule, by a clock that is set, on a machine that sleeps, with runners that crash."""

from __future__ import annotations

import gc
import random
import resource
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pantry_tui.catalog.expected import KEPT
from pantry_tui.errors import InterruptedJobError, LockTimeoutError
from pantry_tui.events import RunEnded, RunMissed
from pantry_tui.models import ExpectedRun, Failure, Job, MissedRuns, RunState, Schedule
from pantry_tui.schedule.accounts import rhythm
from pantry_tui.schedule.occurrences import occurrences
from tests.unit.runner.scheduling.conftest import Desk

BEGINNING = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
CUT_OFF = Failure.of(InterruptedJobError("the runner ended"))
LOCKED = Failure.of(LockTimeoutError("a table stayed locked"))
HOURLY: dict[str, Any] = {"id": "h", "cron": "0 * * * *", "timezone": "UTC", "retries": 1}
DAILY: dict[str, Any] = {
    "id": "d",
    "cron": "30 2 * * *",
    "timezone": "Europe/Vienna",
    "missed": MissedRuns.IF_YOUNGER,
    "missed_seconds": 6 * 3600.0,
}


def _nothing(seconds: float) -> None:
    """No mishap."""


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A directory that is not on a disk: here every second write would wait for one."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="pantry-year-", dir=place) as directory:
        yield Path(directory)


class Year:
    """Goes through the time in stretches, each of which ends in a crash, and keeps every run that was ever written down."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.desk = Desk(directory, BEGINNING)
        self.desk.longest_wait_seconds = 3600.0
        self.desk.restart()
        self.desk.work.outcome = self._outcome
        self.schedules = [self.desk.create(**fields) for fields in (HOURLY, DAILY)]
        self.last: dict[tuple[str, datetime], ExpectedRun] = {}

    def _outcome(self, job: Job) -> tuple[float, Failure | None]:
        return self.chance.choice([20.0, 300.0, 5000.0]), LOCKED if self.chance.random() < 0.05 else None

    async def stretch(self) -> None:
        """Some days of work with a mishap, and some time without a runner."""
        hours = self.chance.uniform(1, 120)
        clock = self.desk.clock
        mishap: Callable[[float], None] = self.chance.choice(
            [clock.sleep, clock.pass_time, clock.set, self._set_back, _nothing]
        )
        clock.plan(hours * 1800, lambda: mishap(self.chance.uniform(60, 20_000)))
        await self.desk.run(hours * 3600)
        if self.chance.random() < 0.3:
            self._die_in_a_step()
        self.desk.work.crash(CUT_OFF)
        self.desk.work.jobs.clear()
        self.desk.clock.pass_time(self.chance.choice([5.0, 600.0, 8000.0, 200_000.0]))
        self.look_at_the_books()
        self.desk.catalog.prune_runs(self.desk.clock.now() - timedelta(days=20))
        self.desk.catalog.prune_jobs(self.desk.clock.now() - timedelta(days=2))
        self.desk.restart()

    def _set_back(self, seconds: float) -> None:
        self.desk.clock.set(-min(seconds, 3000.0))

    def _die_in_a_step(self) -> None:
        """A run is written down as started, and the runner dies before it has done anything for it."""
        following = min(run.due_at for run in self.desk.catalog.runs() if run.state is RunState.EXPECTED)
        self.desk.clock.pass_time(max((following - self.desk.clock.now()).total_seconds(), 0.0))
        before = self.desk.work.jobs.keys() | set()
        self.desk.scheduler.look()
        assert self.desk.work.jobs.keys() == before

    def look_at_the_books(self) -> None:
        self.last |= {run.key: run for run in self.desk.catalog.runs()}


def due(schedule: Schedule, until: datetime) -> list[datetime]:
    cron, zone = rhythm(schedule)
    found = []
    for moment in occurrences(cron, zone, BEGINNING):
        if moment >= until:
            break
        found.append(moment)
    return found


async def go_through(directory: Path, days: int, seed: int) -> Year:
    year = Year(directory, seed)
    while year.desk.clock.now() < BEGINNING + timedelta(days=days):
        await year.stretch()
    await year.desk.run(7200)
    year.look_at_the_books()
    return year


@pytest.mark.parametrize(
    ("days", "seed"),
    [(45, 1), pytest.param(365, 2, marks=pytest.mark.slow), pytest.param(365, 3, marks=pytest.mark.slow)],
)
@pytest.mark.timeout(900)
async def test_every_expected_run_is_accounted_for(in_memory: Path, days: int, seed: int) -> None:
    year = await go_through(in_memory, days, seed)
    now = year.desk.clock.now()

    for schedule in year.schedules:
        runs = {run.due_at: run for key, run in year.last.items() if key[0] == schedule.id}
        past = [run for run in runs.values() if run.due_at < now]
        assert sorted(run.due_at for run in past) == due(schedule, now)
        assert [run.state for run in runs.values() if run.due_at > now] == [RunState.EXPECTED]
        assert all(run.outcome is not None for run in past if run.state.was_started and not run.is_open)
        assert sum(run.is_open for run in past) <= 1
        assert all(run.why for run in past if not run.state.was_started)
    told = Counter(event.run.key for event in year.desk.told(RunMissed))
    late = [run.key for run in year.last.values() if run.state not in (RunState.STARTED, RunState.EXPECTED)]
    assert told == Counter(late)
    ended = {event.run.key for event in year.desk.told(RunEnded) if not event.run.is_open}
    assert ended == {run.key for run in year.last.values() if run.state.was_started and not run.is_open}
    states = Counter(run.state for run in year.last.values())
    assert all(states[state] for state in RunState), states
    assert len(year.desk.catalog.runs()) < KEPT
    year.desk.catalog.close()


async def test_each_local_day_has_one_daily_run(in_memory: Path) -> None:
    desk = Desk(in_memory, datetime(2026, 3, 1, tzinfo=UTC))
    desk.longest_wait_seconds = 86400.0
    desk.restart()
    desk.create(**DAILY)

    await desk.run(240 * 86400)

    vienna = ZoneInfo("Europe/Vienna")
    days = [run.due_at.astimezone(vienna).date() for run in desk.runs()]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert len(days) > 239
    desk.catalog.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_neither_memory_nor_open_files_grow(in_memory: Path) -> None:
    year = Year(in_memory, 7)
    for _ in range(5):
        await year.stretch()
    year.desk.events.clear()
    year.last.clear()
    gc.collect()
    before = (
        len(gc.get_objects()),
        len(list(Path("/proc/self/fd").iterdir())),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )

    for _ in range(5):
        await year.stretch()
        year.desk.events.clear()
        year.last.clear()
    gc.collect()

    after = (
        len(gc.get_objects()),
        len(list(Path("/proc/self/fd").iterdir())),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )
    assert all(now <= then * 1.05 for now, then in zip(after, before, strict=True)), (before, after)
    year.desk.catalog.close()
