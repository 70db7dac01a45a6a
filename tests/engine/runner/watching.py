"""A runner whose databases are watched: by thresholds that a test machine meets, and by a clock that can be turned."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

from pantry_tui.config import Config
from pantry_tui.config.monitoring import MonitoringSettings, Thresholds
from pantry_tui.models import (
    BackupRequest,
    BackupSummary,
    Check,
    CheckStatus,
    DatabaseTarget,
    DrillRequest,
    Health,
    JobRequest,
    JobState,
    RepositoryTarget,
    ValidateRequest,
    utc_now,
)
from pantry_tui.runner.client import RunnerClient
from pantry_tui.runner.executor import ExecutorSettings
from pantry_tui.runner.instance import Runner
from pantry_tui.runner.monitoring import rounds
from pantry_tui.runner.running import running
from pantry_tui.runner.scheduling.clock import SystemClock
from tests.engine.runner.conftest import backup_request, ended

NEVER = 10.0**6
LITTLE = Thresholds(min_disk_space_gb=0.000001)


class TurnedClock(SystemClock):
    """The machine's, as if somebody had set it."""

    def __init__(self, shift: timedelta = timedelta()) -> None:
        self.shift = shift

    def now(self) -> datetime:
        return utc_now() + self.shift


def watched(config: Config, **thresholds: Any) -> Config:
    """The same installation with other thresholds."""
    chosen = msgspec.structs.replace(LITTLE, **thresholds)
    return msgspec.structs.replace(config, monitoring=MonitoringSettings(thresholds=chosen))


class Watched:
    """A runner in this process, and what is asked of it."""

    def __init__(self, runner: Runner, client: RunnerClient, config: Config, database: DatabaseTarget) -> None:
        self.runner = runner
        self.client = client
        self.config = config
        self.database = database

    @property
    def repository(self) -> RepositoryTarget:
        return self.config.repository_target()

    @property
    def directory(self) -> Path:
        return Path(self.repository.location)

    async def do(self, request: JobRequest) -> JobState:
        return (await ended(self.client, await self.client.submit(request))).state

    async def back_up(self, **fields: Any) -> BackupSummary:
        """A backup that succeeds."""
        request: BackupRequest = backup_request(self.database, self.repository)
        assert await self.do(msgspec.structs.replace(request, **fields)) is JobState.SUCCEEDED
        return (await self.client.backups(self.repository))[0]

    async def validate(self, backup_id: str) -> None:
        await self.do(ValidateRequest(repository=self.repository, backup_id=backup_id))

    async def drill(self, backup_id: str) -> JobState:
        return await self.do(DrillRequest(repository=self.repository, backup_id=backup_id, jobs=1))

    async def look(self, **fields: Any) -> Health:
        return await self.client.check_health(**fields)

    async def check(self, kind: str, part: str = "", subject: str | None = None) -> Check:
        """One check of a look now."""
        return one(await self.look(), kind, self.database.name if subject is None else subject, part)

    async def status(self, kind: str, part: str = "", subject: str | None = None) -> CheckStatus:
        return (await self.check(kind, part, subject)).status


def one(health: Health, kind: str, subject: str, part: str = "") -> Check:
    """The check of that id; all ids are in the message where there is none."""
    wanted = ":".join(filter(None, (kind, subject, part)))
    found = [check for check in health.checks if check.id == wanted]
    assert found, (wanted, [check.id for check in health.checks])
    return found[0]


@contextlib.asynccontextmanager
async def watching(
    config: Config, database: DatabaseTarget, *, clock: TurnedClock | None = None
) -> AsyncIterator[Watched]:
    """A runner; with a clock it is one that stays, and looks only where a test has it look."""
    settings = ExecutorSettings(prepares=False, keeps_spare=False)
    with mock.patch.object(rounds, "FIRST_SECONDS", NEVER):
        async with _running(config, settings, clock) as (runner, client):
            yield Watched(runner, client, config, database)


@contextlib.asynccontextmanager
async def _running(
    config: Config, settings: ExecutorSettings, clock: TurnedClock | None
) -> AsyncIterator[tuple[Runner, RunnerClient]]:
    async with (
        running(config.data_directory, settings, configuration=lambda: config, clock=clock) as runner,
        RunnerClient(Path(runner.status().socket)) as client,
    ):
        yield runner, client


def flip_a_byte(directory: Path) -> None:
    """What a disk does that forgets; times and sizes stay."""
    [path] = directory.glob("*.sql.gz")
    status, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
