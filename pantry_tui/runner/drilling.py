"""Which backup a drill takes, and what it is asked to do with it, by the configuration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pantry_tui.config import Config
from pantry_tui.config.settings import DatabaseSettings
from pantry_tui.models import BackupKind, BackupSummary, DrillPlace, DrillRequest, RepositoryTarget, Unlocking

_DRILLED = ((BackupKind.FULL, BackupKind.INCREMENTAL), (BackupKind.SCHEMA,))  # the better ones first


def latest_to_drill(backups: Iterable[BackupSummary]) -> dict[str, BackupSummary]:
    """The latest backup of each database that can be drilled, of ``backups`` with the newest first."""
    backups = list(backups)
    chosen: dict[str, BackupSummary] = {}
    for kinds in _DRILLED:
        for backup in backups:
            if backup.kind in kinds:
                chosen.setdefault(backup.database, backup)
    return chosen


def drill_request(
    config: Config,
    place: RepositoryTarget,
    backup: BackupSummary,
    *,
    unlocking: Unlocking,
    started_by: str,
    database: str | None = None,
    where: DrillPlace = DrillPlace.PRIVATE,
    jobs: int | None = None,
    trust: tuple[str, ...] = (),
) -> DrillRequest:
    """The request for a drill of ``backup``; ``database`` names another's server and objectives. Raises `ConfigError`."""
    name = database or backup.database
    settings = config.databases.get(name)
    tools = settings.client_tools if settings is not None else None
    return DrillRequest(
        repository=place,
        backup_id=backup.id,
        where=where,
        server=config.database_target(name) if where is DrillPlace.SERVER else None,
        directory=config.drill.directory,
        client_tools=str(Path(tools).expanduser()) if tools is not None else None,
        rto_seconds=settings.rto_seconds if settings is not None else None,
        assertions=settings.asserted if settings is not None else (),
        assertion_seconds=(settings or DatabaseSettings()).assertion_timeout_seconds,
        jobs=jobs,
        trust=trust,
        unlocking=unlocking,
        started_by=started_by,
    )
