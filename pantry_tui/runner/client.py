"""What the faces see of a runner: its API as methods, and how to find or start one."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from pantry_tui.config import Config
from pantry_tui.errors import RunnerBusyError, RunnerError
from pantry_tui.events import Event, Failed, Finished, JobChanged, decode_event
from pantry_tui.models import (
    BackupDetails,
    BackupDiff,
    BackupSummary,
    CatalogRebuild,
    ExpectedRun,
    Failure,
    Job,
    JobRequest,
    MarkRequest,
    MetricsHistory,
    MonitoringStats,
    RepositoryTarget,
    RetentionReport,
    RetentionRequest,
    RunnerStatus,
    RunnerStay,
    Schedule,
    SchedulePreview,
    ScheduleStatus,
    TablePage,
    Unlocking,
)
from pantry_tui.runner.address import answers, no_runner, runner_address
from pantry_tui.runner.directory import prepare_data_directory
from pantry_tui.runner.monitoring.questions import MonitoringQuestions
from pantry_tui.runner.peer import own_headers
from pantry_tui.runner.start import (
    HAND_OVER_SECONDS,
    RESTART_SECONDS,
    start_detached,
    wait_for_answer,
    wait_for_end,
    wait_while_silent,
)
from pantry_tui.runner.wire import Answer, path_part, read_answer, repository_query
from pantry_tui.runner.wizard_questions import WizardQuestions
from pantry_tui.version import __version__

ANSWER_SECONDS = 10.0  # a healthy runner answers in milliseconds
_ATTEMPTS = 3


class RunnerClient(MonitoringQuestions, WizardQuestions):
    """A connection to a runner. Methods raise what the runner reports, and `RunnerError` when it is gone."""

    def __init__(self, socket: Path) -> None:
        import aiohttp  # 0.2 s, which commands that ask nothing of a runner do not pay

        self._socket = socket
        self._lost = (OSError, aiohttp.ClientError)
        self._session = aiohttp.ClientSession(
            "http://runner",
            connector=aiohttp.UnixConnector(str(socket), limit=0),
            headers=own_headers(os.environ),
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Lets the connection go; the runner and its jobs go on."""
        await self._session.close()

    async def status(self) -> RunnerStatus:
        """Who the runner is and what it does."""
        return await self._ask("GET", "/v1/status", RunnerStatus, timeout_seconds=ANSWER_SECONDS)

    async def backups(
        self, repository: RepositoryTarget, *, database: str | None = None, limit: int | None = None
    ) -> list[BackupSummary]:
        """The backups of a repository, newest first."""
        where = repository_query(repository, database=database, limit=limit)
        return await self._ask("GET", "/v1/backups", list[BackupSummary], query=where)

    async def backup(self, repository: RepositoryTarget, backup_id: str) -> BackupDetails:
        """One backup by its id, the beginning of it, or `latest`. Raises `NotFoundError`."""
        return await self._ask(
            "GET", f"/v1/backups/{path_part(backup_id)}", BackupDetails, query=repository_query(repository)
        )

    async def peek(
        self,
        repository: RepositoryTarget,
        backup_id: str,
        table: str,
        *,
        limit: int | None = None,
        skip: int = 0,
        unlocking: Unlocking = Unlocking(),  # noqa: B008  # frozen
    ) -> TablePage:
        """Some rows of a table out of a backup: at most 200 of them, and of each value at most its first 4 KiB.

        Raises `NotFoundError`, `UsageError`, `BackupDamagedError`, `StorageError`, `WrongKeyError`, `KeyMissingError`.
        """
        where = repository_query(repository, table=table, limit=limit, skip=skip or None)
        path = f"/v1/backups/{path_part(backup_id)}/rows"
        return await self._ask("POST", path, TablePage, query=where, body=unlocking)

    async def diff(self, repository: RepositoryTarget, backup_id: str, other_id: str) -> BackupDiff:
        """Two backups compared, table by table. Raises `NotFoundError`, `BackupDamagedError`, `StorageError`."""
        where = repository_query(repository, other=other_id)
        return await self._ask("GET", f"/v1/backups/{path_part(backup_id)}/diff", BackupDiff, query=where)

    async def delete_backup(self, repository: RepositoryTarget, backup_id: str, *, force: bool = False) -> None:
        """Deletes a backup. Raises `NotFoundError`, `RefusedError` for one in use or the last valid one."""
        where = repository_query(repository, force=1 if force else None)
        await self._ask("DELETE", f"/v1/backups/{path_part(backup_id)}", type(None), query=where)

    async def mark_backup(self, repository: RepositoryTarget, backup_id: str, request: MarkRequest) -> BackupSummary:
        """Pins or labels a backup. Raises `NotFoundError`, `UsageError` for a label of several lines."""
        where = repository_query(repository)
        return await self._ask(
            "POST", f"/v1/backups/{path_part(backup_id)}/mark", BackupSummary, query=where, body=request
        )

    async def preview_retention(self, repository: RepositoryTarget, request: RetentionRequest) -> RetentionReport:
        """What `apply_retention` would do. Raises `StorageError`."""
        where = repository_query(repository)
        return await self._ask("POST", "/v1/retention/preview", RetentionReport, query=where, body=request)

    async def apply_retention(self, repository: RepositoryTarget, request: RetentionRequest) -> RetentionReport:
        """Deletes the backups that no rule keeps; what cannot be deleted stays, with the reason. Raises `StorageError`."""
        where = repository_query(repository)
        return await self._ask("POST", "/v1/retention/apply", RetentionReport, query=where, body=request)

    async def submit(self, request: JobRequest) -> Job:
        """Queues a job; it goes on whatever becomes of this client."""
        return await self._ask("POST", "/v1/jobs", Job, body=request)

    async def jobs(self, *, limit: int = 100) -> list[Job]:
        """Jobs, newest first."""
        return await self._ask("GET", "/v1/jobs", list[Job], query={"limit": str(limit)})

    async def job(self, job_id: str) -> Job:
        """One job. Raises `NotFoundError`."""
        return await self._ask("GET", f"/v1/jobs/{path_part(job_id)}", Job)

    async def job_log(self, job_id: str) -> list[str]:
        """What a job did, in lines with their times in UTC. Raises `NotFoundError`."""
        return await self._ask("GET", f"/v1/jobs/{path_part(job_id)}/log", list[str])

    async def report(self, job_id: str) -> str:
        """The report of a recovery, drill or rollback in Markdown, when it has ended.

        Raises `NotFoundError`, also for other jobs.
        """
        from pantry_tui.runner.report import report

        events = [event async for event in self.job_events(job_id)]
        return report(await self.job(job_id), events)

    async def cancel(self, job_id: str) -> Job:
        """Has a job stopped; its events say when it is. Raises `NotFoundError`, `RefusedError` when it has ended."""
        return await self._ask("POST", f"/v1/jobs/{path_part(job_id)}/cancel", Job)

    async def job_events(self, job_id: str) -> AsyncIterator[Event]:
        """The events of a job from its beginning, then live, up to and with `Finished` or `Failed`.

        Raises `NotFoundError`, and `RunnerError` when the runner goes away before the job's end.
        """
        async with contextlib.aclosing(self._stream(f"/v1/jobs/{path_part(job_id)}/events")) as events:
            async for event in events:
                yield event
                if isinstance(event, Finished | Failed):
                    return
        raise self._gone()

    async def changes(self) -> AsyncIterator[JobChanged]:
        """The jobs that are alive, then every change of any job, until the runner ends."""
        async with contextlib.aclosing(self.news()) as events:
            async for event in events:
                if isinstance(event, JobChanged):
                    yield event

    async def news(self) -> AsyncGenerator[Event, None]:
        """As `changes`, and what schedules, health and alerts tell."""
        async with contextlib.aclosing(self._stream("/v1/events")) as events:
            async for event in events:
                yield event

    async def schedules(self) -> list[ScheduleStatus]:
        """All schedules, by name."""
        return await self._ask("GET", "/v1/schedules", list[ScheduleStatus])

    async def schedule(self, reference: str) -> ScheduleStatus:
        """One schedule by its id or name. Raises `NotFoundError`."""
        return await self._ask("GET", f"/v1/schedules/{path_part(reference)}", ScheduleStatus)

    async def create_schedule(self, draft: Schedule) -> Schedule:
        """Takes a schedule in and gives it an id. Raises `UsageError`, `ConfigError` for names that mean nothing there."""
        return await self._ask("POST", "/v1/schedules", Schedule, body=draft)

    async def edit_schedule(self, reference: str, draft: Schedule) -> Schedule:
        """Changes a schedule into ``draft``. Raises `NotFoundError`, and as `create_schedule` does."""
        return await self._ask("PUT", f"/v1/schedules/{path_part(reference)}", Schedule, body=draft)

    async def enable_schedule(self, reference: str, *, enabled: bool = True) -> Schedule:
        """Has a schedule run again, or no more. Raises `NotFoundError`."""
        order = "enable" if enabled else "disable"
        return await self._ask("POST", f"/v1/schedules/{path_part(reference)}/{order}", Schedule)

    async def delete_schedule(self, reference: str) -> None:
        """Forgets a schedule; its backups stay. Raises `NotFoundError`."""
        await self._ask("DELETE", f"/v1/schedules/{path_part(reference)}", type(None))

    async def execute_schedule(self, reference: str) -> list[Job]:
        """Has the jobs of a schedule done now. Raises `NotFoundError`, `ConfigError`, `ServerError` and its kin."""
        return await self._ask("POST", f"/v1/schedules/{path_part(reference)}/execute", list[Job])

    async def runs(self, reference: str | None = None, *, limit: int = 100) -> list[ExpectedRun]:
        """The runs of a schedule, or of all, those due last first, also those to come. Raises `NotFoundError`."""
        query = {"limit": str(limit)} | ({"schedule": reference} if reference is not None else {})
        return await self._ask("GET", "/v1/runs", list[ExpectedRun], query=query)

    async def preview_schedule(
        self, cron: str, timezone: str = "UTC", *, seconds: bool = False, count: int = 5
    ) -> SchedulePreview:
        """What a cron expression means, with its next runs. Raises `UsageError`, which says what is wrong with it."""
        query = {"cron": cron, "timezone": timezone, "seconds": "1" if seconds else "0", "count": str(count)}
        return await self._ask("GET", "/v1/preview", SchedulePreview, query=query)

    async def metrics_history(self, days: int, *, records: bool = False) -> MetricsHistory:
        """What was measured in the last days, today included; with each job and health run where ``records`` are wanted."""
        query = {"days": str(days), "records": "1" if records else "0"}
        return await self._ask("GET", "/v1/metrics/history", MetricsHistory, query=query)

    async def stats(self) -> MonitoringStats:
        """What everything comes to: databases, disks, totals."""
        return await self._ask("GET", "/v1/metrics/stats", MonitoringStats)

    async def catalog_check(self, repositories: Sequence[RepositoryTarget]) -> list[str]:
        """What is wrong with the catalog, in words; empty when nothing is."""
        return await self._ask("POST", "/v1/catalog/check", list[str], body=list(repositories))

    async def catalog_rebuild(self, repositories: Sequence[RepositoryTarget], *, force: bool = False) -> CatalogRebuild:
        """Makes the catalog anew from the repositories.

        Raises `StorageError` when one that has listed backups is missing or empty, unless ``force``.
        """
        where = {"force": "1"} if force else None
        return await self._ask("POST", "/v1/catalog/rebuild", CatalogRebuild, query=where, body=list(repositories))

    async def stop(self, *, when_idle: bool = False) -> None:
        """Ends the runner: at once, its jobs being stopped cleanly, or when its last job has ended."""
        await self._ask("POST", "/v1/stop", RunnerStatus, query={"when": "idle" if when_idle else "now"})

    async def _ask(
        self,
        method: str,
        path: str,
        kind: type[Answer],
        *,
        query: dict[str, str] | None = None,
        body: object = None,
        timeout_seconds: float | None = None,
    ) -> Answer:
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with asyncio.timeout(timeout_seconds):
                async with self._session.request(method, path, params=query, data=data) as response:
                    return read_answer(response.status, await response.read(), kind)
        except TimeoutError as error:
            raise RunnerError(
                f"the runner at {self._socket} does not answer", remedy="is it stopped (SIGSTOP)? look at its process"
            ) from error
        except self._lost as error:
            raise self._gone() from error

    async def _stream(self, path: str) -> AsyncGenerator[Event, None]:
        try:
            async with self._session.get(path) as response:
                if response.status != 200:
                    read_answer(response.status, await response.read(), Failure)
                rest = b""
                async for piece in response.content.iter_any():
                    *messages, rest = (rest + piece).split(b"\n\n")
                    for message in messages:
                        yield decode_event(message.removeprefix(b"data: "))
        except self._lost as error:
            raise self._gone() from error

    def _gone(self) -> RunnerError:
        return RunnerError(
            f"the runner at {self._socket} went away",
            remedy="run the command again; a new runner says what became of the jobs",
        )


