"""Is there room for the backups to come?"""

from __future__ import annotations

import os
from pathlib import Path

from pantry_tui.config.monitoring import Thresholds
from pantry_tui.models import AlertType, Check, CheckKind, CheckStatus
from pantry_tui.monitoring.checks import CRITICAL, OK, UNKNOWN, WARNING, check, remedy
from pantry_tui.monitoring.facts import HostFacts, RepositorySeen
from pantry_tui.monitoring.words import size

DATA_DIRECTORY = "data directory"
DATA_BYTES = 1_000_000_000  # what catalog, logs and drills of small databases want
_TWICE, _TENTH = 2.0, 0.1


def look_at_directory(name: str, location: str) -> RepositorySeen:
    """The file system that a directory is on, or will be. What keeps it from being looked at is told, not raised."""
    path = Path(location)
    try:
        existing = next(each for each in (path, *path.parents) if each.exists())
        figures, status = os.statvfs(existing), existing.stat()
    except OSError as error:
        return RepositorySeen(name=name, location=location, problem=f"{location}: {error.strerror or error}")
    problem = None
    if existing == path and not os.access(path, os.W_OK | os.X_OK):
        problem = f"{location} cannot be written"
    return RepositorySeen(
        name=name,
        location=location,
        free_bytes=figures.f_bavail * figures.f_frsize,
        total_bytes=figures.f_blocks * figures.f_frsize,
        device=status.st_dev,
        problem=problem,
    )


def judge_room(host: HostFacts, thresholds: Thresholds) -> list[Check]:
    """Each repository's file system, and that of the data directory where it is another one.

    Under the threshold is critical, under twice that, or full in a few days, a warning.
    """
    checks = [_judge(each, thresholds.free_bytes, thresholds, host) for each in host.repositories if each.has_disk]
    devices = {each.device for each in host.repositories}
    data = host.data_directory
    if data is not None and data.device not in devices:
        checks.append(_judge(data, min(DATA_BYTES, thresholds.free_bytes), thresholds, host))
    return checks


def _judge(seen: RepositorySeen, threshold: float, thresholds: Thresholds, host: HostFacts) -> Check:
    if seen.free_bytes is None:
        why = seen.problem or f"{seen.location} did not answer in time"
        return _check(seen, UNKNOWN, why, threshold=threshold)
    free, days = seen.free_bytes, host.days_left.get(seen.location)
    said = f"{size(free)} free in {seen.location}" + (f" of {size(seen.total_bytes)}" if seen.total_bytes else "")
    if days is not None and days < thresholds.min_disk_days:
        said += f", full in {days:.1f} days as it goes"
    is_short = free < threshold * _TWICE or (days is not None and days < thresholds.min_disk_days)
    status = CRITICAL if free < threshold else WARNING if is_short else OK
    return _check(seen, status, said, value=float(free), threshold=threshold)


def is_nearly_full(check: Check) -> bool:
    """Whether less than a tenth of what there must be is left."""
    return check.value is not None and check.threshold is not None and check.value < check.threshold * _TENTH


def _check(
    seen: RepositorySeen, status: CheckStatus, summary: str, *, threshold: float, value: float | None = None
) -> Check:
    return check(
        CheckKind.DISK_SPACE,
        status,
        summary,
        subject=seen.name,
        value=value,
        threshold=threshold,
        unit="bytes",
        remedy=remedy(
            "see what retention would delete, free space, or use another file system", "retention", "preview"
        ),
        alert=AlertType.DISK_SPACE_LOW,
    )
