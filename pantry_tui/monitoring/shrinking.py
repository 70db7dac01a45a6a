"""Did the newest backup shrink? Somebody may have emptied a table, or encrypted the disk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from pantry_tui.config.monitoring import Thresholds
from pantry_tui.models import AlertType, BackupKind, BackupSummary, Check, CheckKind, Remedy
from pantry_tui.monitoring.checks import CRITICAL, OK, WARNING, check, remedy
from pantry_tui.monitoring.facts import DatabaseFacts
from pantry_tui.monitoring.usable import of_kind, usable
from pantry_tui.monitoring.words import percent

COMPARED = 5  # backups before it: after three of the new size, that is how it is
LEAST_ROWS = 100  # fewer say nothing
LEAST_BYTES = 1_000_000
_HALF = 0.5


def judge_shrinking(facts: DatabaseFacts, thresholds: Thresholds, now: datetime) -> Check | None:
    """Rows of the newest backup, and text of the newest full one, against the median of those before.

    Fewer by the threshold is a warning, by half or more critical. None while there is nothing to compare.
    """
    good = usable(facts, now)
    full = of_kind(good, BackupKind.FULL)
    alike = [each for each in full if each.format is full[0].format] if full else []
    found = [
        _shrunk([each.rows for each in good], "rows", LEAST_ROWS),
        _shrunk([each.raw_bytes for each in alike], "bytes", LEAST_BYTES),
    ]
    known = [each for each in found if each is not None]
    if not known:
        return None
    share, what, now_is, was = max(known)
    status = (
        CRITICAL if share >= max(_HALF, thresholds.max_shrink) else WARNING if share >= thresholds.max_shrink else OK
    )
    said = f"the newest backup has {percent(share)} fewer {what} than those before ({now_is:,.0f}, before {was:,.0f})"
    return check(
        CheckKind.SHRUNK,
        status,
        said if status is not OK else f"the newest backup is as large as those before ({now_is:,.0f} {what})",
        subject=facts.name,
        database=facts.name,
        value=share,
        threshold=thresholds.max_shrink,
        unit="ratio",
        remedy=_remedy(good),
        alert=AlertType.BACKUP_SHRUNK,
    )


def _shrunk(sizes: Sequence[float], what: str, least: int) -> tuple[float, str, float, float] | None:
    """By what share the first is less than the median of those that follow; with the two figures."""
    before = sizes[1 : COMPARED + 1]
    if not before or (usual := median(before)) < least:
        return None
    return max(0.0, 1 - sizes[0] / usual), what, float(sizes[0]), float(usual)


def _remedy(good: Sequence[BackupSummary]) -> Remedy:
    return remedy(
        "see which tables shrank; if nobody meant it, pin the backup before", *_comparison(good), key="backup.diff"
    )


def _comparison(good: Sequence[BackupSummary]) -> tuple[str, ...]:
    return ("backup", "diff", good[1].id, good[0].id) if len(good) > 1 else ()
