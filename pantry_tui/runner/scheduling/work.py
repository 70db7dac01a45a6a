"""What the jobs of a schedule's run are: its kind, for each of its databases, as requests to the executor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.config import Config
from pantry_tui.config.targets import actual_database, target_with_database
from pantry_tui.errors import NotFoundError, PantryError
from pantry_tui.events import DatabaseAppeared, ScheduleEvent
from pantry_tui.models import (
    BackupKind,
    BackupRequest,
    BackupSummary,
    Compression,
    CopyRequest,
    DatabaseTarget,
    ExpectedRun,
    Job,
    JobRequest,
    RepositoryTarget,
    Schedule,
    ScheduleKind,
    ScopedPolicy,
    Unlocking,
    ValidateRequest,
)
from pantry_tui.runner.drilling import drill_request, latest_to_drill
from pantry_tui.runner.executor import Executor
from pantry_tui.runner.library import Library
from pantry_tui.runner.scheduling.attempts import Task
from pantry_tui.runner.scheduling.references import copy_places, database_of, repository_of
from pantry_tui.runner.scheduling.wishes import policies_of_schedules, untold, wished_around
from pantry_tui.runner.terms import Terms


class ScheduledWork:
    """Makes requests of schedules, by the configuration as it is at that moment, and hands them to the executor."""

    def __init__(
        self,
        executor: Executor,
        library: Library,
        catalog: Catalog,
        configuration: Callable[[], Config],
        listener: Callable[[ScheduleEvent], None],
    ) -> None:
        self._executor = executor
        self._library = library
        self._catalog = catalog
        self._configuration = configuration
        self._listener = listener

    async def tasks(self, schedule: Schedule, run: ExpectedRun) -> list[Task]:
        """What is to be done for each database of an attempt, of ``run.left`` alone where that names any.

        Of a database for which it cannot be done, such as one without a backup to work on, the task says why. Raises
        `ConfigError` for references that mean nothing, or something else, here; `NotFoundError` for a repository that is not
        configured; `ServerError` and its kin where the server's databases cannot be listed.
        """
        return await self._tasks(schedule, lambda name: not run.left or name in run.left)

    async def all_tasks(self, schedule: Schedule) -> list[Task]:
        """The same for every database. Raises as `tasks` does."""
        return await self._tasks(schedule, lambda name: True)

    async def submit(self, database: str, request: JobRequest, schedule: Schedule, due_at: datetime | None) -> Job:
        """Queues one; without ``due_at`` as somebody's who waits for it. Raises what `Executor.submit` does."""
        if due_at is not None:
            request = untold(request)
        terms = Terms(schedule=schedule.id, due_at=due_at, database=database, timeout_seconds=schedule.timeout_seconds)
        return await self._executor.submit(request, request.started_by, terms)

    async def _tasks(self, schedule: Schedule, wanted: Callable[[str], bool]) -> list[Task]:
        config = self._configuration()
        targets = await self._databases(schedule, config)
        place = repository_of(schedule, config)
        if schedule.kind is ScheduleKind.COPY:
            return [
                Task(target.name, wished_around(request, schedule, config, target.name))
                for target in targets
                if wanted(target.name)
                for request in copy_requests(schedule, config, place, target)
            ]
        return [
            Task(target.name, await self._task(schedule, config, place, target))
            for target in targets
            if wanted(target.name)
        ]

    async def _task(
        self, schedule: Schedule, config: Config, place: RepositoryTarget, target: DatabaseTarget
    ) -> JobRequest | PantryError:
        try:
            return await self._request(schedule, config, place, target)
        except PantryError as error:  # of this database; the others go on
            return error

    async def _databases(self, schedule: Schedule, config: Config) -> list[DatabaseTarget]:
        server = database_of(schedule, config)
        if not schedule.all_databases:
            return [server]
        from pantry_tui.postgres.databases import list_databases  # the database driver

        names = await list_databases(server)
        self._announce(schedule, names)
        own = actual_database(server)
        return [server if name == own else target_with_database(server, name) for name in names]

    def _announce(self, schedule: Schedule, names: Sequence[str]) -> None:
        """Tells of databases that were not there the last time, and keeps in mind which are there now."""
        if set(names) == set(schedule.databases_seen):
            return
        for name in names if schedule.databases_seen else ():
            if name not in schedule.databases_seen:
                self._listener(DatabaseAppeared(schedule_id=schedule.id, schedule=schedule.name, database=name))
        current = self._catalog.schedule(schedule.id)  # it may have been changed while the server was asked
        self._catalog.put_schedule(msgspec.structs.replace(current, databases_seen=tuple(names)))

    async def _request(
        self, schedule: Schedule, config: Config, place: RepositoryTarget, target: DatabaseTarget
    ) -> JobRequest:
        request = wished_around(
            await self._plain_request(schedule, config, place, target), schedule, config, target.name
        )
        if isinstance(request, BackupRequest):
            deleted = policies_of_schedules(self._catalog.deleted_schedules(), config)
            also = tuple(
                ScopedPolicy(policy=policy, database=target.name, schedule=name) for name, policy in deleted.items()
            )
            around = msgspec.structs.replace(request.around, retention_of_deleted=also)
            request = msgspec.structs.replace(request, around=around)
        return request

    async def _plain_request(
        self, schedule: Schedule, config: Config, place: RepositoryTarget, target: DatabaseTarget
    ) -> JobRequest:
        started_by = f"schedule {schedule.name}"
        if schedule.kind.takes_backup:
            return backup_request(schedule, config, place, target)
        backups = await self._library.backups(place, target.name, None)
        if schedule.kind is ScheduleKind.DRILL:
            backups = list(latest_to_drill(backups).values())
        if not backups:
            raise NotFoundError(
                f"the repository {place.name} has no backup of {target.name} to {schedule.kind}",
                remedy=f"take one: pantry-tui backup create -n NAME -d {target.name}",
            )
        unlocking = await asyncio.to_thread(_unlocking, config, backups[0])
        if schedule.kind is ScheduleKind.DRILL:
            return drill_request(config, place, backups[0], unlocking=unlocking, started_by=started_by)
        return ValidateRequest(repository=place, backup_id=backups[0].id, unlocking=unlocking, started_by=started_by)


