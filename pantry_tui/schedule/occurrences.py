"""When a cron expression runs in a time zone, whatever its clocks do.

A time of day that the clocks skip runs once, right after the gap; one that they show twice runs the first time. So a daily run
happens every day, and never twice. Where every hour counts, UTC is the zone that has no such hours.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pantry_tui.errors import UsageError
from pantry_tui.schedule.cron import Cron

_SECOND = timedelta(seconds=1)


def time_zone(name: str) -> ZoneInfo:
    """The zone of that name, as `Europe/Vienna` or `UTC`. Raises `UsageError`."""
    with contextlib.suppress(ZoneInfoNotFoundError, ValueError, OSError):
        if name:
            return ZoneInfo(name)
    if name == "UTC":
        raise UsageError("this machine has no database of time zones", remedy="install the package tzdata")
    raise UsageError(
        f"there is no time zone {name[:80]!r}",
        remedy="use a name of the IANA database, such as Europe/Vienna, America/New_York or UTC",
    )


def occurrences(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The moments, in UTC and in order, at which it runs behind ``after`` (aware); endless but for the end of all dates."""
    last = after.astimezone(UTC)
    # Every wall-clock time up to this one stands for a moment up to `after`, in a repeated hour too.
    wall = after.astimezone(zone).replace(tzinfo=None, microsecond=0)
    for found in cron.walls(wall):
        moment = moment_of(found, zone)
        if moment > last:
            yield moment
            last = moment


def next_runs(cron: Cron, zone: ZoneInfo, after: datetime, count: int) -> list[datetime]:
    """The next so many moments behind ``after``, in UTC."""
    return list(islice(occurrences(cron, zone, after), count))


def latest_runs(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime, most: int) -> list[datetime]:
    """The last moments behind ``after``, up to and with ``until``: at most so many, in order.

    However long that is: it looks back from ``until``, and not much further than the first that it returns.
    """
    span = timedelta(minutes=1)
    while True:
        beginning = max(after, until - span)
        found = list(_up_to(cron, zone, beginning, until))
        if beginning == after or len(found) >= most:
            return found[-most:]
        span *= 2


def _up_to(cron: Cron, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    for moment in occurrences(cron, zone, after):
        if moment > until:
            return
        yield moment


def moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of ``zone`` show ``wall`` (naive), in UTC.

    The first time, where they show it twice; the moment they are put forward, where they skip it.
    """
    before, behind = (wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    moment = (wall - before).replace(tzinfo=UTC)
    return moment if before >= behind else _end_of_gap((wall - behind).replace(tzinfo=UTC), moment, zone)


def _end_of_gap(before: datetime, behind: datetime, zone: ZoneInfo) -> datetime:
    """The second in which the zone's clocks are put forward, which lies behind ``before`` and not behind ``behind``."""
    offset = behind.astimezone(zone).utcoffset()
    low, high = 0, round((behind - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (before + middle * _SECOND).astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return before + high * _SECOND
