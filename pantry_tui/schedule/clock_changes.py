"""What a schedule's expression comes to on the days on which clocks are changed, said before it happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pantry_tui.schedule.cron import Cron
from pantry_tui.schedule.occurrences import moment_of

LOOKED_AHEAD = timedelta(days=366)

_DAY = timedelta(days=1)


def clock_change_notes(cron: Cron, zone: ZoneInfo, after: datetime) -> tuple[str, ...]:
    """A sentence for each coming change of the clocks, within a year, that a time of the expression falls into."""
    notes = (_note(cron, zone, day) for day in _days_of_change(zone, after.astimezone(zone)))
    return tuple(note for note in notes if note is not None)


def _days_of_change(zone: ZoneInfo, start: datetime) -> Iterator[datetime]:
    """The midnights, naive, of the days in which the zone's offset changes."""
    day = start.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    end = day + LOOKED_AHEAD
    while day < end:
        if _offset(day, zone) != _offset(day + _DAY, zone):
            yield day
        day += _DAY


def _offset(wall: datetime, zone: ZoneInfo) -> timedelta:
    return wall.replace(tzinfo=zone).utcoffset() or timedelta()


def _note(cron: Cron, zone: ZoneInfo, day: datetime) -> str | None:
    skipped, repeated = [], []
    for wall in cron.walls(day - timedelta(seconds=1)):
        if wall >= day + _DAY:
            break
        first, second = (wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
        if first < second:
            skipped.append(wall)
        elif first > second:
            repeated.append(wall)
    if skipped:
        shown = moment_of(skipped[0], zone).replace(tzinfo=UTC).astimezone(zone)
        return f"{day:%Y-%m-%d}: clocks skip {_times(skipped)}; it runs at {shown:%H:%M}"
    if repeated:
        return f"{day:%Y-%m-%d}: {_times(repeated)} comes twice; it runs once"
    return None


def _times(walls: list[datetime]) -> str:
    return f"{walls[0]:%H:%M}" if len(walls) == 1 else f"{walls[0]:%H:%M} to {walls[-1]:%H:%M}"
