"""A runner in this process whose clock goes on when its jobs are done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from pantry_tui.config import Config
from pantry_tui.config.notifying import NotificationSettings
from pantry_tui.config.settings import DatabaseSettings
from pantry_tui.models import DatabaseTarget, ReceiverKind, Schedule
from pantry_tui.runner.client import RunnerClient
from pantry_tui.runner.executor import ExecutorSettings
from pantry_tui.runner.instance import Runner
from pantry_tui.runner.running import running
from pantry_tui.runner.scheduling.loop import Scheduler
from tests.engine.runner.processes import MARK

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class PatientClock:
    """Stands still until a test has it advance, and goes on only when no job of a schedule is at work."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._until = now
        self._seconds = 0.0
        self._scheduler: Scheduler | None = None
        self._reached = asyncio.Event()

    def attach(self, scheduler: Scheduler) -> None:
        """Says whose jobs it waits for."""
        self._scheduler = scheduler

    def now(self) -> datetime:
        return self._now

    def awake(self) -> float:
        return self._seconds

    def elapsed(self) -> float:
        return self._seconds

    async def advance(self, seconds: float) -> None:
        """Returns when so much time has passed, and everything that was due in it is done."""
        assert self._scheduler is not None
        self._until += timedelta(seconds=seconds)
        self._reached.clear()
        self._scheduler.wake()
        await self._reached.wait()

    async def wait(self, news: asyncio.Event, seconds: float) -> None:
        if self._scheduler is not None:
            await self._scheduler.settled()
        if news.is_set():
            return
        step = min(seconds, (self._until - self._now).total_seconds())
        if step <= 0:
            self._reached.set()
            await news.wait()
            return
        self._seconds += step
        self._now += timedelta(seconds=step)


@contextlib.asynccontextmanager
async def scheduling(
    config: Config,
    clock: PatientClock | None = None,
    settings: ExecutorSettings = ExecutorSettings(),  # noqa: B008
) -> AsyncIterator[tuple[Runner, RunnerClient]]:
    """A runner in this process, with a client. With a clock, it waits for the jobs before that goes on."""
    async with running(config.data_directory, settings, configuration=lambda: config, clock=clock) as runner:
        if clock is not None:
            clock.attach(runner.scheduler)
        async with RunnerClient(Path(runner.status().socket)) as client:
            yield runner, client


def scheduled(database: DatabaseTarget, cron: str, **fields: Any) -> Schedule:
    """A schedule of a configured database."""
    return Schedule(name="nightly", cron=cron, database=database.name, repository="local", **fields)


def configured(config: Config, database: DatabaseTarget, mark: str) -> Config:
    """The same installation, with the database by its name, and somebody to be told."""
    settings = DatabaseSettings(url=database.conninfo)
    return msgspec.structs.replace(
        config,
        databases={database.name: settings},
        notifications={"ops": NotificationSettings(kind=ReceiverKind.SLACK, url="env:HOOK")},
        environment={**config.environment, MARK: mark},
    )