def backup_request(
    schedule: Schedule, config: Config, place: RepositoryTarget, target: DatabaseTarget
) -> BackupRequest:
    """The request for a backup as the schedule wants it. Raises `ConfigError`, `KeyMissingError` for recipients."""
    from pantry_tui.artifact.keyring import recipient_texts  # cryptography

    incremental = schedule.kind is ScheduleKind.INCREMENTAL
    return BackupRequest(
        database=target,
        repository=place,
        name=schedule.name,
        kind=BackupKind(schedule.kind.value),
        format=schedule.format,
        compression=schedule.compression or Compression(config.backup.compression),
        selection=schedule.selection,
        recipients=schedule.recipients or recipient_texts(config.encryption),
        jobs=config.backup.jobs,
        max_rate=config.backup.max_bytes_per_second,
        or_full=schedule.or_full and incremental,
        lock_timeout_seconds=config.backup.lock_timeout_seconds,
        started_by=f"schedule {schedule.name}",
    )


def copy_requests(
    schedule: Schedule, config: Config, place: RepositoryTarget, target: DatabaseTarget
) -> list[CopyRequest]:
    """The requests that bring each repository that copies go to up to date. Raises `ConfigError` where there is none."""
    return [
        CopyRequest(
            repository=place,
            destination=destination,
            database=target.name,
            recheck=1,
            started_by=f"schedule {schedule.name}",
        )
        for destination in copy_places(place, config)
    ]


def _unlocking(config: Config, backup: BackupSummary) -> Unlocking:
    """What opens an encrypted backup, where this host may; a validation without it looks at the stored bytes."""
    if not backup.encrypted:
        return Unlocking()
    from pantry_tui.artifact.keyring import unlocking

    return unlocking(config.encryption, config.environment)
