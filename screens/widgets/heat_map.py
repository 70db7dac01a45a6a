"""What became of the runs of each schedule, day by day, as one character a day; told by sign as well as by colour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from textual.content import Content

from pantry_tui.models import DayCompliance
from screens.widgets.glyphs import Glyphs
from screens.widgets.text import shortened

_NAME = 14


def day_sign(day: DayCompliance | None, glyphs: Glyphs) -> tuple[str, str]:
    """The sign of a day and the theme colour's name; the worst that happened counts."""
    if day is None or not (day.expected or day.done):
        return glyphs.day_empty, "line"
    if day.missed:
        return glyphs.day_missed, "error"
    if day.failed:
        return glyphs.day_failed, "error"
    if day.late:
        return glyphs.day_late, "warning"
    return glyphs.day_done, "success"


def heat_map(days: Sequence[DayCompliance], today: date, width: int, most: int, glyphs: Glyphs) -> Content:
    """A line for each schedule, the days up to ``today`` from left to right, as many as fit into ``width``."""
    by_schedule: dict[str, dict[str, DayCompliance]] = {}
    names: dict[str, str] = {}
    for day in days:
        by_schedule.setdefault(day.schedule_id, {})[day.day] = day
        names[day.schedule_id] = day.schedule
    shown = max(0, width - _NAME - 2)
    dates = [(today - timedelta(days=back)).isoformat() for back in range(shown - 1, -1, -1)]
    dates = dates[-_span(days, today) :]
    lines = []
    for schedule_id in sorted(by_schedule, key=lambda each: names[each])[:most]:
        signs = [day_sign(by_schedule[schedule_id].get(each), glyphs) for each in dates]
        name = shortened(names[schedule_id], _NAME, glyphs.ellipsis)
        lines.append(
            Content.assemble((f"{name:{_NAME}}  ", "$muted"), *((sign, f"${colour}") for sign, colour in signs))
        )
    if len(by_schedule) > most:
        lines.append(Content.styled(f"and {len(by_schedule) - most} more", "$muted"))
    return Content("\n").join(lines)


def legend(glyphs: Glyphs) -> Content:
    """What the signs mean."""
    parts: list[tuple[str, str] | str] = []
    for sign, words, colour in (
        (glyphs.day_done, "done", "success"),
        (glyphs.day_late, "late", "warning"),
        (glyphs.day_failed, "failed", "error"),
        (glyphs.day_missed, "missed", "error"),
    ):
        parts += [(sign, f"${colour}"), (f" {words}  ", "$muted")]
    return Content.assemble(*parts)


def _span(days: Sequence[DayCompliance], today: date) -> int:
    """How many days are worth showing: from the first that is known on, and a fortnight at least."""
    first = min((date.fromisoformat(day.day) for day in days), default=today)
    return max(14, (today - first).days + 1)
