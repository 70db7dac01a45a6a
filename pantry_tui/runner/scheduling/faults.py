"""Which failures of a job may well not come again, and when to try."""

from __future__ import annotations

from datetime import timedelta

from pantry_tui.errors import (
    BackupUnderWayError,
    ConnectionLostError,
    DatabaseChangedError,
    InterruptedJobError,
    LockTimeoutError,
    PantryError,
    ServerUnreachableError,
    TooManyConnectionsError,
    WorkerDiedError,
)
from pantry_tui.models import Failure, Schedule

LONGEST_WAIT_SECONDS = 3600.0

_PASSING: tuple[type[PantryError], ...] = (
    BackupUnderWayError,
    ConnectionLostError,
    DatabaseChangedError,
    InterruptedJobError,
    LockTimeoutError,
    ServerUnreachableError,
    TooManyConnectionsError,
    WorkerDiedError,
)
_CODES = frozenset(error.code for error in _PASSING)


def can_pass(failure: Failure) -> bool:
    """Whether the same may succeed some time later without anybody doing anything; a full disk may not."""
    return failure.code in _CODES


def back_off(schedule: Schedule, attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time, an hour at most or what the schedule says."""
    longest = max(LONGEST_WAIT_SECONDS, schedule.retry_seconds)
    return timedelta(seconds=min(schedule.retry_seconds * 2.0 ** min(attempts - 1, 20), longest))
