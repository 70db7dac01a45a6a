"""The scheduler: writes down which runs are to come, starts them when they are due, and sees them to their end."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import InternalError, NotFoundError, PantryError, StorageError, UsageError
from pantry_tui.events import ClockMoved, RunEnded, RunMissed, ScheduleEvent
from pantry_tui.models import ExpectedRun, Failure, Job, JobRequest, RunState, Schedule
from pantry_tui.runner.scheduling.attempts import (
    Ending,
    Task,
    after_cut_off,
    after_jobs,
    after_refusal,
    after_submission,
    given_way,
    is_too_late,
    without_task,
)
from pantry_tui.runner.scheduling.book import RunBook, RunKey
from pantry_tui.runner.scheduling.clock import TOLERANCE_SECONDS, Clock, Look, Watch
from pantry_tui.schedule.accounts import Accounts, account, skipped

LONGEST_WAIT_SECONDS = 30.0  # a clock that is set, or a machine that slept, shows at the next look


class Work(Protocol):
    """What the jobs of a run are, and who does them."""

    async def tasks(self, schedule: Schedule, run: ExpectedRun) -> Sequence[Task]:
        """What is to be done for each database of an attempt; for those of ``run.left`` alone where any are.

        Raises `PantryError` where that concerns all of them.
        """

    async def submit(self, database: str, request: JobRequest, schedule: Schedule, due_at: datetime) -> Job:
        """Queues one, whose job is called by that database. Raises `PantryError`."""


class Scheduler:
    """The schedules of one data directory at work. Everything here happens on the runner's event loop."""

    def __init__(
        self,
        catalog: Catalog,
        work: Work,
        clock: Clock,
        listener: Callable[[ScheduleEvent], None],
        *,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        self.book = RunBook(catalog)
        self._catalog = catalog
        self._work = work
        self._clock = clock
        self._watch = Watch(clock)
        self._listener = listener
        self._longest_wait = longest_wait_seconds
        self._news = asyncio.Event()
        self._attempts: dict[RunKey, asyncio.Task[None]] = {}
        self._waiting: dict[str, asyncio.Future[Job]] = {}  # for a job's end, by its id
        self._ended_early: dict[str, Job] = {}  # jobs that ended before anybody waited for them
        self._closing = False

    async def run(self) -> None:
        """Works until it is cancelled. A disk that cannot be read or written for a while makes it wait, and no more."""
        resumed = False
        while True:
            self._news.clear()
            try:
                if not resumed:
                    self.resume()
                    resumed = True
                seconds = self.look()
            except PantryError:
                seconds = self._longest_wait
            await self._watch.wait(self._news, seconds)

    def wake(self) -> None:
        """Has it look at the schedules at once: something about them changed."""
        self._news.set()

    def expect(self, schedule: Schedule) -> None:
        """Writes down the next run of a schedule that is new or was changed. Raises `StorageError`."""
        self.book.enter(account(schedule, self.book.of(schedule.id), self._clock.now(), cause=""))
        self.wake()

    def retire(self, schedule: Schedule) -> None:
        """Accounts for what a schedule was to do up to now, and expects nothing more of it. Raises `StorageError`.

        What came due and was not begun, because no runner was at work, is not begun any more.
        """
        known, now = self.book.of(schedule.id), self._clock.now()
        passed_over = skipped(schedule, known, now, why="the schedule was changed before a runner came to it")
        settled = {run.key for run in passed_over}
        expected = {run.key for run in known.values() if run.state is RunState.EXPECTED}
        self.book.enter(Accounts(passed_over, sorted(expected - settled), passed_over, None))
        for run in passed_over:
            self._listener(RunMissed(run=run))
        self.wake()

    def close(self) -> None:
        """Begins nothing any more; what is at work is cut off with the runner, and found by the next one."""
        self._closing = True

    async def settled(self) -> None:
        """Returns when no attempt is under way."""
        while self._attempts:
            await asyncio.wait(list(self._attempts.values()))

    def is_at_work(self, schedule_id: str) -> bool:
        """Whether a run of that schedule has jobs that are queued or running."""
        return any(key[0] == schedule_id for key in self._attempts)

    def resume(self) -> None:
        """Takes up what an earlier runner left in the middle; to be called before the first look."""
        now = self._clock.now()
        for run in self.book.unfinished():
            if run.retry_at is None:
                self._settle_cut_off(run, now)

    def look(self) -> float:
        """Does what is due, and returns how many seconds it may be until something else is."""
        seen = self._watch.look()
        if abs(seen.moved_seconds) > TOLERANCE_SECONDS:
            self._listener(ClockMoved(seconds=seen.moved_seconds, cause=seen.cause))
        self.book.save()
        moments = [self._look_at(schedule, seen) for schedule in self._catalog.schedules()]
        moments += [self._try_again(run, seen.now) for run in self.book.unfinished()]
        following = min((moment for moment in moments if moment is not None), default=None)
        if following is None:
            return self._longest_wait
        return min(max((following - seen.now).total_seconds(), 0.001), self._longest_wait)

    def job_ended(self, job: Job) -> None:
        """Hears that a job is over."""
        if job.schedule is None or job.due_at is None or (job.schedule, job.due_at) not in self._attempts:
            return
        if (waiting := self._waiting.pop(job.id, None)) is not None:
            waiting.set_result(job)
        else:
            self._ended_early[job.id] = job

    def _look_at(self, schedule: Schedule, seen: Look) -> datetime | None:
        """Accounts for one schedule, and says when its next run is due."""
        known = self.book.of(schedule.id)
        at_work = max((key[1] for key in self._attempts if key[0] == schedule.id), default=None)
        try:
            accounts = account(schedule, known, seen.now, cause=seen.cause, at_work=at_work)
            if not self._closing:
                self.book.enter(accounts)
        except StorageError:  # nothing is begun that cannot be recorded: at the next look it is late, but not lost
            return seen.now + timedelta(seconds=1)
        except UsageError as error:  # of a zone that this machine no longer knows
            self._give_up(known, seen.now, error.message)
            return None
        if self._closing:
            return None
        for run in accounts.missed:
            self._listener(RunMissed(run=run))
        if accounts.started is not None:
            self._give_way(schedule, accounts.started, seen.now)
            self._begin(schedule, accounts.started)
        coming = (*accounts.put, *(run for run in known.values() if run.key not in accounts.remove))
        expected = (run.due_at for run in coming if run.state is RunState.EXPECTED and run.due_at > seen.now)
        return min(expected, default=None)

    def _give_up(self, known: Mapping[datetime, ExpectedRun], now: datetime, why: str) -> None:
        """A run that is due and of which nobody can say when the next one is: it is missed, and none is expected."""
        for run in known.values():
            if run.state is RunState.EXPECTED and run.due_at <= now and not self._closing:
                missed = msgspec.structs.replace(run, state=RunState.MISSED, why=why)
                self.book.note(missed)
                self._listener(RunMissed(run=missed))

    def _give_way(self, schedule: Schedule, started: ExpectedRun, now: datetime) -> None:
        """Earlier runs that wait to be tried again have no sense beside a new one."""
        for run in self.book.unfinished():
            if run.schedule_id == schedule.id and run.key != started.key and run.key not in self._attempts:
                why = f"the run of {started.due_at:%Y-%m-%d %H:%M:%S} UTC took its place"
                self._finish(given_way(run, now, why), schedule)

    def _try_again(self, run: ExpectedRun, now: datetime) -> datetime | None:
        """Tries a run again whose time for that has come, and else says when it comes."""
        if run.key in self._attempts or run.retry_at is None or self._closing:
            return None
        schedule = self._schedule(run.schedule_id)
        if schedule is None or not schedule.enabled:
            why = "the schedule was disabled" if schedule is not None else "the schedule was deleted"
            self._finish(given_way(run, now, why), schedule)
            return None
        if run.retry_at > now + timedelta(days=1):  # the clock was put back since
            run = msgspec.structs.replace(run, retry_at=now)
        if run.retry_at is not None and run.retry_at > now:
            return run.retry_at
        run = msgspec.structs.replace(run, attempts=run.attempts + 1, retry_at=None, job_ids=())
        self.book.note(run)
        self._begin(schedule, run)
        return None

    def _begin(self, schedule: Schedule, run: ExpectedRun) -> None:
        """Begins an attempt that is written down."""
        task = asyncio.create_task(self._attempt(schedule, run))
        self._attempts[run.key] = task

    async def _attempt(self, schedule: Schedule, run: ExpectedRun) -> None:
        """One attempt, to its end. The scheduler's edge: one run's trouble must not become the others'."""
        try:
            jobs, refused = await self._submit(schedule, run)
            run = after_submission(run, jobs, refused)
            self.book.note(run)
            ended = [Ending.of(await self._end_of(job)) for job in jobs]
            run = after_jobs(self._schedule(run.schedule_id), run, [*ended, *refused], self._clock.now())
        except PantryError as error:
            run = after_refusal(schedule, run, Failure.of(error), self._clock.now())
        except Exception as error:
            run = after_refusal(schedule, run, Failure.of(_unexpected(error)), self._clock.now())
        finally:
            self._attempts.pop(run.key, None)
        if self._closing:
            return  # the run stays open: the next runner finds what became of its jobs
        self._finish(run, schedule)
        self.wake()

    async def _submit(self, schedule: Schedule, run: ExpectedRun) -> tuple[list[Job], list[Ending]]:
        """Queues the jobs of an attempt: those that were taken, and how it ended for the others."""
        tasks = await self._work.tasks(schedule, run)
        jobs, refused = [], without_task(run, tasks)
        for database, request in tasks:
            try:
                if isinstance(request, PantryError):
                    raise request
                jobs.append(await self._work.submit(database, request, schedule, run.due_at))
            except PantryError as error:
                refused.append(Ending.cut_off(database) if self._closing else Ending.refused(database, error))
        if not jobs and not refused:
            raise NotFoundError(f"the schedule {schedule.name} has no database to work on")
        return jobs, refused

    async def _end_of(self, job: Job) -> Job:
        if (ended := self._ended_early.pop(job.id, None)) is not None:
            return ended
        waiting: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._waiting[job.id] = waiting
        return await waiting

    def _finish(self, run: ExpectedRun, schedule: Schedule | None) -> None:
        """Writes down how an attempt, or the run, came to its end, and tells."""
        self.book.note(run)
        told = (schedule.on_success, schedule.on_failure) if schedule is not None else ((), ())
        self._listener(RunEnded(run=run, on_success=told[0], on_failure=told[1]))

    def _settle_cut_off(self, run: ExpectedRun, now: datetime) -> None:
        """A run whose attempt an earlier runner did not see to its end: what its jobs became decides."""
        schedule = self._schedule(run.schedule_id)
        jobs = [job for job in self._catalog.jobs() if job.id in run.job_ids]
        run = after_cut_off(schedule, run, jobs, now)
        if schedule is not None and run.is_open and is_too_late(schedule, run, now):
            run = given_way(run, now, "it is too late to try it again")
        self._finish(run, schedule)

    def _schedule(self, schedule_id: str) -> Schedule | None:
        try:
            return self._catalog.schedule(schedule_id)
        except NotFoundError:
            return None


def _unexpected(error: Exception) -> InternalError:
    return InternalError(
        f"the scheduler failed while it began a run: {type(error).__name__}: {error}",
        remedy="please report it, with the traceback below",
        detail="".join(traceback.format_exception(error)),
    )
