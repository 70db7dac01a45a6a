"""A runner in memory for the screens that need no server: states that a real one shows only for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, cast

import msgspec

from pantry_tui.config import Config
from pantry_tui.config.settings import DatabaseSettings, RepositorySettings
from pantry_tui.errors import CancelledError, PantryError, RunnerError
from pantry_tui.events import Event, Failed, Finished, JobChanged
from pantry_tui.models import (
    LIVE,
    PEEK_ROWS,
    Alert,
    AlertState,
    BackupDetails,
    BackupDiff,
    BackupFormat,
    BackupKind,
    BackupSummary,
    Compression,
    DayCompliance,
    DiffSide,
    DiffStatus,
    ExpectedRun,
    Failure,
    FileSummary,
    Health,
    Job,
    JobRequest,
    JobState,
    MarkRequest,
    RepositoryTarget,
    Schedule,
    SchedulePreview,
    ScheduleStatus,
    ShortenedValue,
    Signature,
    TableDiff,
    TablePage,
    TableSummary,
    Unlocking,
    WizardState,
)
from pantry_tui.runner.client import RunnerClient
from pantry_tui.schedule.showing import preview, status_of
from screens.application import PantryApp
from screens.terminal import TerminalTraits

HOSTILE = "db[/b][red]\x1b[31m\x1b]52;c;eA==\x07\u202ex\u200b'; DROP\n--"
SHOWN = r"db[/b][red]\x1b[31m"

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def make_backup(
    number: int = 1,
    *,
    name: str = "daily",
    database: str = "crm",
    ago: timedelta = timedelta(hours=7),
    valid: bool | None = None,
    proven: bool = False,
) -> BackupSummary:
    """A backup as the list shows it."""
    at = NOW - ago
    return BackupSummary(
        id=f"{at:%Y%m%dT%H%M%SZ}-daily-{number:04x}",
        name=name,
        database=database,
        kind=BackupKind.FULL,
        format=BackupFormat.SQL,
        compression=Compression.GZIP,
        started_at=at,
        finished_at=at + timedelta(seconds=19),
        duration_seconds=19.2,
        bytes=123_400_000 + number * 1_000_003,
        raw_bytes=530_000_000,
        tables=len(TABLES),
        rows=1_234_567,
        path=f"/var/backups/pantry/{at:%Y%m%dT%H%M%SZ}-daily-{number:04x}",
        repository="local",
        server_version="16.4 (Debian 16.4-1)",
        fingerprints=True,
        started_by="postgres@db1",
        validated_at=None if valid is None else at + timedelta(minutes=5),
        valid=valid,
        proven_at=at + timedelta(minutes=9) if proven else None,
    )


TABLES = ("organizations", "users", "contacts", "interactions", "opportunities", "products", "line_items")


SIGNER = f"SHA256:{'Jt3v0' * 8}abc"


def make_details(
    backup: BackupSummary, tables: tuple[str, ...] = TABLES, signature: Signature = Signature.TRUSTED
) -> BackupDetails:
    """What `backup show` says of it."""
    return BackupDetails(
        summary=backup,
        tables=tuple(_table(name, index, since=backup.base is not None) for index, name in enumerate(tables, 1)),
        files=(
            FileSummary(name="daily.sql.gz", role="artifact", bytes=121_000_000, sha256="5f" * 32),
            FileSummary(name="archive.dump", role="archive", bytes=2_300_000, sha256="a1" * 32),
        ),
        warnings=("sequence public.orders_id_seq was read after the snapshot",),
        tools={"pg_dump": "16.4", "pg_dumpall": "16.4"},
        server={"version": backup.server_version, "system_identifier": "7431984715501234567", "timeline": 1},
        source={"name": backup.database, "encoding": "UTF8", "collate": "C.UTF-8"},
        signature=signature,
        signer=SIGNER if signature in (Signature.TRUSTED, Signature.UNKNOWN) else None,
        environment={
            "settings": [{"name": "search_path", "value": "app,\npublic", "role": None}],
            "privileges": None,
            "comment": None,
            "tablespace": "pg_default",
            "roles": [{"name": "clerk", "attributes": ["LOGIN"], "member_of": []}],
            "extensions": [{"name": "plpgsql", "version": "1.0", "schema": "pg_catalog"}],
            "collations": [],
            "server_settings": {"max_connections": "60"},
        },
    )


def _table(name: str, index: int, *, since: bool) -> TableSummary:
    """``since`` a base, all rows of the first table are the backup's own."""
    return TableSummary(
        schema="public",
        name=name,
        rows=index * 31_337,
        raw_bytes=index * 14_000_000,
        stored_bytes=index * 3_100_000,
        segments=index,
        fingerprint=str(7_919_000_000_000_000_123 * index),
        columns=("id", "name"),
        carried_by="segments",
        own_rows=index * 31 if since else None,
        whole="the base does not have it" if since and index == 1 else None,
    )


