"""The longest time without a run."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pantry_tui.models import Schedule
from pantry_tui.schedule.gaps import longest_gap

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = 3600.0, 86400.0


def schedule(cron: str, zone: str = "UTC") -> Schedule:
    return Schedule(name="s", cron=cron, timezone=zone)


@pytest.mark.parametrize(
    ("crons", "gap"),
    [
        (("0 2 * * *",), DAY),
        (("0 2 * * *", "0 */4 * * *"), 4 * HOUR),
        (("0 2 * * *", "* * * * *"), 60.0),
        (("0 8-17 * * mon-fri",), 63 * HOUR),  # from Friday at 17:00 to Monday at 8:00
        (("0 0 1 * *",), 31 * DAY),
        (("0 0 29 2 *",), None),  # once in the time that is looked at, or not at all
    ],
)
def test_of_schedules_together(crons: tuple[str, ...], gap: float | None) -> None:
    assert longest_gap([schedule(cron) for cron in crons], NOON) == gap


def test_of_none_and_of_a_zone_that_is_not_known() -> None:
    assert longest_gap([], NOON) is None
    assert longest_gap([schedule("0 2 * * *", "Mars/Olympus")], NOON) is None


def test_clocks_that_go_back_make_an_hourly_gap_of_two() -> None:
    autumn = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert longest_gap([schedule("0 * * * *", "Europe/Vienna")], autumn) == 2 * HOUR
