"""The catalog: what is known without reading every repository, the schedules, and the history of jobs and runs.

The backups in it are a cache of the manifests and can be rebuilt from them at any time. One process writes, the
runner; any process may read. Several threads may bring several repositories up to date, each one of its own; for all else
it is not for several threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from pantry_tui.catalog.alerts import AlertTable
from pantry_tui.catalog.backups import BackupTable
from pantry_tui.catalog.expected import RunKey, RunTable
from pantry_tui.catalog.jobs import JobTable
from pantry_tui.catalog.lock import WriterLock
from pantry_tui.catalog.measurements import MeasurementTable
from pantry_tui.catalog.schedules import ScheduleTable
from pantry_tui.errors import PantryError, StorageError
from pantry_tui.models import Alert, BackupSummary, CatalogRebuild, ExpectedRun, Job, Measurement, Schedule, utc_now
from pantry_tui.repository.repository import Repository

PUT_BACK = (
    "Mount its file system or put the directory back; if its backups are gone for good, have them forgotten with: "
    "pantry-tui catalog rebuild --force"
)


class Catalog:
    """The catalog of one data directory. Give the write lock back with `close`, or use it as a context."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = WriterLock(directory / "catalog.lock")
        self._backups = BackupTable(directory / "catalog.json")
        self._jobs = JobTable(directory / "jobs.json")
        self._measurements = MeasurementTable(directory / "measurements.json")
        self._schedules = ScheduleTable(directory / "schedules.json")
        self._runs = RunTable(directory / "runs.json")
        self._alerts = AlertTable(directory / "alerts.json")
        self._absent: dict[str, str] = {}  # repositories that were not there when they were looked at
        self._one_writer = threading.Lock()  # of the backups: repositories may be read at the same time

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets another process write."""
        self._lock.release()

    @property
    def problems(self) -> list[str]:
        """In words: files that had to be recovered, manifests that cannot be read, repositories that are not there."""
        return [*self.file_problems, *self._backups.damaged.values(), *self._absent.values()]

    @property
    def file_problems(self) -> list[str]:
        """In words: files of the catalog that had to be recovered."""
        return [
            *self._backups.file_problems,
            *self._jobs.problems,
            *self._measurements.problems,
            *self._schedules.problems,
            *self._runs.problems,
            *self._alerts.problems,
        ]

    @property
    def damaged(self) -> dict[str, str]:
        """The backups that are not listed because their manifest cannot be read: by their id, why, in words."""
        return self._backups.damaged

    def become_writer(self) -> bool:
        """Takes the write lock, as every change does by itself; True when this process did not have it before.

        What was in memory is dropped then, because somebody else may have written meanwhile. Raises `RunnerBusyError`
        when another process is the writer, and what is wrong with the data directory.
        """
        if not self._lock.acquire():
            return False
        self._backups.forget()
        self._jobs.forget()
        self._measurements.forget()
        self._schedules.forget()
        self._runs.forget()
        self._alerts.forget()
        return True

    # --- backups

    def refresh(self, repository: Repository) -> None:
        """Brings the entries of a repository up to date, reading only what is new or changed.

        A manifest that cannot be read becomes one of the `problems`; a repository that is missing, or has no backup
        left, keeps its entries, for its file system may be mounted again. Raises `RefusedError`, `StorageError`, and
        `RunnerBusyError` when there is something to write and another process is the writer.
        """
        if self._is_absent(repository):
            return
        changes = self._backups.changes(repository)
        if changes and self.become_writer():
            changes = self._backups.changes(repository, just_read=changes)
        if changes:
            with self._one_writer:
                self._backups.apply(changes)

    def absence(self, repository: Repository) -> str | None:
        """In words: a repository whose backups are listed is missing, or has no backup in it. Raises `StorageError`."""
        known = len(self._backups.known(repository.target.location))
        if not known or repository.has_backups():
            return None
        state = "has no backup in it" if repository.is_there() else "is not there"
        listed = f"{known:,} backup{'' if known == 1 else 's'} of it {'is' if known == 1 else 'are'} listed"
        return f"the repository {repository.name} {state}: {repository.location} ({listed})"

    def _is_absent(self, repository: Repository) -> bool:
        location = repository.target.location
        self._absent.pop(location, None)
        if words := self.absence(repository):
            self._absent[location] = words
        return words is not None or not repository.is_there()

    def deleted(self, repository: Repository, backup_id: str) -> None:
        """Takes a backup off the list that was deleted on purpose. Raises `StorageError`, `RunnerBusyError`."""
        self.become_writer()
        key = (repository.target.location, backup_id)
        with self._one_writer:
            if key in self._backups.entries():
                self._backups.apply({key: None})

    def backups(
        self, *, repository: str | None = None, database: str | None = None, limit: int | None = None
    ) -> list[BackupSummary]:
        """The backups, newest first, of a repository (name or location) and a database where they are given."""
        found = [
            entry.summary
            for entry in self._backups.entries().values()
            if (repository is None or repository in (entry.location, entry.summary.repository))
            and (database is None or entry.summary.database == database)
        ]
        return sorted(found, key=lambda summary: (summary.started_at, summary.id, summary.path), reverse=True)[:limit]

    def rebuild(self, repositories: Sequence[Repository], *, force: bool = False) -> CatalogRebuild:
        """Throws all entries away, reads every manifest again, and says what came of it.

        The old entries stay when it fails. Raises `StorageError`, also for a listed repository that is missing or has
        no backup left, unless ``force``; `RefusedError`, `RunnerBusyError`.
        """
        self.become_writer()
        forgotten: list[str] = []
        for repository in repositories:
            words = self.absence(repository)
            if words and not force:
                raise StorageError(f"nothing was rebuilt: {words}", remedy=PUT_BACK)
            forgotten += self._backups.known(repository.target.location) if words else []
        self._backups.rebuild(repositories)
        self._absent = {}
        return CatalogRebuild(
            backups=len(self._backups.entries()),
            damaged=tuple(self._backups.damaged.values()),
            forgotten=tuple(forgotten),
        )

    def check(self, repositories: Sequence[Repository]) -> list[str]:
        """Compares the catalog with the repositories and says in words what is amiss; empty when nothing is."""
        locations = {repository.target.location for repository in repositories}
        others = sorted({key[0] for key in self._backups.entries()} - locations)
        problems = [
            *self.file_problems,
            *(f"the catalog lists backups in {location}, which is no repository of yours" for location in others),
        ]
        for repository in repositories:
            try:
                problems += self._check(repository)
            except PantryError as error:
                problems.append(error.message)
        return problems

    def _check(self, repository: Repository) -> list[str]:
        if self._is_absent(repository):
            found = self._absent.get(repository.target.location)
            return [f"{found}. {PUT_BACK}"] if found else []
        name, known = repository.name, self._backups.entries()
        problems = []
        for key, entry in sorted(self._backups.changes(repository).items()):
            if entry is None:
                problems.append(f"{name}: the catalog lists {key[1]}, which is not there or cannot be read")
            elif key not in known:
                problems.append(f"{name}: the catalog does not list {key[1]}")
            elif entry.summary != known[key].summary:
                problems.append(f"{name}: what the catalog says of {key[1]} is out of date")
        for backup_id in repository.ids():
            problems += repository.problems(backup_id) + repository.oddities(backup_id)
        problems += repository.signature_problems()
        problems += [f"{repository.location}/{left} was left behind by a crash" for left in repository.leftovers()]
        return problems

    # --- jobs

    def put_job(self, job: Job) -> None:
        """Takes a job as it is now; the disk is written only when its state changed.

        Raises `StorageError`: the job is known all the same, and written with the next one that is.
        """
        if self._jobs.put(job):
            self.become_writer()
            self._jobs.save()

    def job(self, job_id: str) -> Job:
        """One job. Raises `NotFoundError`."""
        return self._jobs.get(job_id)

    def jobs(self, limit: int | None = None) -> list[Job]:
        """The jobs, newest first."""
        return self._jobs.newest(limit)

    def prune_jobs(self, older_than: datetime) -> list[str]:
        """Forgets the jobs that ended before ``older_than`` and returns their ids."""
        self.become_writer()
        return self._jobs.prune(older_than)

    # --- measurements

    def put_measurement(self, measurement: Measurement) -> None:
        """Keeps the figures of a recovery. Raises `StorageError`, `RunnerBusyError`."""
        self.become_writer()
        self._measurements.put(measurement)

    def measurements(self) -> list[Measurement]:
        """The figures of earlier recoveries and drills, the latest first."""
        return self._measurements.newest()

    # --- schedules and their runs

    def put_schedule(self, schedule: Schedule) -> None:
        """Adds or replaces a schedule. Raises `StorageError`, `RunnerBusyError`."""
        self.become_writer()
        self._schedules.put(schedule)

    def remove_schedule(self, schedule_id: str) -> None:
        """Deletes a schedule; what became of its runs is kept. Raises `StorageError`, `RunnerBusyError`."""
        self.become_writer()
        self._schedules.remove(schedule_id, utc_now())

    def schedule(self, reference: str) -> Schedule:
        """The schedule of that id or name. Raises `NotFoundError`."""
        return self._schedules.find(reference)

    def schedules(self) -> list[Schedule]:
        """All schedules, by name."""
        return self._schedules.all()

    def deleted_schedules(self) -> list[Schedule]:
        """Those that were deleted, by name."""
        return self._schedules.deleted()

    def bring_back_schedules(self, schedules: Iterable[Schedule]) -> list[Schedule]:
        """Takes in those that are not known here, and returns them; what cannot be read of the file is let go.

        Raises `StorageError`, `RunnerBusyError`.
        """
        self.become_writer()
        return self._schedules.bring_back(schedules)

    @property
    def schedule_problems(self) -> list[str]:
        """What reading the schedules had to put up with, in words: some may be missing, or be as they were before."""
        self._schedules.all()
        return self._schedules.problems

    def change_runs(self, put: Iterable[ExpectedRun], remove: Iterable[RunKey] = ()) -> None:
        """Writes runs down and forgets others, in one write. Raises `StorageError`, `RunnerBusyError`."""
        self.become_writer()
        self._runs.change(put, remove)

    def runs(self, schedule_id: str | None = None, limit: int | None = None) -> list[ExpectedRun]:
        """The runs of one schedule or all, those due last first; the first of each enabled one is to come."""
        return self._runs.newest(schedule_id, limit)

    def run(self, key: RunKey) -> ExpectedRun | None:
        """One run, if there is such a one."""
        return self._runs.all().get(key)

    def prune_runs(self, older_than: datetime) -> None:
        """Forgets runs that were over before that time. Raises `StorageError`, `RunnerBusyError`."""
        self.become_writer()
        self._runs.prune(older_than)

    # --- alerts

    def alerts(self) -> list[Alert]:
        """The alerts, those opened last first, also those that are resolved."""
        return self._alerts.newest()

    def change_alerts(self, put: Iterable[Alert]) -> None:
        """Writes alerts down, in one write. Raises `StorageError`, `RunnerBusyError`."""
        self.become_writer()
        self._alerts.put(put)

    def prune_alerts(self, older_than: datetime) -> None:
        """Forgets alerts that were resolved before that time. Raises `StorageError`, `RunnerBusyError`."""
        self.become_writer()
        self._alerts.prune(older_than)