def make_page(backup_id: str, table: str, limit: int, skip: int) -> TablePage:
    """Rows of a table with 250: the names are NULL, empty, long and shortened by turns."""
    names = (None, "", "x" * 90, "shortened")
    numbers = range(skip + 1, min(skip + limit, 250) + 1)
    return TablePage(
        backup_id=backup_id,
        schema="public",
        table=table,
        columns=("id", "name"),
        rows=tuple((str(number), names[number % 4]) for number in numbers),
        skip=skip,
        total_rows=250,
        shortened=tuple(
            ShortenedValue(row=row, column=1, bytes=20_000) for row, number in enumerate(numbers) if number % 4 == 3
        ),
    )


def make_diff(backup_id: str, other_id: str, tables: tuple[str, ...] = TABLES) -> BackupDiff:
    """A comparison in which one table is equal, and the others differ in every way by turns."""
    found = [status for status in DiffStatus if status is not DiffStatus.EQUAL]
    sides = [
        DiffSide(kind="live" if name == LIVE else "backup", name=name, database="crm", server_version="16.4", at=NOW)
        for name in (backup_id, other_id)
    ]
    return BackupDiff(
        a=sides[0],
        b=sides[1],
        tables=tuple(
            TableDiff(
                schema="public",
                name=name,
                status=found[(number - 1) % len(found)] if number else DiffStatus.EQUAL,
                rows_a=1000 + number,
                rows_b=1000,
                bytes_a=(3 << 20) + number,
                bytes_b=2 << 20,
                server_bytes_a=(8 << 20) + number,
                server_bytes_b=None if number == 2 else 6 << 20,
                columns_added=("colour",) if number == 3 else (),
                reason="taken without fingerprints" if number == 6 else None,
            )
            for number, name in enumerate(tables)
        ),
        equal=1,
        different=len(tables) - 2,
        not_comparable=1,
        remarks=("A and B are of different servers",),
    )


def make_config(data_directory: str = "/nonexistent", databases: tuple[str, ...] = ("crm", "billing")) -> Config:
    """A configuration with one repository."""
    return Config(
        data_directory=data_directory,
        databases={name: DatabaseSettings(host="db1", dbname=name) for name in databases},
        repositories={"local": RepositorySettings(path="/var/backups/pantry")},
        default_database=databases[0] if databases else None,
        default_repository="local",
    )


