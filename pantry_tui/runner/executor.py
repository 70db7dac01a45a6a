"""Jobs from queue to history: who runs when, and what a crash left behind."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from pantry_tui.artifact.files import storage_errors
from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import (
    CancelledError,
    InternalError,
    InterruptedJobError,
    PantryError,
    RefusedError,
    RunnerError,
    StorageError,
    TimedOutError,
)
from pantry_tui.events import Failed, Finished, Logged, Warned
from pantry_tui.models import (
    Failure,
    Job,
    JobRequest,
    JobState,
    PlanRequest,
    RepositoryTarget,
    utc_now,
)
from pantry_tui.repository.ids import require_name
from pantry_tui.runner.attending import Attendant
from pantry_tui.runner.audit import RUNNER, AuditTrail
from pantry_tui.runner.board import JobBoard
from pantry_tui.runner.decisions import measured_by
from pantry_tui.runner.joblog import RequestNotes, prune_logs
from pantry_tui.runner.leftovers import looked_up, remove_rehearsal
from pantry_tui.runner.library import CLEAN_SECONDS, Library
from pantry_tui.runner.live import LiveJob
from pantry_tui.runner.new_job import new_job
from pantry_tui.runner.post import PostOffice
from pantry_tui.runner.process import JobProcess
from pantry_tui.runner.request import (
    MakesBackup,
    assigned,
    backup_of,
    copies_of,
    repositories_of,
    repository_of,
    trust_of,
)
from pantry_tui.runner.retaining import Retention
from pantry_tui.runner.settlement import Settlement
from pantry_tui.runner.terms import ASKED_FOR, Terms

PRUNE_SECONDS = 24 * 3600.0
WITNESS_SECONDS = 3600.0
_UNSEEN = frozenset({"worker_died", "internal", "interrupted"})  # failures that say nothing of what was done before


class ExecutorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much at once, and how long it is remembered."""

    max_jobs: int = 3
    max_scheduled: int = 3  # of them, those that the clock started
    history_days: int = 30
    nice: int = 0
    prepares: bool = True  # the first job's process is started at once
    keeps_spare: bool = True  # a runner that ends with its jobs prepares only the first one's process


