"""The connection to the runner: attaches, listens, reattaches, and turns every answer into a message.

A runner is started when the application opens and when a person asks for something that needs one; never by itself
after it was lost, because somebody may have stopped it on purpose. Nothing here touches a widget.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

import msgspec
from textual.app import App
from textual.message import Message

from pantry_tui.errors import PantryError, RunnerError, StorageError
from pantry_tui.events import AlertChanged, Event, HealthChanged, JobChanged
from pantry_tui.models import (
    Alert,
    BackupDetails,
    BackupDiff,
    BackupSummary,
    DayCompliance,
    ExpectedRun,
    Health,
    Job,
    JobRequest,
    MarkRequest,
    RepositoryTarget,
    ScheduleStatus,
    TablePage,
    Unlocking,
    WizardState,
)

if TYPE_CHECKING:
    from pantry_tui.config import Config
    from pantry_tui.runner.client import RunnerClient

SHOWN_RUNS = 1000  # of all schedules
SHOWN_DAYS = 120  # of compliance

Answer = TypeVar("Answer")
RunnerCall = Callable[["RunnerClient"], Awaitable[object]]
Connect = Callable[["Config"], Awaitable["RunnerClient"]]

# Seconds between attempts to attach again.
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)

# What a connection that breaks, or a runner of another version, makes the client raise besides our own errors.
_BROKEN = (PantryError, OSError, EOFError, msgspec.MsgspecError)


class RunnerAttached(Message):
    """The runner answers; these are its jobs."""

    def __init__(self, jobs: list[Job]) -> None:
        super().__init__()
        self.jobs = jobs


class RunnerLost(Message):
    """The runner does not answer."""

    def __init__(self, error: PantryError) -> None:
        super().__init__()
        self.error = error


class JobHeard(Message):
    """A job changed."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job


class JobsHeard(Message):
    """All jobs, read again."""

    def __init__(self, jobs: list[Job]) -> None:
        super().__init__()
        self.jobs = jobs


class SchedulesHeard(Message):
    """All schedules, and their latest runs with those to come, read again."""

    def __init__(self, schedules: list[ScheduleStatus], runs: list[ExpectedRun]) -> None:
        super().__init__()
        self.schedules = schedules
        self.runs = runs


class HealthHeard(Message):
    """Health or alerts changed, and can be read."""


class HealthAnswered(Message):
    """The health as last found, alerts, compliance, a recovery that is under way; or why they could not be read."""

    def __init__(
        self,
        health: Health | None,
        alerts: tuple[Alert, ...],
        compliance: tuple[DayCompliance, ...],
        wizard: WizardState | None,
        problem: PantryError | None = None,
    ) -> None:
        super().__init__()
        self.health = health
        self.alerts = alerts
        self.compliance = compliance
        self.wizard = wizard
        self.problem = problem


class BackupsAnswered(Message):
    """The list of backups, or why it could not be read."""

    def __init__(self, backups: tuple[BackupSummary, ...], problem: PantryError | None = None) -> None:
        super().__init__()
        self.backups = backups
        self.problem = problem


class DetailsAnswered(Message):
    """A backup's details, or why they could not be read."""

    def __init__(self, backup_id: str, answer: BackupDetails | PantryError) -> None:
        super().__init__()
        self.backup_id = backup_id
        self.answer = answer


