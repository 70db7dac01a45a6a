"""The longest time without a run that schedules leave, taken together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice, pairwise, takewhile

from pantry_tui.errors import UsageError
from pantry_tui.models import Schedule
from pantry_tui.schedule.accounts import rhythm
from pantry_tui.schedule.occurrences import occurrences

_NEAR, _FAR = timedelta(days=8), timedelta(days=800)  # whatever runs once a week, or once a year, shows
_MOST = 1000  # runs of each: an hourly one has as many in six weeks


def longest_gap(schedules: Iterable[Schedule], now: datetime) -> float | None:
    """The longest gap in seconds between two runs of any of them, from ``now`` on; None where they never run twice.

    It looks a week ahead, and further where that shows no gap. One whose time zone is not known here never runs.
    """
    chosen = list(schedules)
    near = _moments(chosen, now, _NEAR)
    return _longest(near if len(near) > 2 else _moments(chosen, now, _FAR))


def _moments(schedules: Iterable[Schedule], now: datetime, span: timedelta) -> list[datetime]:
    coming = [_coming(each, now, span) for each in schedules]
    horizon = min((each[-1] for each in coming if len(each) == _MOST), default=now + span)  # as far as all are known
    return sorted({moment for each in coming for moment in each if moment <= horizon})


def _longest(moments: Sequence[datetime]) -> float | None:
    pairs = pairwise(moments)
    return max(((later - earlier).total_seconds() for earlier, later in pairs), default=None)


def _coming(schedule: Schedule, now: datetime, span: timedelta) -> list[datetime]:
    try:
        cron, zone = rhythm(schedule)
    except UsageError:
        return []
    coming = takewhile(lambda moment: moment <= now + span, occurrences(cron, zone, now))
    return list(islice(coming, _MOST))
