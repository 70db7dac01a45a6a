"""How a run of a schedule goes on when its jobs are over: it is done, or has failed, or is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from pantry_tui.errors import InterruptedJobError, NotFoundError, PantryError
from pantry_tui.models import ExpectedRun, Failure, Job, JobRequest, JobState, MissedRuns, Schedule
from pantry_tui.runner.scheduling.faults import back_off, can_pass
from pantry_tui.schedule.missed import IN_TIME

CUT_OFF = Failure.of(
    InterruptedJobError(
        "the runner ended in the middle of the run", remedy="it is tried again by the schedule's own rules"
    )
)


class Task(NamedTuple):
    """What an attempt is to do for one database: a request, or why there can be none."""

    database: str
    request: JobRequest | PantryError


class Ending(NamedTuple):
    """How the work on one database ended, in one attempt."""

    database: str
    state: JobState
    failure: Failure | None = None

    @classmethod
    def of(cls, job: Job) -> Ending:
        """That of a job."""
        return cls(job.database or "", job.state, job.failure)

    @classmethod
    def refused(cls, database: str, error: PantryError) -> Ending:
        """Where there was not even a job."""
        return cls(database, JobState.FAILED, Failure.of(error))

    @classmethod
    def cut_off(cls, database: str) -> Ending:
        """Where nobody knows of a job."""
        return cls(database, JobState.FAILED, CUT_OFF)


def without_task(run: ExpectedRun, tasks: Sequence[Task]) -> list[Ending]:
    """Databases that the attempt is about and for which there is nothing to do any more: that is no success."""
    found = {task.database for task in tasks}
    return [
        Ending.refused(
            name,
            NotFoundError(
                f"the database {name} is no longer among those of the schedule",
                remedy="nothing, if it was removed on purpose; else look at the schedule and the server",
            ),
        )
        for name in run.left
        if name not in found
    ]


def after_submission(run: ExpectedRun, jobs: Sequence[Job], refused: Sequence[Ending]) -> ExpectedRun:
    """The run when the jobs of an attempt are queued: should the runner die now, the next one knows what it was about."""
    left = (*(job.database or "" for job in jobs), *(each.database for each in refused if _is_passing(each)))
    return msgspec.structs.replace(
        _blamed(run, refused), job_ids=tuple(job.id for job in jobs), left=tuple(dict.fromkeys(left))
    )


def after_cut_off(schedule: Schedule | None, run: ExpectedRun, jobs: Sequence[Job], now: datetime) -> ExpectedRun:
    """The run whose attempt nobody saw to its end; ``jobs``: what is known of those that it had."""
    if not run.left and not run.given_up:
        return _cut_off_at_the_beginning(schedule, run, now)
    ended = [Ending.of(job) for job in jobs]
    known = {each.database for each in ended}
    lost = [Ending.cut_off(name) for name in run.left if name not in known]
    return after_jobs(schedule, run, [*ended, *lost], now)


def after_jobs(schedule: Schedule | None, run: ExpectedRun, endings: Sequence[Ending], now: datetime) -> ExpectedRun:
    """The run when all jobs of an attempt are over.

    What failed in a way that can pass is tried again, of several databases those alone; None for a schedule that is gone.
    """
    failed = [each for each in endings if each.state is not JobState.SUCCEEDED]
    passing = [each for each in failed if _is_passing(each)]
    run = msgspec.structs.replace(_blamed(run, failed), left=tuple(each.database for each in passing))
    if passing and schedule is not None and run.attempts <= schedule.retries:
        return msgspec.structs.replace(run, retry_at=now + back_off(schedule, run.attempts))
    return _over(run, now, done=not failed)


def after_refusal(schedule: Schedule, run: ExpectedRun, failure: Failure, now: datetime) -> ExpectedRun:
    """The run when its jobs could not even be made; what is ``left`` to do stays so."""
    run = msgspec.structs.replace(run, outcome=JobState.FAILED, failure=failure)
    if can_pass(failure) and run.attempts <= schedule.retries:
        return msgspec.structs.replace(run, retry_at=now + back_off(schedule, run.attempts))
    return _over(run, now, done=False)


def given_way(run: ExpectedRun, now: datetime, why: str) -> ExpectedRun:
    """A run that waits to be tried again, when there is no sense in that any more."""
    said = f"{run.why}; {why}" if run.why else why
    outcome = run.outcome or JobState.FAILED
    return msgspec.structs.replace(run, finished_at=now, retry_at=None, why=said, outcome=outcome)


def is_too_late(schedule: Schedule, run: ExpectedRun, now: datetime) -> bool:
    """Whether a run that was cut off is not to be tried again after so long a time, by the schedule's policy."""
    late = now - run.due_at
    if schedule.missed is MissedRuns.SKIP:
        return late > IN_TIME
    return schedule.missed is MissedRuns.IF_YOUNGER and late.total_seconds() > schedule.missed_seconds


def _is_passing(ending: Ending) -> bool:
    return ending.failure is not None and can_pass(ending.failure)


def _blamed(run: ExpectedRun, failed: Sequence[Ending]) -> ExpectedRun:
    """The run with what failed for good given up, and the failure that is told of it: the first that lasts."""
    lasting = [each for each in failed if not _is_passing(each) and each.database not in run.given_up]
    first = next(iter([*lasting, *failed]), None)
    if first is not None and not run.given_up:
        run = msgspec.structs.replace(run, outcome=first.state, failure=first.failure)
    return msgspec.structs.replace(run, given_up=(*run.given_up, *(each.database for each in lasting)))


def _cut_off_at_the_beginning(schedule: Schedule | None, run: ExpectedRun, now: datetime) -> ExpectedRun:
    if schedule is not None:
        return after_refusal(schedule, run, CUT_OFF, now)
    return _over(msgspec.structs.replace(run, outcome=JobState.FAILED, failure=CUT_OFF), now, done=False)


def _over(run: ExpectedRun, now: datetime, *, done: bool) -> ExpectedRun:
    if done and not run.given_up:
        return msgspec.structs.replace(
            run, finished_at=now, retry_at=None, left=(), outcome=JobState.SUCCEEDED, failure=None
        )
    return msgspec.structs.replace(run, finished_at=now, retry_at=None)
