"""How a run of a schedule goes on when its jobs are over: it is done, or has failed, or is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from pantry_tui.errors import PantryError
from pantry_tui.models import ExpectedRun, Failure, Job, JobState, MissedRuns, Schedule
from pantry_tui.runner.scheduling.faults import back_off, can_pass
from pantry_tui.schedule.missed import IN_TIME


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


def after_jobs(schedule: Schedule | None, run: ExpectedRun, endings: Sequence[Ending], now: datetime) -> ExpectedRun:
    """The run when all jobs of an attempt are over.

    What failed in a way that can pass is tried again, of several databases those alone; None for a schedule that is gone.
    """
    failed = [each for each in endings if each.state is not JobState.SUCCEEDED]
    passing = [each for each in failed if each.failure is not None and can_pass(each.failure)]
    lasting = [each for each in failed if each not in passing]
    first = next(iter([*lasting, *passing]), None)
    if first is not None and not run.given_up:
        run = msgspec.structs.replace(run, outcome=first.state, failure=first.failure)
    given_up = (*run.given_up, *(each.database for each in lasting))
    run = msgspec.structs.replace(run, given_up=given_up, left=tuple(each.database for each in passing))
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


def _over(run: ExpectedRun, now: datetime, *, done: bool) -> ExpectedRun:
    if done and not run.given_up:
        return msgspec.structs.replace(
            run, finished_at=now, retry_at=None, left=(), outcome=JobState.SUCCEEDED, failure=None
        )
    return msgspec.structs.replace(run, finished_at=now, retry_at=None)
