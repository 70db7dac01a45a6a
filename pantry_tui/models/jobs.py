"""Jobs, the runner, and what is written down of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from pantry_tui.models.base import Failure, Model
from pantry_tui.models.metrics import JobUsage


class JobState(StrEnum):
    """Where a job stands. The first two are alive, the others final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class LogFormat(StrEnum):
    """How a runner writes its own log."""

    TEXT = "text"
    JSON = "json"


class Job(Model, frozen=True, kw_only=True):
    """One piece of work of the runner, from queue to history. Never holds a secret."""

    id: str
    kind: str  # backup, import, validate, restore, plan, foreign_restore, foreign_plan, diff, export …
    title: str  # "backup of crm into local", for people
    database: str | None  # that it works on, or for which a schedule has it done
    state: JobState
    queued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    started_by: str = ""
    backup_id: str | None = None
    schedule: str | None = None  # the id of the schedule that had it done
    due_at: datetime | None = None  # of a run of that schedule; None: somebody asked for it
    decisions: dict[str, str] = msgspec.field(default_factory=dict)  # what of the request was decided, in words
    share: float = 0.0  # of the work done, 0 to 1
    phase: str = ""
    seconds_left: float | None = None
    warnings: int = 0
    failure: Failure | None = None
    result: dict[str, Any] | None = None  # the result model as builtins
    usage: JobUsage | None = None  # None: its process has not ended, or there was none


class RunnerStay(StrEnum):
    """How long a runner stays."""

    SERVICE = "service"  # a service manager starts another when it ends
    DETACHED = "detached"  # until somebody ends it
    COMMAND = "command"  # as long as the command that it is a part of


class RunnerStatus(Model, frozen=True, kw_only=True):
    """Who the runner is and what it does."""

    version: str
    pid: int
    started_at: datetime
    data_directory: str
    socket: str
    running: int
    queued: int
    stopping: bool = False
    stay: RunnerStay = RunnerStay.DETACHED
    untold: int = 0  # messages that could not be sent yet


class AuditEntry(Model, frozen=True, kw_only=True):
    """One line of the audit trail.

    ``who`` begins with the user as the kernel knows it; what stands behind it in parentheses, and ``started_by`` among the
    details, is what the client said of itself.
    """

    at: datetime
    who: str
    action: str
    object: str
    result: str
    details: dict[str, Any] = msgspec.field(default_factory=dict)
    previous: str = ""  # sha256 of the line before

    @property
    def user(self) -> str:
        """Who it was, without what was claimed."""
        return self.who.partition(" (")[0]
