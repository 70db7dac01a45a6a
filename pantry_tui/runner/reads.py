"""Reading backups and jobs without a runner: what `backup list` needs, and nothing that is slow to import.

The catalog's files are replaced whole, so any process may read them at any time; only a change has to be written by
the one who holds the catalog, which is this process when no runner is there. A runner that is there is asked, over
`http.client`: importing aiohttp alone takes 0.2 s.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import urllib.parse
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config
from pantry_tui.errors import BackupDamagedError, InterruptedJobError, NotFoundError, PantryError, RunnerBusyError
from pantry_tui.events import Listener
from pantry_tui.models import (
    Alert,
    BackupDetails,
    BackupDiff,
    BackupExport,
    BackupSummary,
    DayCompliance,
    ExpectedRun,
    ExportRequest,
    Failure,
    Job,
    JobState,
    MetricsHistory,
    MonitoringStats,
    RepositoryTarget,
    RetentionReport,
    RetentionRequest,
    Schedule,
    ScheduleStatus,
    TablePage,
    Unlocking,
    utc_now,
)
from pantry_tui.monitoring.compliance import compliance
from pantry_tui.monitoring.ordering import open_alerts
from pantry_tui.repository.opening import open_repository
from pantry_tui.runner.address import runner_address
from pantry_tui.runner.directory import prepare_data_directory
from pantry_tui.runner.joblog import describe, read_events
from pantry_tui.runner.lock import is_held
from pantry_tui.runner.peer import own_headers
from pantry_tui.runner.wire import VERSION_HEADER, path_part, read_answer, repository_query
from pantry_tui.version import __version__

Answer = TypeVar("Answer")

_ANSWER_SECONDS = 60.0


class LocalReads:
    """The reading half of `RunnerClient`, with the same methods."""

    def __init__(self, config: Config) -> None:
        self._directory = prepare_data_directory(config.data_directory)
        self._repositories = [config.repository_target(name) for name in config.repositories]
        self.remarks: list[str] = []  # what the last question had to put up with, in words

    async def backups(
        self, repository: RepositoryTarget, *, database: str | None = None, limit: int | None = None
    ) -> list[BackupSummary]:
        """The backups of a repository, newest first."""
        with Catalog(self._directory) as catalog:
            try:
                catalog.refresh(open_repository(repository, self._directory))
                return catalog.backups(repository=repository.location, database=database, limit=limit)
            except RunnerBusyError:  # there is something new, and a runner, who may write it
                return self._backups_elsewhere(repository, database, limit)
            finally:
                self.remarks = _remarks(catalog)

    async def backup(self, repository: RepositoryTarget, backup_id: str) -> BackupDetails:
        """One backup by its id, the beginning of it, or `latest`. Raises `NotFoundError`."""
        local = open_repository(repository, self._directory)
        return local.details(local.resolve(backup_id))

    async def resolve(self, repository: RepositoryTarget, backup_id: str) -> str:
        """The whole id of a backup, even of one that cannot be read. Raises `NotFoundError`."""
        return open_repository(repository, self._directory).resolve(backup_id)

    async def peek(
        self,
        repository: RepositoryTarget,
        backup_id: str,
        table: str,
        *,
        limit: int,
        skip: int = 0,
        unlocking: Unlocking = Unlocking(),  # noqa: B008  # frozen
    ) -> TablePage:
        """Some rows of a table out of a backup. Raises what `peek_table` does."""
        from pantry_tui.backup.peek import peek_table  # unpacking is for those who look into a backup

        return await peek_table(
            repository, backup_id, table, limit=limit, skip=skip, unlocking=unlocking, data_directory=self._directory
        )

    async def export(
        self, request: ExportRequest, write: Callable[[bytes | bytearray | memoryview], object], listener: Listener
    ) -> BackupExport:
        """Has the bytes of an export written by ``write``; into a file, a job writes. Raises what `export_backup` does."""
        from pantry_tui.backup.export import export_backup

        return await export_backup(request, listener, write)

    async def diff(self, repository: RepositoryTarget, backup_id: str, other_id: str) -> BackupDiff:
        """Two backups compared. Raises what `compare_backups` does."""
        from pantry_tui.backup.diff import compare_backups

        return await compare_backups(repository, backup_id, other_id)

    async def retention(self, repository: RepositoryTarget, request: RetentionRequest) -> RetentionReport:
        """What becomes of each backup by these policies; nothing is changed. Raises what `look` does."""
        from pantry_tui.runner.retaining import look

        return look(repository, self._directory, request.policies).report

    async def jobs(self, *, limit: int = 100) -> list[Job]:
        """Jobs, newest first; those that run as they are at this moment."""
        if (found := self._ask("/v1/jobs", {"limit": str(limit)}, list[Job])) is not None:
            return found
        with Catalog(self._directory) as catalog:
            jobs = catalog.jobs(limit)
            self.remarks = catalog.problems
        return [self._as_it_stands(job) for job in jobs]

    async def job(self, job_id: str) -> Job:
        """One job. Raises `NotFoundError`."""
        if (found := self._ask(f"/v1/jobs/{path_part(job_id)}", {}, Job)) is not None:
            return found
        with Catalog(self._directory) as catalog:
            job = catalog.job(job_id)
            self.remarks = catalog.problems
        return self._as_it_stands(job)

    async def job_log(self, job_id: str) -> list[str]:
        """What a job did, in lines with their times in UTC. Raises `NotFoundError`."""
        job = await self.job(job_id)
        events = read_events(self._directory, job.id)
        return [line for event in events if (line := describe(event)) is not None]

    async def report(self, job_id: str) -> str:
        """The report of a recovery, drill or rollback in Markdown. Raises `NotFoundError`, also for other jobs."""
        from pantry_tui.runner.report import report

        job = await self.job(job_id)
        return report(job, read_events(self._directory, job.id))

    async def schedules(self) -> list[ScheduleStatus]:
        """All schedules, by name."""
        if (found := self._ask("/v1/schedules", {}, list[ScheduleStatus])) is not None:
            return found
        with Catalog(self._directory) as catalog:
            statuses = [self._status(catalog, schedule) for schedule in catalog.schedules()]
            self.remarks = catalog.problems
        return statuses

    async def deleted_schedules(self) -> list[Schedule]:
        """Those that were deleted, by name."""
        if (found := self._ask("/v1/deleted-schedules", {}, list[Schedule])) is not None:
            return found
        with Catalog(self._directory) as catalog:
            return catalog.deleted_schedules()

    async def schedule(self, reference: str) -> ScheduleStatus:
        """One schedule by its id or name. Raises `NotFoundError`."""
        if (found := self._ask(f"/v1/schedules/{path_part(reference)}", {}, ScheduleStatus)) is not None:
            return found
        with Catalog(self._directory) as catalog:
            return self._status(catalog, catalog.schedule(reference))

    async def runs(self, reference: str | None = None, *, limit: int = 100) -> list[ExpectedRun]:
        """The runs of a schedule, or of all, those due last first, also those to come. Raises `NotFoundError`."""
        query = {"limit": str(limit)} | ({"schedule": reference} if reference is not None else {})
        if (found := self._ask("/v1/runs", query, list[ExpectedRun])) is not None:
            return found
        with Catalog(self._directory) as catalog:
            return catalog.runs(catalog.schedule(reference).id if reference is not None else None, limit)

    async def alerts(self, *, resolved: bool = False) -> list[Alert]:
        """The alerts that are open, the worst first; with ``resolved`` all, those opened last first."""
        if (found := self._ask("/v1/alerts", {"all": "1" if resolved else "0"}, list[Alert])) is not None:
            return found
        with Catalog(self._directory) as catalog:
            alerts = catalog.alerts()
            self.remarks = catalog.problems
        return alerts if resolved else open_alerts(alerts)

    async def compliance(self, *, days: int = 14) -> list[DayCompliance]:
        """What became of each schedule's runs on each of the last so many days."""
        if (found := self._ask("/v1/compliance", {"days": str(days)}, list[DayCompliance])) is not None:
            return found
        with Catalog(self._directory) as catalog:
            return compliance(catalog.schedules(), catalog.runs(), utc_now(), days=days)

    async def metrics_history(self, days: int, *, records: bool = False) -> MetricsHistory:
        """What was measured in the last days, today included; with each job and health run where ``records`` are wanted."""
        from pantry_tui.runner.metrics_reading import get_metrics_history

        return get_metrics_history(self._directory, days, records=records)

    async def stats(self) -> MonitoringStats:
        """What everything comes to: databases, disks, totals."""
        from pantry_tui.runner.metrics_reading import get_stats

        backups, self.remarks = await self._all_backups()
        return get_stats(self._directory, backups)

    async def metrics_text(self) -> str:
        """All metrics in Prometheus's text format: the runner's answer, or without one what is written down."""
        from pantry_tui.runner.metrics_reading import get_latest, metrics_text

        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = _get(runner_address(self._directory), "/metrics")
            if answer.status == HTTPStatus.OK:
                return answer.body.decode()
        backups, self.remarks = await self._all_backups()
        return metrics_text(get_latest(self._directory), backups, runner=None)

    async def _all_backups(self) -> tuple[list[BackupSummary], list[str]]:
        """The backups of all configured repositories, and what they leave out, in words: one that cannot be read too."""
        found: list[BackupSummary] = []
        remarks: list[str] = []
        for repository in self._repositories:
            try:
                found += await self.backups(repository)
                remarks += self.remarks
            except PantryError as error:
                remarks.append(f"the backups of {repository.name} are not counted: {error.message}")
        return found, list(dict.fromkeys(remarks))

    @staticmethod
    def _status(catalog: Catalog, schedule: Schedule) -> ScheduleStatus:
        from pantry_tui.schedule.showing import status_of  # croniter, which lists of backups do without

        return status_of(schedule, catalog.runs(schedule.id), utc_now(), running=False)

    def _as_it_stands(self, job: Job) -> Job:
        """A job that its runner left alive has ended when no runner is there; the next one will write that down."""
        if job.state.is_final or is_held(self._directory):
            return job
        error = InterruptedJobError("interrupted: its runner ended without a word", remedy="run the operation again")
        return msgspec.structs.replace(job, state=JobState.FAILED, seconds_left=None, failure=Failure.of(error))

    def _backups_elsewhere(
        self, repository: RepositoryTarget, database: str | None, limit: int | None
    ) -> list[BackupSummary]:
        """From the runner; from the manifests, which takes longer, when it goes away or is of another version."""
        query = repository_query(repository, database=database, limit=limit)
        if (found := self._ask("/v1/backups", query, list[BackupSummary])) is not None:
            return found
        local = open_repository(repository, self._directory)
        summaries: list[BackupSummary] = []
        for backup_id in local.ids():
            with contextlib.suppress(BackupDamagedError, NotFoundError):
                summaries.append(local.summary(backup_id))
        return [summary for summary in summaries if database in (None, summary.database)][:limit]

    def _ask(self, path: str, query: dict[str, str], kind: type[Answer]) -> Answer | None:
        """The runner's answer; None when there is no runner, or one of another version."""
        try:
            answer = _get(runner_address(self._directory), f"{path}?{urllib.parse.urlencode(query)}")
        except (OSError, http.client.HTTPException):
            return None
        return None if answer.version != __version__ else read_answer(answer.status, answer.body, kind)


def _remarks(catalog: Catalog) -> list[str]:
    """What a list of backups leaves out, or cannot vouch for."""
    damaged = catalog.damaged
    others = [problem for problem in catalog.problems if problem not in damaged.values()]
    if not damaged:
        return others
    are = "1 backup cannot be read and is" if len(damaged) == 1 else f"{len(damaged):,} backups cannot be read and are"
    return [f"{are} not listed: {', '.join(damaged)}; see `pantry-tui catalog check`", *others]


class _Answer(NamedTuple):
    status: int
    version: str | None
    body: bytes


class _UnixConnection(http.client.HTTPConnection):
    """HTTP to a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("runner", timeout=_ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _get(path: Path, target: str) -> _Answer:
    with contextlib.closing(_UnixConnection(path)) as connection:
        connection.request("GET", target, headers=own_headers(os.environ))
        response = connection.getresponse()
        return _Answer(response.status, response.headers.get(VERSION_HEADER), response.read())
