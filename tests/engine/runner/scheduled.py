"""A runner in this process whose clock goes on when its jobs are done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from pantry_tui.config import Config
from pantry_tui.models import DatabaseTarget, Schedule, ScheduleKind
from pantry_tui.runner.client import RunnerClient
from pantry_tui.runner.executor import ExecutorSettings
from pantry_tui.runner.instance import Runner
from pantry_tui.runner.running import running
from tests.engine.runner.processes import MARK

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class PatientClock:
    """Goes on by itself, in as many steps as a test allows, and only when ``busy`` says that nothing is at work."""

    def __init__(self, steps: int) -> None:
        self._now = NOON
        self._seconds = 0.0
        self._steps = steps
        self.settled: Callable[[], Any] | None = None
        self.done = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def awake(self) -> float:
        return self._seconds

    def elapsed(self) -> float:
        return self._seconds

    async def wait(self, news: asyncio.Event, seconds: float) -> None:
        if self.settled is not None:
            await self.settled()
        if news.is_set():
            return
        if self._steps == 0:
            self.done.set()
            await news.wait()
            return
        self._steps -= 1
        self._seconds += seconds
        self._now = datetime.fromtimestamp(self._now.timestamp() + seconds, UTC)


@contextlib.asynccontextmanager
async def scheduling(
    config: Config,
    clock: PatientClock | None = None,
    settings: ExecutorSettings = ExecutorSettings(),  # noqa: B008
) -> AsyncIterator[tuple[Runner, RunnerClient]]:
    """A runner in this process, with a client. With a clock, it waits for the jobs before that goes on."""
    async with running(config.data_directory, settings, configuration=lambda: config, clock=clock) as runner:
        if clock is not None:
            clock.settled = runner.scheduler.settled
        async with RunnerClient(Path(runner.status().socket)) as client:
            yield runner, client


def scheduled(database: DatabaseTarget, cron: str, **fields: Any) -> Schedule:
    """A schedule of a configured database."""
    return Schedule(name="nightly", cron=cron, database=database.name, repository="local", **fields)


def configured(config: Config, database: DatabaseTarget, mark: str) -> Config:
    """The same installation, with the database by its name."""
    from pantry_tui.config.settings import DatabaseSettings

    settings = DatabaseSettings(url=database.conninfo)
    environment = {**config.environment, MARK: mark}
    return msgspec.structs.replace(config, databases={database.name: settings}, environment=environment)


KINDS = tuple(kind for kind in ScheduleKind if kind is not ScheduleKind.COPY)