class Executor:
    """Runs the jobs of one data directory. Everything here happens on one event loop."""

    def __init__(
        self, directory: Path, settings: ExecutorSettings, catalog: Catalog, library: Library, audit: AuditTrail
    ) -> None:
        self.board = JobBoard(directory, catalog)
        self._directory = directory
        self._settings = settings
        self._catalog = catalog
        self._library = library
        self._audit = audit
        self.retention = Retention(directory, library, audit, self.require_unused)
        self.office = PostOffice(directory, audit)
        self._attendant = Attendant(directory, self.retention, self.office)
        self._attendant.listeners.append(self.board.tell)
        self._notes = RequestNotes(directory)
        self._tasks: set[asyncio.Task[None]] = set()
        self.measured: list[Callable[[Job, JobRequest | None], None]] = []  # who hears of them, with what was asked
        self._settlement = Settlement(
            directory,
            catalog,
            library,
            audit,
            self._attendant,
            self._notes,
            self.board.save,
            self._follow,
            self.measured,
        )
        self._spare: JobProcess | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._refusing = False  # accepts no more jobs
        self._closing = False  # begins none any more, either
        self._timers: dict[str, asyncio.TimerHandle] = {}  # what is done again and again
        self.ended: list[Callable[[Job], None]] = []  # who hears of every job that is over

    async def start(self) -> None:
        """Prepares the first job's process, and settles what an earlier runner left in the middle."""
        if self._settings.prepares:
            self._prepare_spare()
        self._witness()
        self.office.start()
        await self._settlement.run()
        self._prune()

    async def close(self) -> None:
        """Stops every job cleanly and returns when their processes are gone. Nothing is accepted any more.

        What follows a job that is done has its own time: a hook may have to start what the one before has stopped.
        """
        self._refusing = self._closing = True
        for live in [live for live in self.board.alive.values() if not live.is_done]:
            self._stop(live, InterruptedJobError("the runner was stopped in the middle of the job"))
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._spare is not None:
            await self._spare.dismiss()
            self._spare = None
        for timer in self._timers.values():
            timer.cancel()
        self.board.end()

    def apply(self, settings: ExecutorSettings) -> None:
        """Works by other settings from now on; jobs that are at work keep theirs."""
        before, self._settings = self._settings, settings
        if before.nice != settings.nice and self._spare is not None:
            self._keep(asyncio.create_task(self._spare.dismiss()))
            self._spare = None
            self._prepare_spare()
        self._start_what_may_run()

    @property
    def closing(self) -> bool:
        """Whether no further job is accepted."""
        return self._refusing

    def refuse_more(self) -> None:
        """Accepts no further job; those that are alive go on, and those that are queued begin when they may."""
        self._refusing = True

    def end_queued(self) -> None:
        """Ends the jobs that were not begun, as interrupted."""
        for live in [live for live in self.board.alive.values() if live.job.state is JobState.QUEUED]:
            self._stop(live, InterruptedJobError("the runner was stopped before the job was begun"))

    async def idle(self) -> None:
        """Returns when no job is queued or running."""
        await self._idle.wait()

    async def submit(self, request: JobRequest, who: str, terms: Terms = ASKED_FOR) -> Job:
        """Queues a job, and starts it when it may run. Those that people ask for go before those of the clock.

        Raises `RunnerError` when the runner is about to stop, `UsageError` for a backup that cannot be called so,
        `NotFoundError` for an unknown one, `StorageError` when the job cannot be written down. The job signs with this
        data directory's key, whatever the request says.
        """
        self._require_open()
        place, reference = repository_of(request), backup_of(request)
        if isinstance(request, MakesBackup):
            require_name(request.name)
        elif place is not None and reference is not None:
            backup_id = await self._library.resolve(place, reference)
            request = msgspec.structs.replace(request, backup_id=backup_id)
            self._require_open()  # resolving took its time
        started_by, directory = request.started_by or who, str(self._directory)
        request = msgspec.structs.replace(request, started_by=started_by, data_directory=directory)
        if isinstance(request, PlanRequest):
            request = msgspec.structs.replace(request, measurements=tuple(self._catalog.measurements()))
        job = new_job(request, terms)
        request = assigned(request, job.id)
        details = {"title": job.title, "started_by": started_by, **trust_of(request)}
        self._audit.append(who, "job.submit", job.id, "accepted", details)
        with storage_errors(self._directory, "writing down a new job"):
            self._notes.put(job.id, request)
            live = LiveJob(self._directory, job, request, self.board.publish, terms)
        self.board.alive[job.id] = live
        self._idle.clear()
        self.board.save(job)
        self.board.publish(job)
        self._start_what_may_run()
        return live.job

    def cancel(self, job_id: str, who: str) -> Job:
        """Stops a job; how it ended is known when its process is gone. Raises `RefusedError` when it has ended."""
        job = self.board.job(job_id)
        live = self.board.alive.get(job_id)
        if live is None:
            raise RefusedError(f"job {job_id} cannot be cancelled: it has already ended ({job.state.value})")
        self._audit.note(who, "job.cancel", job_id, "accepted", {"title": job.title})
        self._stop(live, CancelledError(f"the job was cancelled by {who}"))
        return live.job

    def require_unused(self, target: RepositoryTarget, backup_id: str) -> None:
        """Raises `RefusedError` when a job reads that backup."""
        for live in self.board.alive.values():
            place = repository_of(live.request)
            if place is not None and place.location == target.location and live.job.backup_id == backup_id:
                raise RefusedError(
                    f"backup {backup_id} is in use: {live.job.title}",
                    remedy=f"wait for job {live.job.id}, or cancel it",
                )

    def _require_open(self) -> None:
        if self._refusing:
            raise RunnerError("the runner is about to stop and takes no more jobs", remedy="try again in a moment")

    def _start_what_may_run(self) -> None:
        alive = sorted(self.board.alive.values(), key=lambda live: live.terms.waits)  # else in the order they came
        at_work = [live for live in alive if live.job.state is JobState.RUNNING]
        taken = {live.key for live in at_work if live.key} | self._settlement.databases
        scheduled = sum(live.terms.waits for live in at_work)
        for live in alive:
            if self.board.running >= self._settings.max_jobs:
                return
            if live.job.state is not JobState.QUEUED or live.key in taken:
                continue
            if live.terms.waits and scheduled >= self._settings.max_scheduled:
                return  # behind the first of them there are none but such
            taken |= {live.key} if live.key else set()
            scheduled += live.terms.waits
            self._launch(live)

    def _launch(self, live: LiveJob) -> None:
        live.change(state=JobState.RUNNING, started_at=utc_now())
        self.board.save(live.job)
        self._limit(live)
        self._keep(asyncio.create_task(self._run(live)))

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        """Has something of a job of before done; jobs that were not to begin beside it may begin when it is."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._go_on())
        self._keep(task)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _limit(self, live: LiveJob) -> None:
        """Has the job stopped when its time is over."""
        if (seconds := live.terms.timeout_seconds) is not None:
            error = TimedOutError(
                f"the job was stopped after {seconds:,.0f} s, which is all its schedule allows",
                remedy="find out what held it up (its log says how far it came), or allow more with: "
                "pantry-tui schedule edit --timeout",
            )
            live.timer = asyncio.get_running_loop().call_later(seconds, self._stop, live, error)

    async def _run(self, live: LiveJob) -> None:
        last: Finished | Failed = Failed(failure=Failure.of(InterruptedJobError("the runner was ended during the job")))
        try:
            last = await self._outcome(live)
        finally:
            self._finish(live, last)

    async def _outcome(self, live: LiveJob) -> Finished | Failed:
        """How the job ended, with what it left removed. The executor's edge: one job's trouble must not become the runner's."""
        try:
            last = await self._carry_out(live)
        except PantryError as error:
            last = Failed(failure=Failure.of(error))
        except Exception as error:
            last = Failed(failure=Failure.of(_unexpected(error)))
        if isinstance(last, Failed):
            if live.committed is None and last.failure.code in _UNSEEN:
                live.committed = await looked_up(live.request, live.job.id)
            try:
                async with asyncio.timeout(CLEAN_SECONDS):
                    await self._clean_after(live.request)
            except Exception as error:
                live.take(
                    Warned(message=f"what the job left behind could not be removed: {type(error).__name__}: {error}")
                )
        try:
            last = await self._complete(live, last)
        except Exception as error:
            live.take(Warned(message=f"what follows the job failed: {type(error).__name__}: {error}"))
        if isinstance(last, Finished):
            await self._have_copied(live, last)
        return last

    async def _have_copied(self, live: LiveJob, last: Finished) -> None:
        """Submits the copies of a backup that was taken; no backup fails for want of them."""
        for request in copies_of(live.request, last):
            try:
                job = await self.submit(request, live.job.started_by)
                live.take(Logged(message=f"job {job.id} copies it to {request.destination.name}"))
            except PantryError as error:
                live.take(Warned(message=f"it is not copied to {request.destination.name}: {error.message}"))

    async def _complete(self, live: LiveJob, last: Finished | Failed) -> Finished | Failed:
        """What comes after the work; who stops the job stops that, too, and what the work has done stays done."""
        live.is_done = True
        following = asyncio.create_task(self._attendant.complete(live, last))
        live.interrupt = following.cancel
        await asyncio.wait([following])
        live.interrupt = None
        if not following.cancelled():
            return following.result()
        reason = live.stopped_by or CancelledError("what follows the job was stopped")
        return Failed(failure=Failure.of(reason), result=last.result)

    async def _clean_after(self, request: JobRequest) -> None:
        if isinstance(request, MakesBackup):
            await self._library.clean(request.repository)
        await remove_rehearsal(request, self._directory)

    async def _carry_out(self, live: LiveJob) -> Finished | Failed:
        await self._attendant.begin(live)
        live.process = await self._take_spare()
        if live.stopped_by is not None:
            live.process.ask_to_stop()
        last = await live.process.carry_out(live.request, live.take)
        if last.result is not None:
            with contextlib.suppress(TimeoutError):  # the next list finds what there is
                async with asyncio.timeout(CLEAN_SECONDS):
                    for repository in repositories_of(live.request):
                        await self._library.take_note(repository)
        return last

    async def _take_spare(self) -> JobProcess:
        spare, self._spare = self._spare, None
        if spare is not None and spare.is_alive:
            return spare
        if spare is not None:
            await spare.dismiss()
        return JobProcess.start(self._settings.nice)

    def _prepare_spare(self) -> None:
        with contextlib.suppress(RunnerError):  # what is in the way is reported when a job needs a process
            self._spare = JobProcess.start(self._settings.nice)

    def _stop(self, live: LiveJob, reason: PantryError) -> None:
        if live.stopped_by is None:
            live.stopped_by = reason
        if live.job.state is JobState.QUEUED:
            self._finish(live, Failed(failure=Failure.of(reason)))
        elif live.interrupt is not None:
            live.interrupt()
        elif live.process is not None:
            live.process.ask_to_stop()

    def _finish(self, live: LiveJob, last: Finished | Failed) -> None:
        # The stack runs the last one first, and every one of them, whatever becomes of the others: nobody must wait
        # for a job that is over.
        with contextlib.ExitStack() as steps:
            steps.callback(self._go_on)
            steps.callback(self._tell_end, live)
            steps.callback(lambda: self._write_down_end(live.job))
            steps.callback(self.board.alive.pop, live.job.id, None)
            steps.callback(lambda: self._keep_measurement(live.job))
            steps.callback(lambda: self._attendant.announce(live.job, live.request))
            steps.callback(lambda: self.board.save(live.job))
            steps.callback(live.end, last)
            if live.timer is not None:
                live.timer.cancel()

    def _tell_end(self, live: LiveJob) -> None:
        for listener in self.ended:
            listener(live.job)
        for measure in self.measured:
            measure(live.job, live.request)

    def _keep_measurement(self, job: Job) -> None:
        if (measured := measured_by(job)) is not None:
            with contextlib.suppress(StorageError):  # the next recovery is one figure poorer
                self._catalog.put_measurement(measured)

    def _write_down_end(self, job: Job) -> None:
        with contextlib.suppress(OSError):  # the next runner finds it again, and nothing left to do
            self._notes.remove(job.id)
        self._audit_end(job)

    def _go_on(self) -> None:
        if not self._closing:
            self._start_what_may_run()
        if not self.board.alive:
            self._idle.set()
            if self._settings.keeps_spare and not self._refusing and self._spare is None:
                self._prepare_spare()  # never beside a running job: it would count against its memory

    def _audit_end(self, job: Job) -> None:
        details = {"title": job.title, "backup": job.backup_id, "failure": job.failure.message if job.failure else None}
        self._audit.note(RUNNER, "job.end", job.id, job.state.value, details)

    def _prune(self) -> None:
        older = utc_now() - timedelta(days=self._settings.history_days)
        with contextlib.suppress(StorageError, OSError):  # tomorrow is another day
            self._catalog.prune_jobs(older)
            self._catalog.prune_runs(older)
            prune_logs(self._directory, older, frozenset(self.board.alive))
        self._timers["prune"] = asyncio.get_running_loop().call_later(PRUNE_SECONDS, self._prune)

    def _witness(self) -> None:
        """Keeps the note of the clocks young: what lies between it and the next start is time that nobody saw."""
        self.retention.clock.look()
        self._timers["witness"] = asyncio.get_running_loop().call_later(WITNESS_SECONDS, self._witness)


def _unexpected(error: Exception) -> InternalError:
    return InternalError(
        f"the runner failed while it ran the job: {type(error).__name__}: {error}",
        remedy="please report it, with the traceback below",
        detail="".join(traceback.format_exception(error)),
    )
