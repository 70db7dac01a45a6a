"""Figures and stretches of time in the wizard's sentences."""

from __future__ import annotations

from datetime import datetime


def span(seconds: float) -> str:
    """A stretch of time in one or two units."""
    minutes = round(max(seconds, 0) / 60)
    if seconds < 60:
        return f"{max(seconds, 0):.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest:02} min" if rest else f"{hours} h"
    return f"{hours // 24} days"


def age(moment: datetime, now: datetime) -> str:
    """How old it is."""
    return span((now - moment).total_seconds())


def counted(number: int, noun: str) -> str:
    """ "1 row", "2,000 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def moment(at: datetime) -> str:
    """Local date and time to the minute, with the zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M %Z")


def listed(names: list[str], most: int = 4) -> str:
    """Some names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def size(count: int) -> str:
    """Bytes in binary units."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
