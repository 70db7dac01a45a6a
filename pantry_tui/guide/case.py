"""A recovery under way: what was answered, and what is known when a step is shown or answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import msgspec

from pantry_tui.config import Config
from pantry_tui.config.settings import DatabaseSettings
from pantry_tui.models import (
    BackupDetails,
    BackupDiff,
    BackupSummary,
    Check,
    Health,
    Incident,
    Job,
    JobState,
    Model,
    RecoveryPlan,
    RestoreResult,
    RollbackResult,
    WizardState,
)

R = TypeVar("R", bound=Model)

WHOLE = (Incident.CORRUPTED, Incident.MIGRATION, Incident.SERVER_LOST, Incident.TAMPERED, Incident.DISASTER)
GONE = (Incident.SERVER_LOST, Incident.DISASTER)  # where the database cannot be read any more


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything that a step looks at. ``jobs`` are those of the state, by id."""

    state: WizardState
    config: Config
    now: datetime
    backups: tuple[BackupSummary, ...] = ()
    health: Health | None = None
    jobs: Mapping[str, Job] = field(default_factory=dict)
    details: BackupDetails | None = None  # of the chosen backup

    @property
    def database(self) -> str:
        """The database that is to come back."""
        return self.state.database or ""

    @property
    def target(self) -> str:
        """Where it is to come back."""
        return self.state.target or self.database

    @property
    def settings(self) -> DatabaseSettings:
        """What is configured of it."""
        return self.config.databases.get(self.database, DatabaseSettings())

    @property
    def backup(self) -> BackupSummary | None:
        """The backup that was chosen."""
        return next((each for each in self.backups if each.id == self.state.backup_id), None)

    @property
    def is_whole(self) -> bool:
        """Whether the whole database is to come back, and not some tables."""
        return self.state.incident in WHOLE or self.state.incident is Incident.REHEARSAL

    def job(self, job_id: str | None) -> Job | None:
        """The job of that id, where it is known."""
        return self.jobs.get(job_id) if job_id is not None else None

    def succeeded(self, job_id: str | None) -> bool:
        """Whether that job has ended well."""
        job = self.job(job_id)
        return job is not None and job.state is JobState.SUCCEEDED

    def at_work(self, job_id: str | None) -> bool:
        """Whether that job has not ended yet; one that was just submitted may not be known."""
        job = self.job(job_id)
        return job_id is not None and (job is None or not job.state.is_final)

    def _result(self, job_id: str | None, kind: type[R]) -> R | None:
        job = self.job(job_id)
        if job is None or job.result is None:
            return None
        try:
            return kind.from_builtins(job.result)
        except msgspec.ValidationError:  # of a job of another version
            return None

    @property
    def comparison(self) -> BackupDiff | None:
        """The chosen backup compared with the database as it is now."""
        return self._result(self.state.comparison, BackupDiff)

    @property
    def plan(self) -> RecoveryPlan | None:
        """What the recovery would do."""
        return self._result(self.state.plan, RecoveryPlan)

    @property
    def rehearsal(self) -> RestoreResult | None:
        """What the rehearsal did and took back."""
        return self._result(self.state.rehearsal, RestoreResult)

    @property
    def recovery(self) -> RestoreResult | None:
        """What the recovery did."""
        return self._result(self.state.recovery, RestoreResult)

    @property
    def rolled_back(self) -> RollbackResult | None:
        """What undoing it did."""
        return self._result(self.state.rollback, RollbackResult)

    def checks(self) -> list[Check]:
        """What the last look found of this database and of what it needs, worst first."""
        if self.health is None:
            return []
        return [check for check in self.health.checks if check.database in (self.database, None)]
