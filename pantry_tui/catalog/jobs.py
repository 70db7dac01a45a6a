"""The jobs of the runner and their history: `jobs.json`, apart so that the list of backups stays small.

Progress stays in memory; the disk sees a job when its state changes.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pantry_tui.catalog.table import ModelTable
from pantry_tui.errors import NotFoundError
from pantry_tui.models import Job


class JobTable:
    """Jobs by id."""

    def __init__(self, path: Path) -> None:
        self._stored = ModelTable(path, Job, lambda job: job.id)
        self._live: dict[str, Job] = {}  # as they are now, where the disk has them otherwise
        self._unsaved: set[str] = set()  # those of them that the disk has to know

    @property
    def problems(self) -> list[str]:
        """What reading the file had to put up with, in words."""
        return self._stored.problems

    def forget(self) -> None:
        """Drops what the file said."""
        self._stored.forget()

    def jobs(self) -> dict[str, Job]:
        """All jobs, with their progress."""
        return self._stored.models() | self._live

    def put(self, job: Job) -> bool:
        """Takes the job as it is now; True when the disk has to know, by `save`."""
        stored = self._stored.models().get(job.id)
        self._live[job.id] = job
        if stored is None or stored.backup_id != job.backup_id or stored.state is not job.state or job.state.is_final:
            self._unsaved.add(job.id)
        return bool(self._unsaved)

    def save(self) -> None:
        """Writes down what the disk has to know.

        Raises `StorageError`; memory keeps the jobs then, and the next `save` writes them too.
        """
        self._stored.change([self._live[job_id] for job_id in sorted(self._unsaved)])
        for job_id in self._unsaved:
            del self._live[job_id]
        self._unsaved = set()

    def get(self, job_id: str) -> Job:
        """One job. Raises `NotFoundError`."""
        job = self._live.get(job_id) or self._stored.models().get(job_id)
        if job is None:
            raise NotFoundError(f"there is no job {job_id[:80]!r}", remedy="list the jobs with: pantry-tui job list")
        return job

    def newest(self, limit: int | None) -> list[Job]:
        """Jobs, those queued last first."""
        ordered = sorted(self.jobs().values(), key=lambda job: (job.queued_at, job.id), reverse=True)
        return ordered[:limit]

    def prune(self, older_than: datetime) -> list[str]:
        """Forgets jobs that ended before ``older_than`` and returns their ids. Raises `StorageError`."""
        old = [
            job.id
            for job in self.jobs().values()
            if job.state.is_final and (job.finished_at or job.queued_at) < older_than
        ]
        if old:
            self._stored.change([], old)
        for job_id in old:
            self._live.pop(job_id, None)
            self._unsaved.discard(job_id)
        return old
