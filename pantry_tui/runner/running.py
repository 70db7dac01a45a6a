"""A runner in this process, from start to end: the lock, the catalog, the executor, the API at its socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config, load_config
from pantry_tui.errors import RunnerBusyError
from pantry_tui.events import ScheduleEvent
from pantry_tui.models import RunnerStay
from pantry_tui.runner.audit import RUNNER, AuditTrail
from pantry_tui.runner.directory import prepare_data_directory, prepare_socket_directory, socket_path, user_name
from pantry_tui.runner.executor import Executor, ExecutorSettings
from pantry_tui.runner.instance import Runner
from pantry_tui.runner.library import Library
from pantry_tui.runner.lock import PATIENCE_SECONDS, Holder, RunnerLock
from pantry_tui.runner.measuring import Measuring
from pantry_tui.runner.monitoring.observer import Observer
from pantry_tui.runner.monitoring.watch import making_rounds, watching
from pantry_tui.runner.scheduling.clock import Clock, SystemClock
from pantry_tui.runner.scheduling.desk import ScheduleDesk
from pantry_tui.runner.scheduling.keeping import ScheduleKeeper
from pantry_tui.runner.scheduling.loop import Scheduler
from pantry_tui.runner.scheduling.telling import ScheduleTeller
from pantry_tui.runner.scheduling.trail import note_event
from pantry_tui.runner.scheduling.work import ScheduledWork
from pantry_tui.runner.server import serve

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@contextlib.asynccontextmanager
async def running(
    data_directory: str,
    settings: ExecutorSettings,
    *,
    configuration: Callable[[], Config] = load_config,
    clock: Clock | None = None,
    observer: Observer | None = None,
    stay: RunnerStay = RunnerStay.DETACHED,
) -> AsyncIterator[Runner]:
    """Takes the data directory and serves its API until the context is left; running jobs are stopped cleanly then.

    ``configuration``: what the names in schedules mean, asked anew for each run. ``clock``: by which schedules are worked
    off; without one they only stand there, to be looked at and changed, as in a runner for the time of one command.
    ``observer``: a process that waits to look at everything, for the first who asks for that.
    ``stay``: what it says of itself.
    Raises `RunnerBusyError` when another runner has it, `RefusedError` when it belongs to another user, `StorageError`.
    """
    directory = prepare_data_directory(data_directory)
    lock = RunnerLock.acquire(directory)
    try:
        socket = socket_path(directory)
        prepare_socket_directory(socket, directory)
        holder = lock.announce(socket)
        with Catalog(directory) as catalog:
            _become_writer(catalog)
            async with _serving(directory, holder, settings, catalog, configuration, clock, stay) as runner:
                runner.health.observer = observer
                yield runner
    finally:
        lock.release()


@contextlib.asynccontextmanager
async def _serving(
    directory: Path,
    holder: Holder,
    settings: ExecutorSettings,
    catalog: Catalog,
    configuration: Callable[[], Config],
    clock: Clock | None,
    stay: RunnerStay,
) -> AsyncIterator[Runner]:
    audit = AuditTrail(directory)
    library = Library(catalog, directory)
    executor = Executor(directory, settings, catalog, library, audit)

    teller = ScheduleTeller(executor.office, catalog, audit, configuration)
    executor.office.listeners.append(executor.board.tell)

    def tell(event: ScheduleEvent) -> None:
        note_event(audit, event)
        executor.board.tell(event)
        teller.hear(event)
        health.alerts.hear(event)

    work = ScheduledWork(executor, library, catalog, configuration, tell)
    scheduler = Scheduler(catalog, work, clock or SystemClock(), tell)
    executor.ended.append(scheduler.job_ended)
    desk = ScheduleDesk(catalog, scheduler, work, audit, configuration)
    health = watching(directory, catalog, library, executor, audit, desk.statuses, configuration, clock)
    executor.ended.append(health.alerts.job_ended)
    executor.office.listeners.append(health.alerts.hear)
    measuring = Measuring(directory, catalog, configuration, lambda: runner.status())
    executor.measured.append(measuring.hear_job)
    health.listeners.append(measuring.hear_health)
    health.forecast = measuring.days_left
    keeper = ScheduleKeeper(catalog, library, configuration, tell)
    desk.changed.append(keeper.changed)
    runner = Runner(directory, holder, executor, library, audit, scheduler, desk, health, measuring, stay)
    audit.note(_account(), "runner.start", "runner", "started", {"pid": holder.pid, "version": holder.version})
    await executor.start()
    measuring.start()
    if clock is not None:
        keeper.examine()
    try:
        async with serve(runner, Path(holder.socket)):
            try:
                async with (
                    _working(scheduler, clock, runner.stopped),
                    making_rounds(health, executor, library, audit, configuration, clock),
                ):
                    yield runner
            finally:
                scheduler.close()
                await health.close()
                await executor.close()
                await scheduler.settled()
                await keeper.settled()
                await executor.office.close()  # after all that has something to tell
                await measuring.close()
    finally:
        audit.note(RUNNER, "runner.end", "runner", "ended", {"pid": holder.pid})


@contextlib.asynccontextmanager
async def _working(scheduler: Scheduler, clock: Clock | None, stopped: asyncio.Event) -> AsyncIterator[None]:
    """Schedules are worked off meanwhile, where there is a clock for that.

    Should that end by a defect, so does the runner, with the error: schedules that nobody works off must not look as
    if somebody did.
    """
    if clock is None:
        yield
        return
    loop = asyncio.create_task(scheduler.run())
    loop.add_done_callback(lambda _: stopped.set())
    try:
        yield
    finally:
        scheduler.close()
        loop.cancel()
        await asyncio.wait([loop])
    if not loop.cancelled():
        loop.result()


def _become_writer(catalog: Catalog) -> None:
    """Takes the catalog for the runner's life; a command that lists backups may have it for some milliseconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            catalog.prune_jobs(_BEGINNING)
            return
        except RunnerBusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.02)


def _account() -> str:
    return user_name(os.geteuid())
