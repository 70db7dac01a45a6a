"""A job that is queued or running: its latest state, its log, its listeners."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from pantry_tui.errors import PantryError, WorkerDiedError
from pantry_tui.events import Committed, Event, Failed, Finished, PhaseStarted, Progress, Warned
from pantry_tui.models import DrillRequest, Failure, Job, JobRequest, JobState, utc_now
from pantry_tui.runner.feed import EventFeed
from pantry_tui.runner.joblog import JobLog
from pantry_tui.runner.leftovers import done_all_the_same, with_leftovers
from pantry_tui.runner.process import JobProcess
from pantry_tui.runner.request import MakesBackup, database_key
from pantry_tui.runner.terms import Terms


class LiveJob:
    """One job while it lives. ``publish`` hears of every change."""

    def __init__(
        self, directory: Path, job: Job, request: JobRequest, publish: Callable[[Job], None], terms: Terms
    ) -> None:
        self.job = job
        self.request = request
        self.terms = terms
        self.key = database_key(request)
        self.process: JobProcess | None = None
        self.begun = False  # what comes before the work has been begun
        self.interrupt: Callable[[], object] | None = None  # stops what comes before the work, or after it
        self.is_done = False  # the work is over, however; what follows it is under way
        self.stopped_by: PantryError | None = None  # why somebody stopped it
        self.timer: asyncio.TimerHandle | None = None  # that ends its time
        self.committed: Committed | None = None  # what it was to change is changed
        self.feeds: set[EventFeed] = set()
        self._publish = publish
        self._log = JobLog(directory, job.id)

    def change(self, **fields: Any) -> None:
        """Gives the job new values."""
        self.job = msgspec.structs.replace(self.job, **fields)
        self._publish(self.job)

    def take(self, event: Event) -> None:
        """Passes on an event of the job's process."""
        self._tell(event)
        match event:
            case PhaseStarted(title=title):
                self.change(phase=title)
            case Progress(share=share, seconds_left=seconds_left):
                self.change(share=share, seconds_left=seconds_left)
            case Committed():
                self.committed = event
            case Warned():
                self.change(warnings=self.job.warnings + 1)
            case _:
                pass

    def end(self, last: Finished | Failed) -> None:
        """The job is over; nothing follows."""
        if isinstance(last, Finished):
            fields: dict[str, Any] = {"state": JobState.SUCCEEDED, "share": 1.0, "result": last.result}
            if isinstance(self.request, MakesBackup):
                fields["backup_id"] = last.result.get("id")
        else:
            last = Failed(at=last.at, failure=self._cause(last.failure), result=last.result)
            fields = {"state": _state(last.failure), "failure": last.failure, "result": last.result}
            if isinstance(self.request, MakesBackup) and last.result is not None:  # there is one all the same
                fields["backup_id"] = last.result.get("id")
        with contextlib.ExitStack() as steps:  # all of them, whatever becomes of the others
            usage = self.process.usage if self.process is not None else None
            steps.callback(self.change, finished_at=utc_now(), seconds_left=None, usage=usage, **fields)
            steps.callback(self._log.close)
            for feed in self.feeds:
                steps.callback(feed.end)
            self._tell(last)

    def _tell(self, event: Event) -> None:
        for feed in self.feeds:
            feed.put(event)
        with contextlib.suppress(OSError):  # a full data directory must not stop a backup onto another disk
            self._log.write(event)

    def _cause(self, failure: Failure) -> Failure:
        """What ended the job, as far as its process cannot know it."""
        if self.committed is not None and not isinstance(self.request, DrillRequest):
            reason = self.stopped_by.message if self.stopped_by is not None else failure.message
            return done_all_the_same(self.committed.undone_by, reason)
        if self.stopped_by is not None:
            detail = None if failure.code == "cancelled" else failure.message
            stopped = msgspec.structs.replace(Failure.of(self.stopped_by), detail=detail)
            return with_leftovers(stopped, self.request) if failure.code == "worker_died" else stopped
        if failure.code == "cancelled":
            error = WorkerDiedError(
                "the job's process was told to stop (SIGTERM) by somebody outside the runner",
                remedy="cancel jobs with `pantry-tui job cancel`; run the operation again",
            )
            return Failure.of(error)
        return failure


def _state(failure: Failure) -> JobState:
    final = {"cancelled": JobState.CANCELLED, "timed_out": JobState.TIMED_OUT}
    return final.get(failure.code, JobState.FAILED)
