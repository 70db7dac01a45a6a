"""Sizes, counts, ages and durations as people read them."""

from __future__ import annotations

from datetime import datetime

import humanize

_SIZE_WIDTH = 9


def size(count: int) -> str:
    """Bytes in binary units, as the command line says them, in at most nine characters: 12.4 MiB."""
    words = humanize.naturalsize(count, binary=True, format="%.1f").replace(" Bytes", " B").replace(" Byte", " B")
    return words if len(words) <= _SIZE_WIDTH else humanize.naturalsize(count, binary=True, format="%.0f")


def rate(bytes_per_second: float) -> str:
    """Bytes per second: 38.0 MiB/s."""
    return f"{size(int(bytes_per_second))}/s"


def count(number: int) -> str:
    """Exact with thousands separators up to ten million, then in millions or billions."""
    if number < 10_000_000:
        return f"{number:,}"
    if number < 1_000_000_000:
        return f"{number / 1e6:,.1f} M"
    return f"{number / 1e9:,.1f} G"


def short_count(number: int) -> str:
    """At most seven characters: exact below a million, then 1.2 M."""
    return (
        f"{number:,}" if number < 1_000_000 else f"{number / 1e6:,.1f} M" if number < 1e9 else f"{number / 1e9:,.1f} G"
    )


def age(moment: datetime, now: datetime) -> str:
    """How long ago, in its largest unit: "3 hours"; "future" for what a wrong clock has dated."""
    if (moment - now).total_seconds() > 60:
        return "future"
    words = humanize.naturaldelta(max(now - moment, now - now), months=True)
    return "now" if words in ("now", "a moment") else words.split(",")[0]


def ago(moment: datetime, now: datetime) -> str:
    """The same within a sentence: "3 hours ago", "just now", "in the future"."""
    words = age(moment, now)
    return {"now": "just now", "future": "in the future"}.get(words, f"{words} ago")


def duration(seconds: float) -> str:
    """A stretch of time to the accuracy that matters: 0.4 s, 12 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def span(seconds: float) -> str:
    """A stretch of time in one or two units, for narrow columns: 45 s, 3 min, 3 h 12 min, 2 days 4 h."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest:02} min" if rest else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h" if hours and days < 10 else f"{days} days"


def time_left(seconds: float | None) -> str:
    """ "about 20 s left", or that it is not known yet."""
    return "time left not known yet" if seconds is None else f"about {duration(max(seconds, 0))} left"


def moment(at: datetime) -> str:
    """Local date and time to the second, with the zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def plural(number: int, noun: str) -> str:
    """ "1 table", "2 tables"."""
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def bar(share: float, width: int, done: str, left: str) -> str:
    """A progress bar of ``width`` characters, readable without colour."""
    filled = int(max(0.0, min(share, 1.0)) * width)
    return done * filled + left * (width - filled)
