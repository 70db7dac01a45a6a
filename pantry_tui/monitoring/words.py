"""Figures in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import humanize

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def span(seconds: float) -> str:
    """A span in its two largest units: `3 d 4 h`, `2 h 5 min`, `42 s`, `0.8 s`."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    for place, (unit, length) in enumerate(_UNITS):
        if whole >= length:
            rest = whole % length // _UNITS[place + 1][1] if length > 1 else 0
            return f"{whole // length} {unit}" + (f" {rest} {_UNITS[place + 1][0]}" if rest else "")
    return "0 s"


def size(amount: float) -> str:
    """Bytes: `118.4 MiB`."""
    return str(humanize.naturalsize(amount, binary=True))


def percent(share: float) -> str:
    """A share: `42 %`."""
    return f"{share * 100:.0f} %"


def counted(number: int, noun: str) -> str:
    """A number of things: `1 backup`, `1,200 backups`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
