"""Points in time as people write them."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta

from pantry_tui.models import utc_now

_AGO = re.compile(r"(\d{1,6})(s|min|h|d|w)")
_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def since(text: str) -> datetime:
    """`12h` and `2d` ago, a day, or a day and time, in the local zone where it names none. For argparse."""
    try:
        if found := _AGO.fullmatch(text):
            return utc_now() - timedelta(seconds=int(found[1]) * _UNITS[found[2]])
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no point in time; write 2026-11-20, 2026-11-20T02:00 or 90min, 12h, 2d, 1w"
        ) from None
