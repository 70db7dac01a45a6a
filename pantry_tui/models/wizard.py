"""The state of the recovery wizard: kept by the runner, so that a lost terminal loses nothing."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pantry_tui.models.base import Model
from pantry_tui.models.kinds import Strategy


class Incident(StrEnum):
    """What happened, which shapes everything that follows."""

    ROWS = "rows"  # deleted or changed by mistake
    TABLES = "tables"  # gone or damaged
    CORRUPTED = "corrupted"  # the database as a whole
    MIGRATION = "migration"  # that went wrong
    SERVER_LOST = "server lost"
    TAMPERED = "tampered"  # ransomware, or somebody who should not have been there
    DISASTER = "disaster"  # on site
    REHEARSAL = "rehearsal"  # nothing happened


class WizardStep(StrEnum):
    """Where the wizard is, in their order."""

    HAPPENED = "what happened"
    ASSESS = "assess"
    CHOOSE = "choose"
    SCOPE = "scope"
    PLAN = "plan"
    REHEARSE = "rehearse"
    CONFIRM = "confirm"
    EXECUTE = "execute"
    VERIFY = "verify"
    FINISH = "finish"

    @property
    def place(self) -> int:
        """Its place, counted from 0."""
        return list(WizardStep).index(self)


class WizardNote(Model, frozen=True, kw_only=True):
    """A line of the incident's record: what was decided or found, when."""

    at: datetime
    who: str
    text: str


class WizardState(Model, frozen=True, kw_only=True):
    """Everything that was answered so far. Holds no secret: databases and repositories are names of the configuration.

    ``revision`` grows with every change; a change must be one of the revision that it was made from, so that of two people
    one drives. ``tables`` empty: the whole database. ``target``: None is the database itself. ``jobs`` are the ids of the
    jobs of each step that has some.
    """

    revision: int = 0
    started_at: datetime
    started_by: str
    step: WizardStep = WizardStep.HAPPENED
    incident: Incident | None = None
    database: str | None = None
    repository: str | None = None
    before: datetime | None = None  # only backups from before this moment are trusted
    backup_id: str | None = None
    trust: tuple[str, ...] = ()  # signers who are believed in this recovery, besides those who always are
    tables: tuple[str, ...] = ()
    strategy: Strategy = Strategy.REPLACE
    target: str | None = None
    emergency: str | None = None  # job of the backup that was taken first
    validation: str | None = None  # job that read the chosen backup back
    comparison: str | None = None  # job that compared it with the database
    plan: str | None = None
    rehearsal: str | None = None
    recovery: str | None = None
    rollback: str | None = None
    release: str | None = None
    fresh: str | None = None  # job of the full backup afterwards
    notes: tuple[WizardNote, ...] = ()

    def job_ids(self) -> tuple[str, ...]:
        """The jobs that belong to it."""
        jobs = (
            self.emergency, self.validation, self.comparison, self.plan, self.rehearsal, self.recovery, self.rollback,
            self.release, self.fresh,
        )  # fmt: skip
        return tuple(job for job in jobs if job is not None)
