"""A runner as a service: what signals have it do, what its service manager is told, what it writes into its log."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path

import msgspec

from pantry_tui.config import Config
from pantry_tui.errors import PantryError
from pantry_tui.events import JobChanged
from pantry_tui.models import LogFormat, RunnerStay
from pantry_tui.runner.address import answers, runner_address
from pantry_tui.runner.configured import Configured
from pantry_tui.runner.executor import ExecutorSettings
from pantry_tui.runner.instance import Runner
from pantry_tui.runner.service_log import ServiceLog, goes_to_journal
from pantry_tui.runner.start import HAND_OVER_SECONDS, wait_for_end
from pantry_tui.runner.supervision import Supervisor

_LOG_SECONDS = 1.0


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a runner works, as a service.

    ``stop_seconds``: how long its jobs may go on when a signal ends it; ``hook_seconds``: how long the command may take that
    follows one.
    """

    executor: ExecutorSettings = ExecutorSettings()
    log_format: LogFormat = LogFormat.TEXT
    stop_seconds: float = 0.0
    hook_seconds: float = 0.0

    @classmethod
    def of(cls, config: Config, *, keeps_spare: bool = True) -> ServiceSettings:
        """As configured."""
        executor = ExecutorSettings(
            max_jobs=config.runner.max_jobs,
            max_scheduled=config.scheduler.max_concurrent_jobs,
            history_days=config.runner.history_days,
            nice=config.backup.nice,
            keeps_spare=keeps_spare,
        )
        return cls(
            executor=executor,
            log_format=config.runner.log_format,
            stop_seconds=config.runner.stop_seconds,
            hook_seconds=config.longest_hook_seconds,
        )


async def run_service(
    data_directory: str | Path,
    settings: ServiceSettings,
    file: str | None,
    on_ready: Callable[[], None],
    *,
    monitoring: Mapping[str, float] | None = None,
) -> None:
    """Is the runner of that directory until a signal or the API ends it; ``on_ready`` is called when it answers.

    ``file`` is the configuration's; None: where it is looked for; ``monitoring``: what of [monitoring] is given instead of
    what it says. Raises what taking the directory raises.
    """
    from pantry_tui.runner.running import running
    from pantry_tui.runner.scheduling.clock import SystemClock

    supervisor = Supervisor.adopt(os.environ)
    log = ServiceLog(sys.stderr, settings.log_format, journal=goes_to_journal(sys.stderr, os.environ))
    configured = Configured(file, os.environ, lambda message: log.say(message, logging.ERROR), monitoring or {})
    stay = RunnerStay.SERVICE if supervisor.is_there else RunnerStay.DETACHED
    if supervisor.is_there:
        await _displace(Path(data_directory), log)
    service: Service | None = None
    try:
        async with running(
            str(data_directory), settings.executor, configuration=configured, clock=SystemClock(), stay=stay
        ) as runner:
            service = Service(runner, supervisor, log, configured, settings)
            on_ready()
            await service.run()
    finally:
        if service is not None:
            await service.close()


async def _displace(directory: Path, log: ServiceLog) -> None:
    """Has a runner that a client started end with its last job, and waits for a moment; then the manager tries again."""
    from pantry_tui.runner.client import RunnerClient

    path = runner_address(directory)
    with contextlib.suppress(PantryError):  # what is in the way is said when the directory is taken
        if answers(path):
            async with RunnerClient(path) as client:
                status = await client.status()
                if status.stay is RunnerStay.DETACHED and not status.stopping:
                    await client.stop(when_idle=True)
                    log.say(f"the runner that somebody started, process {status.pid}, is to end with its last job")
            await asyncio.to_thread(wait_for_end, directory, HAND_OVER_SECONDS)


class Service:
    """A runner at work in a process of its own."""

    def __init__(
        self,
        runner: Runner,
        supervisor: Supervisor,
        log: ServiceLog,
        configured: Configured,
        settings: ServiceSettings,
    ) -> None:
        self._runner = runner
        self._supervisor = supervisor
        self._log = log
        self._configured = configured
        self._settings = settings
        self._told_to_end = asyncio.Event()
        self._alive: asyncio.Task[None] | None = None
        self._lines: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Returns when the runner is to end: SIGTERM, SIGINT, or the API. SIGHUP has the configuration read again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_end.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload)  # also when the terminal it was started from goes
        self._alive = asyncio.create_task(self._supervisor.keep_alive())
        self._lines = asyncio.create_task(self._keep_log())
        self._runner.schedules.changed.append(lambda: self._supervisor.status(self._status()))
        self._log.say(f"runner of {self._runner.status().data_directory}: ready")
        self._complain()
        self._supervisor.ready(self._status())
        await _first(self._runner.stopped.wait(), self._told_to_end.wait())
        self._supervisor.stopping(self._settings.stop_seconds + self._settings.hook_seconds)
        if not self._runner.stopped.is_set():
            await self._let_jobs_end()

    async def close(self) -> None:
        """Writes the last lines; to be called when the jobs have ended, of which they are."""
        if self._lines is not None:
            await asyncio.wait([self._lines], timeout=_LOG_SECONDS)  # the board has ended its stream
        for task in (self._alive, self._lines):
            if task is not None:
                task.cancel()
        self._log.say(f"runner of {self._runner.status().data_directory}: ends")

    def reload(self) -> None:
        """Reads the configuration again, and works by it from the next job on; one in disorder changes nothing."""
        self._supervisor.reloading()
        try:
            self._settings = ServiceSettings.of(self._configured.read())
        except PantryError as error:
            self._log.say(f"the configuration was not taken: {error.message}", logging.ERROR)
        else:
            self._runner.executor.apply(self._settings.executor)
            self._runner.scheduler.wake()
            self._log.say("the configuration was read again")
            self._complain()
        self._supervisor.ready(self._status())

    def _complain(self) -> None:
        """Says what schedules name that the configuration does not have: now, and not at their next run."""
        with contextlib.suppress(PantryError):  # a configuration that cannot be read is complained of elsewhere
            for words in self._runner.schedules.complaints():
                self._log.say(words, logging.WARNING)

    async def _let_jobs_end(self) -> None:
        """Gives running jobs the time that is configured; a second signal takes it back."""
        jobs = self._runner.board.running
        if not jobs or not self._settings.stop_seconds:
            return
        self._log.say(f"waits {self._settings.stop_seconds:g} s at most for {jobs} job{'s' if jobs > 1 else ''}")
        self._runner.stop("signal", when_idle=True)
        self._runner.executor.end_queued()  # their turn might come when it is too late for them
        self._told_to_end.clear()
        await _first(self._runner.stopped.wait(), self._told_to_end.wait(), asyncio.sleep(self._settings.stop_seconds))

    async def _keep_log(self) -> None:
        async for change in self._runner.board.changes():
            if isinstance(change, JobChanged):
                self._log.hear(change)

    def _status(self) -> str:
        schedules = sum(status.schedule.enabled for status in self._runner.schedules.statuses())
        return f"{schedules} schedule{'' if schedules == 1 else 's'} at work"


async def _first(*moments: Coroutine[None, None, object]) -> None:
    """Returns when one of them does."""
    tasks = [asyncio.create_task(moment) for moment in moments]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
