"""A row of figures as a line of text, as high as each is: `▁▂▅█`, or `.:+#` where the output has no such characters."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_PLAIN = "_.:-=+*#"
_NOTHING = " "


def sparkline(values: Sequence[float | None]) -> str:
    """One character for each value, from 0 to the highest; a blank where there is none."""
    bars = _BARS if _shows(_BARS) else _PLAIN
    highest = max((value for value in values if value is not None), default=0.0)
    return "".join(_NOTHING if value is None else bars[_step(value, highest)] for value in values)


def _step(value: float, highest: float) -> int:
    if highest <= 0:
        return 0
    return min(len(_BARS) - 1, max(0, round(value / highest * (len(_BARS) - 1))))


def _shows(characters: str) -> bool:
    """Whether standard output can say these."""
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
