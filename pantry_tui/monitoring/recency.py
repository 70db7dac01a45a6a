"""Is the newest backup recent enough, and can the schedules keep it so?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime

from pantry_tui.config.monitoring import Thresholds
from pantry_tui.models import AlertType, BackupSummary, Check, CheckKind, CheckStatus
from pantry_tui.monitoring.checks import CRITICAL, OK, WARNING, check, remedy
from pantry_tui.monitoring.facts import DatabaseFacts
from pantry_tui.monitoring.usable import usable, whole
from pantry_tui.monitoring.words import counted, span

_RECENT = 10  # backups whose longest is waited for
_OBSERVED = 7  # gaps between backups that nothing schedules


def judge_recency(facts: DatabaseFacts, thresholds: Thresholds, now: datetime) -> Check:
    """The newest backup that would serve, against the recovery point objective and the age threshold.

    To both the longest duration of late and a grace are added, so that a daily backup is not too old while the next
    one runs. Over the objective is a warning; over the threshold too it is critical, and where there is none.
    """
    good = usable(facts, now)
    if not good:
        return _recency(facts, CRITICAL, _nothing(facts))
    age = max((now - good[0].started_at).total_seconds(), 0.0)
    allowance = _allowance(facts, thresholds)
    objective, limit = facts.objectives.rpo_seconds, max(thresholds.age_seconds, facts.objectives.rpo_seconds)
    is_old, is_too_old = age > min(objective, limit) + allowance, age > limit + allowance
    status = CRITICAL if is_too_old else WARNING if is_old else OK
    crossed = (limit if is_too_old else objective) + allowance
    said = f"the newest backup is {span(age)} old"
    if status is not OK:
        said += f"; after {span(objective)} more is lost than the objective allows"
    return _recency(facts, status, said, age=age, threshold=crossed)


def judge_tier(facts: DatabaseFacts, thresholds: Thresholds, now: datetime) -> Check | None:
    """Whether the schedules can keep the objective at all; None before there is anything to judge by.

    Where nothing is scheduled here, something else may start backups: then the gaps between the last ones count.
    """
    objective = facts.objectives.rpo_seconds
    gap = facts.scheduled_gap_seconds
    if gap is not None:
        said = f"its schedules leave up to {span(gap)} between two backups"
        return _tier(facts, gap <= objective, said, gap=gap, threshold=objective)
    backups = whole(facts)
    if not backups:
        return _tier(facts, False, "nothing backs it up by schedule")
    gap = _longest_gap(backups[: _OBSERVED + 1])
    if gap is None:
        return _tier(facts, False, "nothing backs it up by schedule, and there is one backup only")
    said = f"nothing backs it up by schedule here; its last backups were up to {span(gap)} apart"
    allowed = objective + _allowance(facts, thresholds)
    return _tier(facts, gap <= allowed, said, gap=gap, threshold=allowed)


def _allowance(facts: DatabaseFacts, thresholds: Thresholds) -> float:
    return max((each.duration_seconds for each in whole(facts)[:_RECENT]), default=0.0) + thresholds.grace_seconds


def _nothing(facts: DatabaseFacts) -> str:
    there = len(whole(facts))
    if there:
        return f"no backup would bring it back: {counted(there, 'backup')} of it, all damaged or without their base"
    return "there is no backup of it" + (" that holds all of it" if facts.backups else "")


def _recency(
    facts: DatabaseFacts, status: CheckStatus, summary: str, *, age: float | None = None, threshold: float | None = None
) -> Check:
    return check(
        CheckKind.RECENT_BACKUP,
        status,
        summary,
        subject=facts.name,
        database=facts.name,
        value=age,
        threshold=facts.objectives.rpo_seconds if threshold is None else threshold,
        unit="seconds",
        remedy=remedy("take one now", "backup", "create", "-n", "now", "-d", facts.name, key="backup.create"),
        alert=AlertType.BACKUP_TOO_OLD,
    )


def _tier(
    facts: DatabaseFacts, is_met: bool, summary: str, *, gap: float | None = None, threshold: float | None = None
) -> Check:
    objective = span(facts.objectives.rpo_seconds)
    verdict = "is met" if is_met else "cannot be met"
    return check(
        CheckKind.TIER,
        OK if is_met else WARNING,
        f"{summary}: the recovery point objective of {objective} ({facts.objectives.tier}) {verdict}",
        subject=facts.name,
        database=facts.name,
        value=gap,
        threshold=threshold,
        unit="seconds",
        remedy=remedy(
            "schedule backups more often, or give the database another tier in the configuration",
            *("schedule", "create", "often", "15 * * * *", "--kind", "incremental", "-d", facts.name),
        ),
        alert=AlertType.OBJECTIVE_UNREACHABLE,
    )


def _longest_gap(backups: Sequence[BackupSummary]) -> float | None:
    """Between two that follow each other; None for fewer than two."""
    pairs = itertools.pairwise(backups)
    return max(((later.started_at - earlier.started_at).total_seconds() for later, earlier in pairs), default=None)