class Submitted(Message):
    """The runner took a job."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job


class Trouble(Message):
    """Something that was asked for did not happen."""

    def __init__(self, doing: str, error: PantryError) -> None:
        super().__init__()
        self.doing = doing
        self.error = error


def as_pantry_error(error: Exception) -> PantryError:
    """Our own errors as they are; what a broken connection raises, as a runner that is gone."""
    if isinstance(error, PantryError):
        return error
    return RunnerError("the connection to the runner broke", remedy="nothing is lost; jobs go on", detail=str(error))


class RunnerLink:
    """The application's one client of the runner: ``start`` starts one where none is there, ``attach`` does not."""

    def __init__(self, app: App[None], config: Config, *, start: Connect, attach: Connect) -> None:
        self._app = app
        self._config = config
        self._start = start
        self._attach = attach
        self._client: RunnerClient | None = None
        self._started = asyncio.Event()

    @property
    def client(self) -> RunnerClient:
        """The attached client. Raises `RunnerError` when there is none."""
        if self._client is None:
            raise RunnerError("the runner is not connected", remedy="r starts one where none is there")
        return self._client

    def repositories(self) -> dict[str, RepositoryTarget]:
        """Every repository whose backups are listed, by name."""
        targets = [self._config.repository_target(name) for name in self._config.repositories]
        return {target.name: target for target in targets}

    def named_repository(self, name: str) -> str | None:
        """The repository's name where a command line must say it; None for the default one."""
        return None if name == self._config.repository_target().name else name

    def named_database(self, name: str) -> str | None:
        """The database's name where it is a configured one."""
        return name if name in self._config.databases else None

    async def follow(self) -> None:
        """Attaches and listens to the runner for as long as the application runs; only the first time, starts it."""
        attempt, connect = 0, self._start
        while True:
            error: PantryError = RunnerError("the runner has stopped", remedy="r starts it, and so does a new job")
            try:
                async with await connect(self._config) as client:
                    self._client = client
                    self._app.post_message(RunnerAttached(await client.jobs()))
                    attempt = 0
                    async for news in client.news():
                        self._tell(news)
            except _BROKEN as broken:
                error = as_pantry_error(broken)
            self._client, connect = None, self._attach
            self._app.post_message(RunnerLost(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._started.wait(), _PAUSES[min(attempt, len(_PAUSES) - 1)])
            self._started.clear()
            attempt += 1

    def _tell(self, news: Event) -> None:
        match news:
            case JobChanged(job=job):
                self._app.post_message(JobHeard(job))
            case HealthChanged() | AlertChanged():
                self._app.post_message(HealthHeard())

    async def look_again(self) -> None:
        """Reads health, alerts, compliance and the state of the recovery wizard again."""
        try:
            client = self.client
            wizard = await client.wizard()
            found = await client.health(), await client.alerts(resolved=True), await client.compliance(days=SHOWN_DAYS)
        except _BROKEN as error:
            self._app.post_message(HealthAnswered(None, (), (), None, as_pantry_error(error)))
        else:
            health, alerts, days = found
            self._app.post_message(HealthAnswered(health, tuple(alerts), tuple(days), wizard))

    async def check_health(self) -> None:
        """Has everything looked at now; what was found is told as any other look."""
        try:
            await self.client.check_health()
        except _BROKEN as error:
            self._app.post_message(HealthAnswered(None, (), (), None, as_pantry_error(error)))
        else:
            await self.look_again()

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[RunnerClient]:
        """The attached client; where there is none, one of a runner that is started now."""
        if self._client is not None:
            yield self._client
            return
        async with await self._start(self._config) as client:
            self._started.set()
            yield client

    async def start(self) -> None:
        """Starts a runner where none is there."""
        try:
            async with self._at_work():
                pass
        except _BROKEN as error:
            self._app.post_message(Trouble("The runner was not started", as_pantry_error(error)))

    async def reload(self) -> None:
        """Reads jobs, schedules and backups again."""
        try:
            client = self.client
            self._app.post_message(JobsHeard(await client.jobs()))
            self._app.post_message(SchedulesHeard(await client.schedules(), await client.runs(limit=SHOWN_RUNS)))
            found, problem = await self._listed(client)
        except _BROKEN as error:
            self._app.post_message(BackupsAnswered((), as_pantry_error(error)))
        else:
            found.sort(key=lambda each: each.started_at, reverse=True)
            self._app.post_message(BackupsAnswered(tuple(found), problem))

    async def _listed(self, client: RunnerClient) -> tuple[list[BackupSummary], PantryError | None]:
        """The backups of all repositories; one that is away, a store without a network, keeps no other from being listed."""
        found: list[BackupSummary] = []
        problem: PantryError | None = None
        for target in self.repositories().values():
            try:
                found += await client.backups(target)
            except StorageError as error:
                problem = error
        return found, problem

    async def details(self, backup_id: str, repository: str) -> None:
        """Reads one backup's details."""
        place = self.repositories()[repository]
        answer = await self.ask_attached(lambda client: client.backup(place, backup_id))
        self._app.post_message(DetailsAnswered(backup_id, answer))

    async def ask_attached(self, call: Callable[[RunnerClient], Awaitable[Answer]]) -> Answer | PantryError:
        """The answer of the runner that is attached; the error where there is none, or where it failed."""
        try:
            return await call(self.client)
        except _BROKEN as error:
            return as_pantry_error(error)

    async def ask(self, call: Callable[[RunnerClient], Awaitable[Answer]]) -> Answer | PantryError:
        """The runner's answer, of one that is started where none is there; the error where that failed."""
        try:
            async with self._at_work() as client:
                return await call(client)
        except _BROKEN as error:
            return as_pantry_error(error)

    async def rows(
        self, backup_id: str, repository: str, table: str, *, limit: int, skip: int, keys: Callable[[], Unlocking]
    ) -> TablePage | PantryError:
        """Reads some rows of a table in a backup; the error where that failed."""
        try:
            place = self.repositories()[repository]
            unlocking = await asyncio.to_thread(keys)  # it may run a command for a passphrase
            return await self.client.peek(place, backup_id, table, limit=limit, skip=skip, unlocking=unlocking)
        except _BROKEN as error:
            return as_pantry_error(error)

    async def diff(self, backup_id: str, other_id: str, repository: str) -> BackupDiff | PantryError:
        """Compares two backups; the error where that failed."""
        place = self.repositories()[repository]
        return await self.ask_attached(lambda client: client.diff(place, backup_id, other_id))

    async def submit(self, make: Callable[[], JobRequest]) -> None:
        """Makes a request (in a thread: it may run a command for a password) and hands it to the runner."""
        from pantry_tui.runner.surrounding import surrounded

        try:
            request = surrounded(await asyncio.to_thread(make), self._config)
            async with self._at_work() as client:
                job = await client.submit(request)
        except _BROKEN as error:
            self._app.post_message(Trouble("The job was not started", as_pantry_error(error)))
        else:
            self._app.post_message(Submitted(job))

    async def job_events(self, job_id: str) -> AsyncIterator[Event]:
        """A job's events from its beginning; ends with the job, or with the connection."""
        try:
            async for event in self.client.job_events(job_id):
                yield event
        except _BROKEN:
            # The application hears of the loss by its own stream, and the screen follows again once attached.
            return

    async def cancel(self, job_id: str) -> None:
        """Asks the runner to stop a job."""
        try:
            self._app.post_message(JobHeard(await self.client.cancel(job_id)))
        except _BROKEN as error:
            self._app.post_message(Trouble("The job was not cancelled", as_pantry_error(error)))

    async def mark(self, backup_id: str, repository: str, request: MarkRequest) -> PantryError | None:
        """Pins or labels a backup; the error where the runner failed."""
        place = self.repositories()[repository]
        answer = await self.ask(lambda client: client.mark_backup(place, backup_id, request))
        return answer if isinstance(answer, PantryError) else None

    async def delete(self, backup_id: str, repository: str, *, force: bool) -> PantryError | None:
        """Deletes a backup; the error where the runner refused or failed."""
        place = self.repositories()[repository]
        return await self.ask(lambda client: client.delete_backup(place, backup_id, force=force))
