"""A clock that a test turns, and jobs that take their time by it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import PantryError
from pantry_tui.events import ScheduleEvent
from pantry_tui.models import (
    ExpectedRun,
    Failure,
    Job,
    JobRequest,
    JobState,
    RepositoryTarget,
    Schedule,
    ValidateRequest,
)
from pantry_tui.runner.scheduling.attempts import Task
from pantry_tui.runner.scheduling.loop import Scheduler

Effect = Callable[[], None]


class TimeIsUp(Exception):  # noqa: N818
    """Ends a scheduler's loop where the test wants it ended."""


class SimulatedClock:
    """A machine's clocks: they go when everybody waits, up to the next effect that was planned."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._awake = 1000.0
        self._asleep = 0.0
        self._planned: list[tuple[float, int, Effect]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._now

    def awake(self) -> float:
        return self._awake

    def elapsed(self) -> float:
        return self._awake + self._asleep

    def pass_time(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._awake += seconds

    def set(self, seconds: float) -> None:
        """Somebody sets the machine's clock forward, or back."""
        self._now += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        """The machine sleeps."""
        self._now += timedelta(seconds=seconds)
        self._asleep += seconds

    def plan(self, seconds: float, effect: Effect) -> None:
        """Has something happen after so many seconds awake."""
        heapq.heappush(self._planned, (self._awake + seconds, next(self._order), effect))

    def cancel_plans(self) -> None:
        self._planned.clear()

    async def wait(self, news: asyncio.Event, seconds: float) -> None:
        for _ in range(8):  # everybody else comes to where they wait
            await asyncio.sleep(0)
        if news.is_set():
            return
        until = self._awake + seconds
        if self._planned and self._planned[0][0] <= until:
            moment, _, effect = heapq.heappop(self._planned)
            self.pass_time(max(moment - self._awake, 0.0))
            effect()
        else:
            self.pass_time(seconds)


class SimulatedWork:
    """Jobs that end by the clock, as ``outcomes`` says: how long each takes, and its failure."""

    def __init__(self, clock: SimulatedClock, catalog: Catalog) -> None:
        self.clock = clock
        self.catalog = catalog
        self.scheduler: Scheduler | None = None
        self.databases = ["crm"]
        self.jobs: dict[str, Job] = {}
        self.outcome: Callable[[Job], tuple[float, Failure | None]] = lambda job: (10.0, None)
        self.refusal: Exception | None = None
        self.refusals: dict[str, PantryError] = {}  # by database
        self._numbers = itertools.count()

    @property
    def alive(self) -> list[Job]:
        return [job for job in self.jobs.values() if not job.state.is_final]

    async def tasks(self, schedule: Schedule, run: ExpectedRun) -> list[Task]:
        if self.refusal is not None:
            raise self.refusal
        place = RepositoryTarget(name="local", location="/nonexistent")
        return [
            Task(name, self.refusals.get(name) or ValidateRequest(repository=place, backup_id=name))
            for name in self.databases
            if not run.left or name in run.left
        ]

    async def submit(self, database: str, request: JobRequest, schedule: Schedule, due_at: datetime) -> Job:
        assert isinstance(request, ValidateRequest)
        job = Job(
            id=f"job-{next(self._numbers)}-{self.clock.now():%Y%m%dT%H%M%S}",
            kind="validate",
            title="",
            database=database,
            state=JobState.RUNNING,
            queued_at=self.clock.now(),
            schedule=schedule.id,
            due_at=due_at,
        )
        self.jobs[job.id] = job
        seconds, failure = self.outcome(job)
        self.clock.plan(seconds, lambda: self.end(job.id, failure))
        return job

    def end(self, job_id: str, failure: Failure | None) -> None:
        """What the executor does when a job's process is gone."""
        state = JobState.SUCCEEDED if failure is None else JobState.FAILED
        job = msgspec.structs.replace(self.jobs[job_id], state=state, failure=failure, finished_at=self.clock.now())
        self.jobs[job_id] = job
        self.catalog.put_job(job)
        if self.scheduler is not None:
            self.scheduler.job_ended(job)

    def crash(self, failure: Failure) -> None:
        """The runner dies, and the next one finds its jobs cut off."""
        self.scheduler = None
        self.clock.cancel_plans()
        for job in self.alive:
            self.end(job.id, failure)


async def run_for(
    scheduler: Scheduler, clock: SimulatedClock, seconds: float, events: list[ScheduleEvent] | None = None
) -> None:
    """Lets the scheduler work for so long by the clock's own time."""

    def stop() -> None:
        raise TimeIsUp

    clock.plan(seconds, stop)
    try:
        await scheduler.run()
    except TimeIsUp:
        pass
    finally:
        await asyncio.sleep(0)
