"""What the API of a runner acts on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pantry_tui.models import RunnerStatus, RunnerStay
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.executor import Executor
from pantry_tui.runner.library import Library
from pantry_tui.runner.lock import Holder
from pantry_tui.runner.measuring import Measuring
from pantry_tui.runner.monitoring.desk import HealthDesk
from pantry_tui.runner.scheduling.desk import ScheduleDesk
from pantry_tui.runner.scheduling.loop import Scheduler
from pantry_tui.runner.wizard import WizardBook
from pantry_tui.version import __version__


class Runner:
    """A runner at work: its parts, and how it is told to end."""

    def __init__(
        self,
        directory: Path,
        holder: Holder,
        executor: Executor,
        library: Library,
        audit: AuditTrail,
        scheduler: Scheduler,
        schedules: ScheduleDesk,
        health: HealthDesk,
        measuring: Measuring,
        stay: RunnerStay,
    ) -> None:
        self.executor = executor
        self.board = executor.board
        self.library = library
        self.retention = executor.retention
        self.audit = audit
        self.scheduler = scheduler
        self.schedules = schedules
        self.health = health
        self.wizard = WizardBook(directory, audit)
        self.measuring = measuring
        self._stay = stay
        self.stopped = asyncio.Event()  # set when the process that runs this should let it end
        self._directory = directory
        self._holder = holder
        self._waiting: asyncio.Task[None] | None = None

    def status(self) -> RunnerStatus:
        """Who this runner is and what it does."""
        return RunnerStatus(
            version=__version__,
            pid=self._holder.pid,
            started_at=self._holder.started_at,
            data_directory=str(self._directory),
            socket=self._holder.socket,
            running=self.board.running,
            queued=self.board.queued,
            stopping=self.executor.closing,
            stay=self._stay,
            untold=self.executor.office.untold,
        )

    def stop(self, who: str, *, when_idle: bool) -> None:
        """Ends the runner: now, with its jobs stopped cleanly, or when its last job has ended."""
        self.audit.note(who, "runner.stop", "runner", "accepted", {"when": "idle" if when_idle else "now"})
        self.scheduler.close()
        self.executor.refuse_more()
        if when_idle:
            self._waiting = asyncio.create_task(self._stop_when_idle())
        else:
            self.stopped.set()

    async def _stop_when_idle(self) -> None:
        await self.executor.idle()
        self.stopped.set()