async def attach(config: Config) -> RunnerClient:
    """The runner that works on the data directory.

    Raises `RunnerError` when none is there, when it does not answer, or when it is of another version.
    """
    directory = prepare_data_directory(config.data_directory)
    path = runner_address(directory)
    if not answers(path):
        raise no_runner(directory)
    client = RunnerClient(path)
    try:
        status = await client.status()
        if status.version != __version__:
            raise RunnerError(
                f"the runner is of version {status.version}, and this is {__version__}",
                remedy="restart it: pantry-tui runner stop, then pantry-tui runner start",
            )
    except BaseException:
        await client.close()
        raise
    return client


async def attach_or_start(config: Config) -> RunnerClient:
    """The runner that works on the data directory; where none is, one is started that outlives this process.

    A runner of another version is told to end with its last job, and replaced when it has. Raises `RunnerError` when
    that takes longer than `HAND_OVER_SECONDS`, or when the new one does not start.
    """
    directory = prepare_data_directory(config.data_directory)
    await make_way(directory)
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(RunnerError):
            return await attach(config)
        try:
            await asyncio.to_thread(start_detached, directory, config)
        except RunnerBusyError:  # somebody else starts one, or one is just ending
            await asyncio.to_thread(wait_while_silent, directory, HAND_OVER_SECONDS)
    return await attach(config)


async def make_way(directory: Path) -> None:
    """Has a runner that is ending, or of another version, end. Raises `RunnerError` when its jobs take long.

    Where a service manager keeps it, another one of the manager's is waited for: beside that there is to be none.
    """
    path = runner_address(directory)
    if not answers(path):
        return
    async with RunnerClient(path) as client:
        status = await client.status()
        if status.version == __version__ and not status.stopping:
            return
        if not status.stopping:
            await client.stop(when_idle=True)
    if not await asyncio.to_thread(wait_for_end, directory, HAND_OVER_SECONDS):
        raise RunnerError(
            f"the runner of version {status.version} finishes its jobs ({status.running + status.queued}) "
            "before another takes over",
            remedy=f"try again later, or end it and its jobs at once: kill {status.pid}",
        )
    if status.stay is RunnerStay.SERVICE:
        await asyncio.to_thread(wait_for_answer, directory, RESTART_SECONDS)
