"""What an earlier runner left in the middle: jobs that it cut off, what they had written, and what was to follow them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import InterruptedJobError, NotFoundError
from pantry_tui.events import Committed, Failed
from pantry_tui.models import Failure, Job, JobRequest, JobState, RepositoryTarget, utc_now
from pantry_tui.runner.attending import Attendant
from pantry_tui.runner.audit import RUNNER, AuditTrail
from pantry_tui.runner.joblog import JobLog, RequestNotes
from pantry_tui.runner.leftovers import done_all_the_same, looked_up, remove_rehearsal, with_leftovers
from pantry_tui.runner.library import CLEAN_SECONDS, Library
from pantry_tui.runner.request import database_key, repository_of


class Settlement:
    """Settles it, once, when a runner begins."""

    def __init__(
        self,
        directory: Path,
        catalog: Catalog,
        library: Library,
        audit: AuditTrail,
        attendant: Attendant,
        notes: RequestNotes,
        save: Callable[[Job], None],
        follow: Callable[[Coroutine[Any, Any, None]], None],
        measured: Sequence[Callable[[Job, JobRequest | None], None]],
    ) -> None:
        """``save`` writes a job into the history; ``follow`` has something done beside everything else.

        ``measured``: who hears of each job that was ended, with what was asked where that is known.
        """
        self._directory = directory
        self._catalog = catalog
        self._library = library
        self._audit = audit
        self._attendant = attendant
        self._notes = notes
        self._save = save
        self._follow = follow
        self._measured = measured
        self.databases: set[str] = set()  # keys of those around which a command still runs

    async def run(self) -> None:
        """Ends, in the history, the jobs that an earlier runner left alive, and removes what they had written."""
        unfinished = self._notes.unfinished()
        lost = {job.id: job for job in self._catalog.jobs() if not job.state.is_final}
        for job_id in sorted(unfinished.keys() | lost.keys()):
            request = unfinished.get(job_id)
            repository = repository_of(request) if request is not None else None
            removed = await self._clean_up(request, repository)
            if job_id in lost:
                self._end(lost[job_id], request, removed, await looked_up(request, job_id))
            if request is None:
                self._forget(job_id)
            else:
                self._follow_up(job_id, request)

    async def _clean_up(self, request: JobRequest | None, repository: RepositoryTarget | None) -> list[str]:
        """Removes what is left of a job, and returns its names; a repository that does not answer keeps no runner from
        beginning: the next backup cleans up."""
        removed: list[str] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLEAN_SECONDS):
                removed = await self._library.clean(repository) if repository is not None else []
        await remove_rehearsal(request, self._directory)
        return removed

    def _end(self, job: Job, request: JobRequest | None, removed: list[str], committed: Committed | None) -> None:
        since = job.started_at or job.queued_at
        error = InterruptedJobError(
            f"the runner ended in the middle of the job, which was {job.state.value} since {_time(since)}; "
            f"the next runner found it at {_time(utc_now())}",
            remedy="run the operation again",
        )
        done = done_all_the_same(committed.undone_by, error.message) if committed is not None else None
        failed = Failed(failure=done or with_leftovers(Failure.of(error), request))
        with contextlib.suppress(OSError):
            log = JobLog(self._directory, job.id)
            log.write(failed)
            log.close()
        ended = msgspec.structs.replace(
            job, state=JobState.FAILED, finished_at=failed.at, seconds_left=None, failure=failed.failure
        )
        self._save(ended)
        for measure in self._measured:
            measure(ended, request)
        if request is not None:
            self._attendant.announce(ended, request)
        details = {"title": job.title, "failure": error.message, "removed": removed}
        self._audit.note(RUNNER, "job.end", job.id, ended.state.value, details)

    def _follow_up(self, job_id: str, request: JobRequest) -> None:
        """Runs what was to follow a job that was cut off; no other of its database begins before that is over.

        The note stays as long: should this runner end meanwhile, the next one runs it again.
        """
        try:
            job = self._catalog.job(job_id)
        except NotFoundError:
            self._forget(job_id)
            return
        key = database_key(request)
        self.databases |= {key} if key else set()

        async def settle() -> None:
            try:
                await self._attendant.settle(job, request)
                self._forget(job_id)
            finally:
                self.databases.discard(key or "")

        self._follow(settle())

    def _forget(self, job_id: str) -> None:
        with contextlib.suppress(OSError):  # the next runner finds it again, and nothing left to do
            self._notes.remove(job_id)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
