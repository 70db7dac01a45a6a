"""What a schedule wishes around its jobs, by the configuration as it is when they are made."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pantry_tui.config import Config
from pantry_tui.models import (
    Around,
    BackupRequest,
    CopyRequest,
    DrillRequest,
    JobRequest,
    RetentionPolicy,
    Schedule,
    ScheduleKind,
    ValidateRequest,
)
from pantry_tui.runner.scheduling.references import copy_places


def retention_of(schedule: Schedule, config: Config) -> RetentionPolicy | None:
    """How long the schedule's backups are kept; None for one that takes none.

    Raises `NotFoundError` for a policy that is not configured.
    """
    if not schedule.kind.takes_backup:
        return None
    if schedule.retention_policy is not None:
        return config.named_policy(schedule.retention_policy)
    return RetentionPolicy(days=schedule.retention_days or config.scheduler.default_retention_days)


def policies_of_schedules(schedules: Iterable[Schedule], config: Config) -> dict[str, RetentionPolicy]:
    """How long the backups of each schedule are kept, by what they call it. Raises as `retention_of` does."""
    found = {schedule.id: retention_of(schedule, config) for schedule in schedules}
    return {schedule: policy for schedule, policy in found.items() if policy is not None}


def check_wishes(schedule: Schedule, config: Config) -> None:
    """Raises `NotFoundError` for a policy or receiver that is not configured, `ConfigError` for copies to nowhere."""
    retention_of(schedule, config)
    if schedule.kind is ScheduleKind.COPY:
        copy_places(config.repository_target(schedule.repository), config)
    config.receivers((*schedule.on_success, *schedule.on_failure))


def wished_around(request: JobRequest, schedule: Schedule, config: Config, database: str) -> JobRequest:
    """The request with what is to be done around it: the schedule's own wishes, else those of the database's configuration.

    Raises as `check_wishes` does.
    """
    if isinstance(request, BackupRequest):
        own = config.around_backup(database)
        around = msgspec.structs.replace(
            _told(own, schedule, config),
            retention=retention_of(schedule, config),
            copies=config.copies_of(request.repository),
        )
        return msgspec.structs.replace(request, schedule=schedule.id, around=around)
    if isinstance(request, CopyRequest | DrillRequest | ValidateRequest):
        return msgspec.structs.replace(request, around=_told(config.around_examination(), schedule, config))
    return request


def untold(request: JobRequest) -> JobRequest:
    """The request for whose outcome somebody else tells: of a run that is tried again, only the end is told."""
    if isinstance(request, BackupRequest | CopyRequest | DrillRequest | ValidateRequest):
        quiet = msgspec.structs.replace(request.around, on_success=(), on_failure=())
        return msgspec.structs.replace(request, around=quiet)
    return request


def _told(around: Around, schedule: Schedule, config: Config) -> Around:
    return msgspec.structs.replace(
        around,
        on_success=config.receivers(schedule.on_success) or around.on_success,
        on_failure=config.receivers(schedule.on_failure) or around.on_failure,
    )
