"""Schedules from Python: created here, worked off by a runner of the data directory, which outlives this process."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

import msgspec

from pantry_tui.backup.api import BackupConfig
from pantry_tui.config import Config, load_config
from pantry_tui.config.here import local_zone
from pantry_tui.errors import RunnerError, UsageError
from pantry_tui.events import Failed, Finished
from pantry_tui.models import (
    BackupKind,
    BackupSelection,
    Job,
    MissedRuns,
    Model,
    Schedule,
    ScheduleKind,
    ScheduleStatus,
)
from pantry_tui.runner.client import RunnerClient, attach_or_start
from pantry_tui.runner.scheduling.references import with_database, with_repository
from pantry_tui.schedule.checking import check_schedule

_KINDS = {
    BackupKind.FULL: ScheduleKind.FULL,
    BackupKind.INCREMENTAL: ScheduleKind.INCREMENTAL,
    BackupKind.SCHEMA: ScheduleKind.SCHEMA,
    BackupKind.DATA: ScheduleKind.DATA,
}
# What of a backup's configuration a schedule has no place for: it goes by the runner's own.
_NOT_SCHEDULED = (
    "jobs",
    "fingerprints",
    "lock_timeout_seconds",
    "data_directory",
    "batch_size",
    "recipients",
    "identity",
)


class Notifications(Model, frozen=True, kw_only=True):
    """Whom to tell, by names of the configuration."""

    on_success: tuple[str, ...] = ()
    on_failure: tuple[str, ...] = ()


class ScheduleConfig(Model, frozen=True, kw_only=True):
    """What is done when. ``database`` None is the configured default; ``kind`` None is that of ``backup_config``."""

    name: str
    cron: str
    enabled: bool = True
    timezone: str | None = None  # None: this machine's
    kind: ScheduleKind | None = None
    database: str | None = None
    retention_days: int | None = None  # None: the scheduler's default
    backup_config: BackupConfig = BackupConfig()
    notifications: Notifications = Notifications()
    tags: tuple[str, ...] = ()
    timeout_seconds: float | None = None
    retries: int = 2
    missed: MissedRuns = MissedRuns.RUN_ONCE


class SchedulerConfig(Model, frozen=True, kw_only=True):
    """How schedules are worked off; None: as configured."""

    max_concurrent_jobs: int | None = None  # of a runner that has to be started; one that is there keeps its own
    default_retention_days: int | None = None


class BackupScheduler:
    """Creates, lists and executes schedules. `initialize` it first, or use it as a context; `close` it in the end.

    Raises `ConfigError` for a configuration that cannot be read.
    """

    def __init__(self, config: SchedulerConfig | None = None) -> None:
        self._own = config or SchedulerConfig()
        self._config = self._configured(load_config())
        self._client: RunnerClient | None = None

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def initialize(self) -> None:
        """Finds the runner of the data directory, or starts one. Raises `RunnerError`."""
        if self._client is None:
            self._client = await attach_or_start(self._config)

    async def close(self) -> None:
        """Lets the runner go, which goes on working off the schedules."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def create_schedule(self, schedule: ScheduleConfig) -> Schedule:
        """Creates a schedule; its id is in the result.

        Raises `UsageError` for what cannot be meant, `ConfigError` for a database that is not configured.
        """
        draft = self._draft(schedule)
        check_schedule(draft)
        return await self._runner().create_schedule(with_repository(with_database(draft, self._config), self._config))

    async def list_schedules(self) -> list[ScheduleStatus]:
        """All schedules by name, each in words, with its next runs and the last one."""
        return await self._runner().schedules()

    async def execute_schedule(self, reference: str) -> list[Job]:
        """Does now what a schedule does, by its name or id, and returns its jobs when they have ended, however they did.

        Raises `NotFoundError`, `ConfigError`, `ServerError` and its kin where there could be no jobs.
        """
        runner = self._runner()
        jobs = await runner.execute_schedule(reference)
        return [await _ended(runner, job) for job in jobs]

    def _runner(self) -> RunnerClient:
        if self._client is None:
            raise RunnerError("the scheduler is not initialized", remedy="await its initialize() first")
        return self._client

    def _configured(self, config: Config) -> Config:
        given = {name: value for name, value in self._own.to_builtins().items() if value is not None}
        return msgspec.structs.replace(config, scheduler=msgspec.structs.replace(config.scheduler, **given))

    def _draft(self, schedule: ScheduleConfig) -> Schedule:
        backup = schedule.backup_config
        for name in _NOT_SCHEDULED:
            if getattr(backup, name) != getattr(BackupConfig(), name):
                raise UsageError(
                    f"a schedule has no {name} of its own: {schedule.name}",
                    remedy=f"leave {name} out, and set it in the configuration",
                )
        return Schedule(
            name=schedule.name,
            cron=schedule.cron,
            timezone=schedule.timezone or local_zone(os.environ),
            enabled=schedule.enabled,
            kind=schedule.kind or _KINDS[backup.kind],
            database=schedule.database,
            repository=backup.output_dir,
            format=backup.format,
            compression=backup.compression,
            selection=BackupSelection(tables=backup.tables, exclude_tables=backup.exclude_tables),
            tags=schedule.tags,
            retention_days=schedule.retention_days or self._own.default_retention_days,
            on_success=schedule.notifications.on_success,
            on_failure=schedule.notifications.on_failure,
            timeout_seconds=schedule.timeout_seconds,
            retries=schedule.retries,
            missed=schedule.missed,
        )


async def _ended(runner: RunnerClient, job: Job) -> Job:
    async for event in runner.job_events(job.id):
        if isinstance(event, Finished | Failed):
            break
    return await runner.job(job.id)
