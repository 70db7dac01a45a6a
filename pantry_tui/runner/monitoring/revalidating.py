"""Reading backups back that nobody has read for long: one at a time, behind everything else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pantry_tui.config import Config
from pantry_tui.errors import PantryError
from pantry_tui.models import BackupSummary, Job, RepositoryTarget, Unlocking, ValidateRequest
from pantry_tui.monitoring.facts import FilesSeen
from pantry_tui.monitoring.usable import last_read
from pantry_tui.runner.executor import Executor
from pantry_tui.runner.library import Library
from pantry_tui.runner.monitoring.desk import HealthDesk
from pantry_tui.runner.terms import Terms

WHO = "health"
EARLY = 6 / 7  # of the time in which all are to be read: the last day is for those that come late
_KIND = "validate"


class Due(NamedTuple):
    """A backup that is to be read back, and where it is."""

    repository: RepositoryTarget
    backup: BackupSummary


class Revalidator:
    """Has the executor do it, as a job that lets all others go first; its outcome is recorded beside the backup."""

    def __init__(self, executor: Executor, library: Library, desk: HealthDesk) -> None:
        self._executor = executor
        self._library = library
        self._desk = desk
        self._tried: dict[str, datetime] = {}  # what could not be read is not tried at every turn

    async def consider(self, config: Config) -> Job | None:
        """Queues the next one, if one is due and none is at work. Raises `ConfigError`, `StorageError`, `RunnerError`."""
        if not config.monitoring.revalidate or self._is_at_work() or self._desk.last is None:
            return None
        found = await self._listed(config)
        now = self._desk.last.at
        due = next_due(found, self._desk.files, now, config.monitoring.revalidation_seconds, tried=self._tried)
        if due is None:
            return None
        self._tried[due.backup.id] = now
        request = ValidateRequest(
            repository=due.repository,
            backup_id=due.backup.id,
            unlocking=await asyncio.to_thread(_unlocking, config, due.backup),
            started_by=WHO,
        )
        return await self._executor.submit(request, WHO, Terms(due_at=now))

    def _is_at_work(self) -> bool:
        return any(
            live.job.kind == _KIND and live.job.started_by == WHO for live in self._executor.board.alive.values()
        )

    async def _listed(self, config: Config) -> list[Due]:
        found = []
        for name in config.repositories:
            place = config.repository_target(name)
            with contextlib.suppress(PantryError):  # of which the look at its directory tells
                found += [Due(place, backup) for backup in await self._library.backups(place, None, None)]
        return found


def next_due(
    listed: Sequence[Due],
    files: Sequence[FilesSeen],
    now: datetime,
    seconds: float,
    *,
    tried: dict[str, datetime],
) -> Due | None:
    """The backup to be read back next: one whose files seem wrong, else the one that was not read for the longest time.

    None that was read in the last ``seconds``, but for a day's margin; none that was tried in the last hours. What is known
    to be damaged is not read again.
    """
    margin = timedelta(seconds=seconds * EARLY)
    suspect = {each.backup_id for each in files if each.problems or each.too_large}
    patience = timedelta(hours=12)

    def is_due(each: Due) -> bool:
        backup = each.backup
        if backup.valid is False or (backup.id in tried and now - tried[backup.id] < patience):
            return False
        return backup.id in suspect or now - last_read(backup) >= margin

    return min(
        filter(is_due, listed),
        key=lambda each: (each.backup.id not in suspect, last_read(each.backup), each.backup.id),
        default=None,
    )


def _unlocking(config: Config, backup: BackupSummary) -> Unlocking:
    """What opens it, where this host may; else its stored bytes are hashed."""
    if backup.encrypted:
        from pantry_tui.artifact.keyring import unlocking

        with contextlib.suppress(PantryError):  # a passphrase that nobody is there to type
            return unlocking(config.encryption, config.environment)
    return Unlocking()
