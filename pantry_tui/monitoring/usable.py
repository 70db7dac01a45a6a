"""Which of a database's backups would bring it back, as far as is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pantry_tui.models import BackupKind, BackupSummary
from pantry_tui.monitoring.facts import CLOCKS_DIFFER, DatabaseFacts


def whole(facts: DatabaseFacts) -> list[BackupSummary]:
    """Its backups of everything, newest first, be they good or bad."""
    return sorted((each for each in facts.backups if each.is_whole), key=lambda each: each.started_at, reverse=True)


def usable(facts: DatabaseFacts, now: datetime) -> list[BackupSummary]:
    """Those of `whole` that nothing speaks against, nor against what they build on; not those of the future."""
    by_id = {each.id: each for each in facts.backups}
    damage = damaged(facts)
    return [each for each in whole(facts) if not _is_lost(each, by_id, damage) and not is_future(each, now)]


def damaged(facts: DatabaseFacts) -> dict[str, str]:
    """By their id the backups that something was found amiss with, and what, in words; newest first.

    A validation that found damage counts until another finds none: hashes alone unpack nothing.
    """
    seen = {each.backup_id: each for each in facts.files}
    found: dict[str, str] = {}
    for backup in sorted(facts.backups, key=lambda each: each.started_at, reverse=True):
        files = seen.get(backup.id)
        if files is not None and files.problems:
            found[backup.id] = files.problems[0]
        elif backup.valid is False:
            found[backup.id] = "it was read back and found damaged"
    return found


def is_future(backup: BackupSummary, now: datetime) -> bool:
    """Whether it says to be of a time that has not come."""
    return max(backup.started_at, backup.finished_at) > now + CLOCKS_DIFFER


def last_read(backup: BackupSummary) -> datetime:
    """When its bytes were last found as they were written; every backup is read back before it is published."""
    looks = [backup.finished_at, backup.intact_at, backup.validated_at if backup.valid else None]
    return max(each for each in looks if each is not None)


def of_kind(backups: Sequence[BackupSummary], kind: BackupKind) -> list[BackupSummary]:
    """Those of one kind, in their order."""
    return [each for each in backups if each.kind is kind]


def _is_lost(backup: BackupSummary, by_id: Mapping[str, BackupSummary], damage: Mapping[str, str]) -> bool:
    if backup.id in damage:
        return True
    if backup.base is None:
        return False
    base = by_id.get(backup.base)
    return base is None or base.id in damage
