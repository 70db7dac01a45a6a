"""When a file system will be full: arithmetic over what was free, and nothing else.

What counts is the most that was taken on a day, and of that the highest level of the last seven: backups that come and go
within a week then make a level line, as they should. Its trend over two weeks is Theil and Sen's (the median of the slopes
between all pairs of days), which a day out of line does not move. A level that was there twice before, and was come down
from, is a cycle that is longer than a week, and no growth either.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import combinations, pairwise
from typing import NamedTuple

import humanize

from pantry_tui.models import DiskForecast

LEAST_DAYS = 3.0  # under which nothing is known
ENOUGH_DAYS = 7.0  # under which it is little
LONGEST_DAYS = 3650.0  # beyond which it is as good as never
_CYCLE_DAYS = 7
_TREND_DAYS = 14
_DESCENTS = 2  # from one level, that make a cycle


class Room(NamedTuple):
    """One look at a file system, or a day of them: its size, and the least that was free."""

    at: datetime
    total_bytes: int
    free_bytes: int


Point = tuple[float, float]  # day, value


def forecast(place: str, looks: Iterable[Room]) -> DiskForecast:
    """When the file system will be full, by what was seen of it, in any order."""
    seen = sorted(look for look in looks if look.total_bytes > 0)
    data = (seen[-1].at - seen[0].at).total_seconds() / 86400 if seen else 0.0
    if data < LEAST_DAYS:
        words = f"not known yet: {_days(data)} of measurements, and {LEAST_DAYS:g} are needed"
        return DiskForecast(place=place, known=False, days_of_data=data, little_data=True, words=words)
    peaks = _daily_peaks(seen)
    levels = _levels(peaks)
    growth = 0.0 if _is_cycle(peaks, levels[-1][1]) else max(0.0, slope_per_day(_recent(levels)) or 0.0)
    room = max(0.0, seen[-1].total_bytes - levels[-1][1])
    days = room / growth if growth > 0 else math.inf
    return DiskForecast(
        place=place,
        known=True,
        days=days if days <= LONGEST_DAYS else None,
        growth_bytes_per_day=growth,
        days_of_data=data,
        little_data=data < ENOUGH_DAYS,
        words=_words(days, growth, data),
    )


def slope_per_day(points: Sequence[Point]) -> float | None:
    """The median of the slopes between all pairs of points (Theil and Sen); None where no two have different days."""
    slopes = [
        (later[1] - former[1]) / (later[0] - former[0])
        for former, later in combinations(points, 2)
        if later[0] != former[0]
    ]
    return statistics.median(slopes) if slopes else None


def day_number(at: datetime) -> int:
    """The day (UTC) as a number; one more for the day after."""
    return at.astimezone(UTC).toordinal()


def _daily_peaks(seen: Iterable[Room]) -> list[Point]:
    """The most that was taken on each day."""
    peaks: dict[int, int] = {}
    for look in seen:
        day, used = day_number(look.at), look.total_bytes - look.free_bytes
        peaks[day] = max(peaks.get(day, used), used)
    return sorted((float(day), float(used)) for day, used in peaks.items())


def _levels(peaks: Sequence[Point]) -> list[Point]:
    """For each day the highest peak of the seven that end with it."""
    return [
        (day, max(used for other, used in peaks[: place + 1] if other > day - _CYCLE_DAYS))
        for place, (day, _) in enumerate(peaks)
    ]


def _recent(levels: Sequence[Point]) -> list[Point]:
    return [level for level in levels if level[0] > levels[-1][0] - _TREND_DAYS]


def _is_cycle(peaks: Sequence[Point], level: float) -> bool:
    descents = sum(former[1] >= level > later[1] for former, later in pairwise(peaks))
    return descents >= _DESCENTS


def _words(days: float, growth: float, data: float) -> str:
    basis = f"by {_days(data)} of measurements" + (", which is little" if data < ENOUGH_DAYS else "")
    if days > LONGEST_DAYS:
        return f"not growing, {basis}"
    a_day = humanize.naturalsize(round(growth), binary=True)
    return f"full in {_days(days)} at {a_day} a day, {basis}"


def _days(days: float) -> str:
    if days < 1:
        return "less than a day"
    return "1 day" if round(days) == 1 else f"{days:,.0f} days"