class StandIn:
    """Answers like a `RunnerClient`; a test moves its jobs by hand."""

    def __init__(self, backups: list[BackupSummary] | None = None) -> None:
        self.kept = backups or []
        self.tables: tuple[str, ...] = TABLES
        self.signature = Signature.TRUSTED
        self.page = make_page
        self.known_jobs: dict[str, Job] = {}
        self.submitted: list[JobRequest] = []
        self.refusal: PantryError | None = None
        self.gone = asyncio.Event()
        self.reachable = True
        self.startable = True
        self.starts = self.attempts = 0
        self.found: Health | None = None
        self.told: list[Alert] = []
        self.days: list[DayCompliance] = []
        self.planned: dict[str, Schedule] = {}
        self.past_runs: list[ExpectedRun] = []
        self.at_work: set[str] = set()
        self._changes: asyncio.Queue[Job] = asyncio.Queue()
        self._events: dict[str, list[Event]] = {}
        self._news = asyncio.Condition()

    async def connect(self, config: Config) -> RunnerClient:
        """Like `attach_or_start`."""
        self.starts += not self.reachable
        self.reachable = self.reachable or self.startable
        return await self.attach(config)

    async def attach(self, config: Config) -> RunnerClient:
        """Like the client's function of that name."""
        self.attempts += 1
        if not self.reachable:
            raise RunnerError("no runner answers in /nonexistent", remedy="pantry-tui runner start")
        self.gone.clear()
        return cast("RunnerClient", self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def vanish(self) -> None:
        """The runner ends; it can be reached again once it was started, or once `reachable` is set."""
        self.reachable = False
        self.gone.set()

    async def jobs(self, *, limit: int = 100) -> list[Job]:
        return list(self.known_jobs.values())[:limit]

    async def backups(self, repository: RepositoryTarget) -> list[BackupSummary]:
        if self.refusal is not None:
            raise self.refusal
        return list(self.kept)

    async def backup(self, repository: RepositoryTarget, backup_id: str) -> BackupDetails:
        return make_details(next(each for each in self.kept if each.id == backup_id), self.tables, self.signature)

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
        if self.refusal is not None:
            raise self.refusal
        return self.page(backup_id, table, limit or PEEK_ROWS, skip)

    async def diff(self, repository: RepositoryTarget, backup_id: str, other_id: str) -> BackupDiff:
        if self.refusal is not None:
            raise self.refusal
        return make_diff(backup_id, other_id, self.tables)

    async def delete_backup(self, repository: RepositoryTarget, backup_id: str, *, force: bool = False) -> None:
        if self.refusal is not None and not force:
            raise self.refusal
        self.kept = [each for each in self.kept if each.id != backup_id]

    async def mark_backup(self, repository: RepositoryTarget, backup_id: str, request: MarkRequest) -> BackupSummary:
        if self.refusal is not None:
            raise self.refusal
        changes = {key: value for key, value in msgspec.structs.asdict(request).items() if value is not None}
        self.kept = [msgspec.structs.replace(each, **changes) if each.id == backup_id else each for each in self.kept]
        return next(each for each in self.kept if each.id == backup_id)

    async def schedules(self) -> list[ScheduleStatus]:
        return [self._status(schedule) for schedule in self.planned.values()]

    def _status(self, schedule: Schedule) -> ScheduleStatus:
        past = [run for run in self.past_runs if run.schedule_id == schedule.id]
        return status_of(schedule, past, NOW, running=schedule.id in self.at_work)

    async def runs(self, reference: str | None = None, *, limit: int = 100) -> list[ExpectedRun]:
        return self.past_runs[:limit]

    async def preview_schedule(
        self, cron: str, timezone: str = "UTC", *, seconds: bool = False, count: int = 5
    ) -> SchedulePreview:
        return preview(cron, timezone, after=NOW, seconds=seconds, count=count)

    async def create_schedule(self, draft: Schedule) -> Schedule:
        if self.refusal is not None:
            raise self.refusal
        return self.plan(draft)

    def plan(self, draft: Schedule) -> Schedule:
        """A schedule that is there."""
        made = msgspec.structs.replace(draft, id=f"{draft.name}-{len(self.planned):04x}", created_by="postgres@db1")
        self.planned[made.id] = made
        return made

    async def edit_schedule(self, reference: str, draft: Schedule) -> Schedule:
        if self.refusal is not None:
            raise self.refusal
        self.planned[reference] = draft
        return draft

    async def enable_schedule(self, reference: str, *, enabled: bool = True) -> Schedule:
        self.planned[reference] = msgspec.structs.replace(self.planned[reference], enabled=enabled)
        return self.planned[reference]

    async def delete_schedule(self, reference: str) -> None:
        del self.planned[reference]

    async def execute_schedule(self, reference: str) -> list[Job]:
        return [self.start_job("backup", title=f"backup of crm, by {self.planned[reference].name}")]

    async def health(self) -> Health | None:
        if self.refusal is not None:
            raise self.refusal
        return self.found

    async def check_health(self, *, notify: bool | None = None) -> Health:
        if self.found is None:
            raise RunnerError("nothing can be looked at")
        self.found = msgspec.structs.replace(self.found, at=NOW)
        return self.found

    async def alerts(self, *, resolved: bool = False) -> list[Alert]:
        return [each for each in self.told if resolved or each.state is not AlertState.RESOLVED]

    async def acknowledge_alert(self, reference: str) -> Alert:
        return self._moved(reference, state=AlertState.ACKNOWLEDGED, acknowledged_by="postgres", acknowledged_at=NOW)

    async def resolve_alert(self, reference: str) -> Alert:
        return self._moved(reference, state=AlertState.RESOLVED, resolved_by="postgres", resolved_at=NOW)

    def _moved(self, reference: str, **changes: object) -> Alert:
        if self.refusal is not None:
            raise self.refusal
        changed = msgspec.structs.replace(next(each for each in self.told if each.id == reference), **changes)
        self.told = [changed if each.id == reference else each for each in self.told]
        return changed

    async def wizard(self) -> WizardState | None:
        return None

    async def compliance(self, *, days: int = 14) -> list[DayCompliance]:
        return self.days

    async def news(self) -> AsyncIterator[Event]:
        gone = asyncio.create_task(self.gone.wait())
        try:
            while not gone.done():
                change = asyncio.create_task(self._changes.get())
                await asyncio.wait({change, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not change.done():
                    change.cancel()
                    return
                yield JobChanged(job=change.result())
        finally:
            gone.cancel()

    async def submit(self, request: JobRequest) -> Job:
        self.submitted.append(request)
        kind = type(request).__name__.removesuffix("Request").lower()
        return self.start_job(kind, title=f"{kind} of crm")

    def start_job(self, kind: str, *, title: str, state: JobState = JobState.RUNNING) -> Job:
        """A job that begins now."""
        number = len(self.known_jobs) + 1
        started = NOW if state is not JobState.QUEUED else None
        queued = NOW - timedelta(minutes=60 - number)
        job = Job(
            id=f"job-{number:03}",
            kind=kind,
            title=title,
            database="crm",
            state=state,
            queued_at=queued,
            started_at=started,
        )
        self._put(job)
        return job

    def _put(self, job: Job) -> None:
        self.known_jobs[job.id] = job
        self._changes.put_nowait(job)

    async def tell(self, job: Job, *events: Event, **changes: object) -> Job:
        """The job reports; its entry changes."""
        changed = Job.from_builtins({**job.to_builtins(), **changes})
        async with self._news:
            self._events.setdefault(job.id, []).extend(events)
            self._put(changed)
            self._news.notify_all()
        return changed

    async def job_events(self, job_id: str) -> AsyncIterator[Event]:
        told = 0
        while True:
            async with self._news:
                while len(self._events.get(job_id, [])) <= told:
                    await self._news.wait()
                event = self._events[job_id][told]
            told += 1
            yield event
            if isinstance(event, Finished | Failed):
                return

    async def cancel(self, job_id: str) -> Job:
        error = CancelledError("cancelled by a person")
        job = self.known_jobs[job_id]
        return await self.tell(job, Failed(failure=Failure.of(error)), state="cancelled", finished_at=NOW.isoformat())


def application(
    runner: StandIn,
    *,
    traits: TerminalTraits | None = None,
    databases: tuple[str, ...] = ("crm", "billing"),
    area: str = "backups",
) -> PantryApp:
    """The application on that runner, opened on an area."""
    config = make_config(databases=databases)
    return PantryApp(
        config,
        connect=runner.connect,
        attach=runner.attach,
        now=lambda: NOW,
        host="db1.example.org",
        traits=traits,
        area=area,
    )
