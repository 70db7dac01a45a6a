"""Deleting, by policy, the backups that no rule keeps: each by the protected way by which people delete them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from pantry_tui.errors import PantryError
from pantry_tui.models import RepositoryTarget, RetentionReport, RetentionVerdict, ScopedPolicy, utc_now
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.retention import decide, deletion_order
from pantry_tui.repository.standing import facts_of
from pantry_tui.runner.audit import AuditTrail
from pantry_tui.runner.clock import ClockWitness
from pantry_tui.runner.library import Library


class Outlook(NamedTuple):
    """What becomes of a repository's backups, and in which order those go that do."""

    report: RetentionReport
    order: list[str]


def look(target: RepositoryTarget, data_directory: Path, policies: Iterable[ScopedPolicy]) -> Outlook:
    """What the policies come to now; nothing is changed. Raises `StorageError`, `ConfigError`, `RefusedError`."""
    facts, unread = facts_of(open_repository(target, data_directory))
    verdicts = decide(facts, tuple(policies), utc_now())
    return Outlook(RetentionReport(verdicts=tuple(verdicts), unread=tuple(unread)), deletion_order(verdicts, facts))


class Retention:
    """The runner's hand that deletes by policy. ``require_unused`` raises for a backup that a job reads."""

    def __init__(
        self,
        directory: Path,
        library: Library,
        audit: AuditTrail,
        require_unused: Callable[[RepositoryTarget, str], None],
    ) -> None:
        self._directory = directory
        self._library = library
        self._audit = audit
        self._require_unused = require_unused
        self.clock = ClockWitness(directory)

    async def preview(self, target: RepositoryTarget, policies: Iterable[ScopedPolicy]) -> RetentionReport:
        """What `apply` would do. Raises as `look` does."""
        return (await asyncio.to_thread(look, target, self._directory, tuple(policies))).report

    async def apply_by_itself(
        self, target: RepositoryTarget, policies: Iterable[ScopedPolicy], *, who: str
    ) -> RetentionReport:
        """As `apply`, where nobody looks: while the clock may be ahead, backups are kept for so much longer."""
        doubt, asked = self.clock.look(), tuple(policies)
        patient = tuple(msgspec.structs.replace(each, policy=doubt.patient(each.policy)) for each in asked)
        report = await self._apply(target, patient, who)
        return msgspec.structs.replace(report, doubt_seconds=doubt.seconds) if patient != asked else report

    async def apply(self, target: RepositoryTarget, policies: Iterable[ScopedPolicy], *, who: str) -> RetentionReport:
        """Deletes what no rule keeps; what cannot be deleted stays, with the reason. Raises as `look` does.

        Who asks for it has seen what goes, so that the clock is believed from then on, whatever it did.
        """
        report = await self._apply(target, tuple(policies), who)
        self.clock.believe()
        return report

    async def _apply(self, target: RepositoryTarget, policies: tuple[ScopedPolicy, ...], who: str) -> RetentionReport:
        report, order = await asyncio.to_thread(look, target, self._directory, policies)
        details = {"repository": target.location, "policies": [scoped.to_builtins() for scoped in policies]}
        self._audit.note(who, "retention.apply", target.name, "accepted", details)
        problems = {backup_id: await self._delete(target, backup_id, who) for backup_id in order}
        made = tuple(_outcome(verdict, problems) for verdict in report.verdicts)
        failed = sorted(backup_id for backup_id, problem in problems.items() if problem is not None)
        done = {"deleted": sorted(problems.keys() - set(failed)), "failed": failed}
        self._audit.note(who, "retention.apply", target.name, "done", done)
        return msgspec.structs.replace(report, verdicts=made, applied=True)

    async def _delete(self, target: RepositoryTarget, backup_id: str, who: str) -> str | None:
        """Deletes one backup; in words, what kept it from being deleted."""
        details = {"repository": target.location, "by": "retention"}
        try:
            self._require_unused(target, backup_id)
            await self._library.delete(target, backup_id, by=f"retention ({who})", force=False)
        except PantryError as error:
            self._audit.note(who, "backup.delete", backup_id, error.code, {**details, "failure": error.message})
            return error.message
        self._audit.note(who, "backup.delete", backup_id, "done", details)
        return None


def _outcome(verdict: RetentionVerdict, problems: dict[str, str | None]) -> RetentionVerdict:
    if verdict.kept:
        return verdict
    problem = problems[verdict.backup_id]
    return msgspec.structs.replace(verdict, deleted=problem is None, problem=problem)
