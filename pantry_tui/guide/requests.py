"""The jobs that the wizard's steps need, made from what was answered; for a thread, as secrets may come from a command."""

from __future__ import annotations

import msgspec

from pantry_tui.guide.case import Case
from pantry_tui.models import (
    BackupRequest,
    BackupSummary,
    DatabaseTarget,
    DiffRequest,
    PlanRequest,
    ReleaseRequest,
    RepositoryTarget,
    RestoreRequest,
    RollbackRequest,
    Unlocking,
    ValidateRequest,
)
from pantry_tui.runner.keys import recipients_for, unlocking_for


def backup_request(case: Case, name: str, user: str) -> BackupRequest:
    """A full backup of the database as it is now."""
    return BackupRequest(
        database=case.config.database_target(case.state.database),
        repository=case.config.repository_target(),
        name=name,
        compression=case.config.backup.compression,
        recipients=recipients_for(case.config),
        started_by=user,
    )


def validate_request(case: Case, user: str) -> ValidateRequest:
    """Reading the chosen backup back."""
    backup = _backup(case)
    return ValidateRequest(
        repository=_place(case, backup), backup_id=backup.id, unlocking=_keys(case, backup), started_by=user
    )


def diff_request(case: Case, user: str) -> DiffRequest:
    """The chosen backup compared with the database."""
    backup = _backup(case)
    return DiffRequest(
        repository=_place(case, backup),
        backup_id=backup.id,
        database=case.config.database_target(case.state.database),
        started_by=user,
    )


def restore_request(case: Case, user: str, *, dry_run: bool = False) -> RestoreRequest:
    """The recovery, or its rehearsal."""
    backup = _backup(case)
    return RestoreRequest(
        repository=_place(case, backup),
        backup_id=backup.id,
        target=target(case),
        tables=case.state.tables,
        strategy=case.state.strategy,
        dry_run=dry_run,
        swap=True,
        trust=case.state.trust,
        assertions=case.settings.asserted,
        assertion_seconds=case.settings.assertion_timeout_seconds,
        unlocking=_keys(case, backup),
        started_by=user,
    )


def plan_request(case: Case, user: str) -> PlanRequest:
    """Finding out what the recovery would do."""
    objectives = case.settings if case.database in case.config.databases else None
    return PlanRequest(
        **msgspec.structs.asdict(restore_request(case, user)),
        rto_seconds=objectives.rto_seconds if objectives is not None else None,
        rpo_seconds=objectives.rpo_seconds if objectives is not None else None,
    )


def rollback_request(case: Case, user: str) -> RollbackRequest:
    """Taking the recovery back."""
    return RollbackRequest(target=target(case), undo=case.state.recovery or "", started_by=user)


def release_request(case: Case, user: str) -> ReleaseRequest:
    """Letting go of the way back."""
    return ReleaseRequest(target=target(case), undo=case.state.recovery or "", started_by=user)


def target(case: Case) -> DatabaseTarget:
    """The database that the recovery goes into. Raises `ConfigError`, `UsageError`."""
    if case.state.target is None:
        return case.config.database_target(case.state.database)
    return case.config.restore_target(case.state.target, server=case.state.database)


def _backup(case: Case) -> BackupSummary:
    backup = case.backup
    assert backup is not None, "a backup is chosen before anything is done with it"
    return backup


def _place(case: Case, backup: BackupSummary) -> RepositoryTarget:
    return case.config.repository_target(backup.repository)


def _keys(case: Case, backup: BackupSummary) -> Unlocking:
    return unlocking_for(case.config, encrypted=backup.encrypted)
