"""What a schedule wishes around its jobs, by the configuration as it is when they are made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

import msgspec

from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError
from pantry_tui.models import (
    Around,
    BackupRequest,
    CopyRequest,
    DrillRequest,
    JobRequest,
    Receiver,
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
    """How long the backups of each schedule are kept, by its id; one whose policy is not configured any more has none."""
    found: dict[str, RetentionPolicy] = {}
    for schedule in schedules:
        with contextlib.suppress(NotFoundError):
            if (policy := retention_of(schedule, config)) is not None:
                found[schedule.id] = policy
    return found


def check_wishes(schedule: Schedule, config: Config) -> None:
    """Raises `NotFoundError` for a policy, hooks, or somebody to be told, that are not configured, `ConfigError` for copies to
    nowhere."""
    retention_of(schedule, config)
    if schedule.kind is ScheduleKind.COPY:
        copy_places(config.repository_target(schedule.repository), config)
    if schedule.hooks is not None:
        config.named_hooks(schedule.hooks)
    config.receivers((*schedule.on_success, *schedule.on_failure))


def unmet_wishes(schedule: Schedule, config: Config) -> list[str]:
    """What the schedule names and the configuration no longer has, in words; its backups are taken all the same."""
    names = dict.fromkeys((*schedule.on_success, *schedule.on_failure))
    unmet = [
        f"nobody is configured as {name!r} any more: those whom the configuration names are told instead"
        for name in names
        if name not in config.notifications
    ]
    if schedule.hooks is not None and schedule.hooks not in config.hook_sets:
        unmet.append(
            f"no commands are configured as {schedule.hooks!r} any more: those of the database are run instead"
        )
    try:
        retention_of(schedule, config)
    except NotFoundError as error:
        unmet.append(f"{error.message}: no backup of the schedule is deleted")
    return unmet


def told(names: Sequence[str], otherwise: tuple[Receiver, ...], config: Config) -> tuple[Receiver, ...]:
    """Who is told: those of ``names``; where there are none, or one is not configured any more, the others too."""
    known = config.receivers(name for name in names if name in config.notifications)
    if names and len(known) == len(names):
        return known
    return tuple(dict.fromkeys((*known, *otherwise)))


def wished_around(request: JobRequest, schedule: Schedule, config: Config, database: str) -> JobRequest:
    """The request with what is to be done around it: the schedule's own wishes, else those of the database's configuration.

    What cannot be met becomes a warning of the job: nobody loses backups by renaming whom they tell.
    """
    if isinstance(request, BackupRequest):
        own = config.around_backup(database)
        policy = policies_of_schedules([schedule], config).get(schedule.id)
        if schedule.hooks in config.hook_sets:
            hooks = config.named_hooks(schedule.hooks)
            own = msgspec.structs.replace(own, before=hooks.hook("before_backup"), after=hooks.hook("after_backup"))
        around = msgspec.structs.replace(
            _told(own, schedule, config), retention=policy, copies=config.copies_of(request.repository)
        )
        return msgspec.structs.replace(request, schedule=schedule.id, around=around)
    if isinstance(request, CopyRequest | DrillRequest | ValidateRequest):
        return msgspec.structs.replace(request, around=_told(config.around_examination(), schedule, config))
    return request


def untold(request: JobRequest) -> JobRequest:
    """The request for whose outcome somebody else tells: of a run that is tried again, only the end is told."""
    if isinstance(request, BackupRequest | CopyRequest | DrillRequest | ValidateRequest):
        quiet = msgspec.structs.replace(request.around, told_elsewhere=True)
        return msgspec.structs.replace(request, around=quiet)
    return request


def _told(around: Around, schedule: Schedule, config: Config) -> Around:
    return msgspec.structs.replace(
        around,
        on_success=told(schedule.on_success, around.on_success, config),
        on_failure=told(schedule.on_failure, around.on_failure, config),
        warnings=tuple(unmet_wishes(schedule, config)),
    )
