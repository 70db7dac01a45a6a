"""What is to be done around a job by the runner: before it, after it, and with what is known when it is over."""

from __future__ import annotations

from enum import StrEnum

from pantry_tui.models.base import Model
from pantry_tui.models.notifications import Receiver
from pantry_tui.models.retention import RetentionPolicy, ScopedPolicy
from pantry_tui.models.targets import RepositoryTarget


class HookFailure(StrEnum):
    """What a hook's failure means."""

    ABORT = "abort"  # before the job: it is not begun; after it: it counts as failed
    CONTINUE = "continue"  # a warning of the job


class Hook(Model, frozen=True, kw_only=True):
    """A command that is run before or after a job: its path and arguments, without a shell."""

    argv: tuple[str, ...]
    timeout_seconds: float = 60.0
    on_failure: HookFailure = HookFailure.ABORT


class Around(Model, frozen=True, kw_only=True):
    """What surrounds a job. It holds references to secrets, and never one itself.

    ``after`` is run however the job ends, once ``before`` was, or would have been. ``retention``: after a backup has succeeded,
    what of its database and schedule is not kept by this policy is deleted. ``ping`` is told of the beginning and the end.
    ``told_elsewhere``: those who hear how the job ended hear it otherwise; of trouble around it they are told all the same.
    """

    before: Hook | None = None
    after: Hook | None = None
    on_success: tuple[Receiver, ...] = ()
    on_failure: tuple[Receiver, ...] = ()
    told_elsewhere: bool = False
    ping: Receiver | None = None
    retention: RetentionPolicy | None = None
    retention_of_deleted: tuple[ScopedPolicy, ...] = ()  # the same for backups of schedules that were deleted since
    warnings: tuple[str, ...] = ()  # what else was wished and cannot be, in words
    copies: tuple[RepositoryTarget, ...] = ()  # where a backup is copied to when it has succeeded, by jobs of their own
