"""Are the stored bytes those that were written?"""

from __future__ import annotations

from datetime import datetime

from pantry_tui.models import AlertType, Check, CheckKind, CheckStatus
from pantry_tui.monitoring.checks import CRITICAL, OK, WARNING, check, remedy
from pantry_tui.monitoring.facts import DatabaseFacts, FilesSeen, HostFacts
from pantry_tui.monitoring.usable import damaged, last_read, usable, whole
from pantry_tui.monitoring.words import counted, listed, span

_LEFT_ALONE = 1.5  # times the limit: re-validation that is behind by so much is remarked


def judge_integrity(
    facts: DatabaseFacts, now: datetime, *, revalidation_seconds: float | None, can_revalidate: bool = True
) -> Check | None:
    """The newest backup is damaged: critical. Any other: a warning. None while there is no backup.

    ``revalidation_seconds``: within which all are read back, None where that is switched off; ``can_revalidate``: a runner
    stays, to do it. A backup whose encrypted bytes were found unchanged counts as read, opened or not.
    """
    if not facts.backups:
        return None
    damage = damaged(facts)
    if damage:
        return _damaged(facts, now, damage)
    oldest = min(last_read(each) for each in facts.backups)
    unread = (now - oldest).total_seconds()
    said = f"{counted(len(facts.backups), 'backup')}, no damage known; {_newest_words(facts, now)}"
    changed = [each.backup_id for each in facts.files if each.too_large]
    if changed:
        return _check(facts, WARNING, f"files of {changed[0]} were changed since they were written; not read again yet")
    if len(facts.backups) > 1:
        said += f"; all were read back in the last {span(max(unread, 60.0))}"
    is_behind = can_revalidate and revalidation_seconds is not None and unread > revalidation_seconds * _LEFT_ALONE
    return _check(facts, WARNING if is_behind else OK, said, value=unread, threshold=revalidation_seconds)


def judge_unreadable(host: HostFacts) -> list[Check]:
    """Backups of which not even the manifest can be read: nobody knows of which database they are."""
    if not host.unreadable:
        return []
    ids = sorted(host.unreadable, reverse=True)
    number = f"{counted(len(ids), 'backup')} cannot be read: {listed(ids)}"
    return [
        check(
            CheckKind.INTEGRITY,
            WARNING,
            f"{number} ({host.unreadable[ids[0]]})",
            subject="manifests",
            value=float(len(ids)),
            unit="count",
            remedy=remedy("see what is wrong; put the files back, or delete the backup", "catalog", "check"),
            alert=AlertType.BACKUP_CORRUPTED,
        )
    ]


def _damaged(facts: DatabaseFacts, now: datetime, damage: dict[str, str]) -> Check:
    first, why = next(iter(damage.items()))
    newest = whole(facts)
    is_newest = bool(newest) and (newest[0].id in damage or newest[0].base in damage)
    good = usable(facts, now)
    left = (
        f"the newest good one is {span((now - good[0].started_at).total_seconds())} old"
        if good
        else "no good one is left"
    )
    more = f", and {counted(len(damage) - 1, 'other')}" if len(damage) > 1 else ""
    what = "the newest backup" if is_newest else "a backup"
    return _check(
        facts,
        CRITICAL if is_newest or not good else WARNING,
        f"{what} is damaged: {first}{more} ({why}); {left}",
        value=float(len(damage)),
        unit="count",
        backup=first,
    )


def _newest_words(facts: DatabaseFacts, now: datetime) -> str:
    newest = whole(facts)
    if not newest:
        return "none of them holds all of it"
    seen: FilesSeen | None = next((each for each in facts.files if each.backup_id == newest[0].id), None)
    if seen is None or seen.hashed_at is None:
        return f"the newest was read back {span((now - last_read(newest[0])).total_seconds())} ago"
    return f"the newest was hashed {span((now - seen.hashed_at).total_seconds())} ago"


def _check(
    facts: DatabaseFacts,
    status: CheckStatus,
    summary: str,
    *,
    value: float | None = None,
    threshold: float | None = None,
    unit: str = "seconds",
    backup: str = "latest",
) -> Check:
    again = remedy(
        "see what is wrong with it, and take another backup now", "backup", "validate", backup, key="backup.validate"
    )
    return check(
        CheckKind.INTEGRITY,
        status,
        summary,
        subject=facts.name,
        database=facts.name,
        value=value,
        threshold=threshold,
        unit=unit,
        remedy=again,
        alert=AlertType.BACKUP_CORRUPTED,
    )
