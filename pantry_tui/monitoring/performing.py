"""Do backups take as long as they used to, save what they should, and succeed?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from pantry_tui.config.monitoring import Thresholds
from pantry_tui.models import AlertType, BackupKind, BackupSummary, Check, CheckKind, CheckStatus, Compression, JobState
from pantry_tui.monitoring.checks import CRITICAL, OK, WARNING, check, remedy
from pantry_tui.monitoring.facts import DatabaseFacts
from pantry_tui.monitoring.usable import of_kind, whole
from pantry_tui.monitoring.words import counted, percent, size, span

LEAST_HISTORY = 5  # backups before it, and runs whose failures are counted
LEAST_SECONDS = 60.0  # slower by less is no news
LEAST_BYTES = 10_000_000  # smaller ones are judged neither by what they save nor by their speed
WINDOW = timedelta(days=30)
_TWICE, _HALF = 2.0, 0.5


def judge_performance(facts: DatabaseFacts, thresholds: Thresholds, now: datetime) -> list[Check]:
    """Four figures, each judged where there is enough to judge by; none of them is ever worse than a warning but failures."""
    full = of_kind(whole(facts), BackupKind.FULL)
    found = [
        _duration(facts, full, thresholds),
        _throughput(facts, full),
        _compression(facts, full, thresholds),
        _failures(facts, thresholds, now),
    ]
    return [each for each in found if each is not None]


def _duration(facts: DatabaseFacts, full: Sequence[BackupSummary], thresholds: Thresholds) -> Check | None:
    """The newest full backup against the threshold, and against twice the median of those before it."""
    if not full:
        return None
    took, limit = full[0].duration_seconds, thresholds.backup_seconds
    history = [each.duration_seconds for each in full[1:]]
    usual = median(history) if len(history) >= LEAST_HISTORY else None
    said = f"the newest full backup took {span(took)}"
    if usual is not None:
        said += f", before {span(usual)}"
        limit = min(limit, max(usual * _TWICE, usual + LEAST_SECONDS))
    return _check(facts, "duration", _worse(took > limit), said, value=took, threshold=limit, unit="seconds")


def _throughput(facts: DatabaseFacts, full: Sequence[BackupSummary]) -> Check | None:
    """Text per second of the newest full backup, against half the median of those before it."""
    speeds = [each.raw_bytes / each.duration_seconds for each in full if _tells_speed(each)]
    if len(speeds) <= LEAST_HISTORY or not _tells_speed(full[0]):
        return None
    usual = median(speeds[1:])
    said = f"the newest full backup read {size(speeds[0])}/s, before {size(usual)}/s"
    is_slow = speeds[0] < usual * _HALF and full[0].duration_seconds > LEAST_SECONDS
    status = _worse(is_slow)
    return _check(facts, "throughput", status, said, value=speeds[0], threshold=usual * _HALF, unit="bytes per second")


def _compression(facts: DatabaseFacts, full: Sequence[BackupSummary], thresholds: Thresholds) -> Check | None:
    """What compression saves of the newest full backup: 1 − stored / raw."""
    if not full or full[0].compression is Compression.NONE or full[0].raw_bytes < LEAST_BYTES:
        return None
    saved = 1 - full[0].bytes / full[0].raw_bytes
    said = f"compression saves {percent(saved)} of the newest full backup"
    status = _worse(saved < thresholds.min_compression_ratio)
    threshold = thresholds.min_compression_ratio
    return _check(facts, "compression", status, said, value=saved, threshold=threshold, unit="ratio")


def _failures(facts: DatabaseFacts, thresholds: Thresholds, now: datetime) -> Check | None:
    """The share of backups that failed in the last thirty days; half of them is critical."""
    counting = (JobState.SUCCEEDED, JobState.FAILED, JobState.TIMED_OUT)
    runs = [each for each in facts.jobs if each.state in counting and now - each.queued_at <= WINDOW]
    if len(runs) < LEAST_HISTORY:
        return None
    failed = sum(each.state is not JobState.SUCCEEDED for each in runs)
    share = failed / len(runs)
    status = (
        CRITICAL if share >= max(_HALF, thresholds.max_failure_rate) else _worse(share > thresholds.max_failure_rate)
    )
    said = f"{failed:,} of {counted(len(runs), 'backup')} failed in the last {WINDOW.days} days"
    return _check(facts, "failures", status, said, value=share, threshold=thresholds.max_failure_rate, unit="ratio")


def _tells_speed(backup: BackupSummary) -> bool:
    return backup.raw_bytes >= LEAST_BYTES and backup.duration_seconds > 0


def _worse(is_worse: bool) -> CheckStatus:
    return WARNING if is_worse else OK


_REMEDIES = {
    "duration": ("see what it waited for, and what else the machine does then; --jobs helps", ("job", "list")),
    "throughput": ("see what the server and the disk do meanwhile", ("job", "list")),
    "compression": ("try --compression zstd; rows that are compressed already cannot be packed further", ()),
    "failures": ("see why they failed", ("job", "list")),
}


def _check(
    facts: DatabaseFacts,
    part: str,
    status: CheckStatus,
    summary: str,
    *,
    value: float,
    threshold: float,
    unit: str,
) -> Check:
    text, command = _REMEDIES[part]
    return check(
        CheckKind.PERFORMANCE,
        status,
        summary,
        subject=facts.name,
        database=facts.name,
        part=part,
        value=value,
        threshold=threshold,
        unit=unit,
        remedy=remedy(text, *command),
        alert=AlertType.PERFORMANCE_DEGRADED,
    )
