"""What is said beforehand of the days on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pantry_tui.schedule.clock_changes import LOOKED_AHEAD, clock_change_notes
from pantry_tui.schedule.cron import parse_cron
from pantry_tui.schedule.occurrences import occurrences

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        (
            "30 2 * * *",
            "Europe/Vienna",
            ("2027-03-28: clocks skip 02:30; it runs at 03:00", "2027-10-31: 02:30 comes twice; it runs once"),
        ),
        (
            "*/10 * * * *",
            "America/New_York",
            (
                "2027-03-14: clocks skip 02:00 to 02:50; it runs at 03:00",
                "2027-11-07: 01:00 to 01:50 comes twice; it runs once",
            ),
        ),
        ("15 2 * * *", "Australia/Lord_Howe", ("2027-10-03: clocks skip 02:15; it runs at 02:30",)),
        ("0 0 * * *", "America/Santiago", ("2027-09-05: clocks skip 00:00; it runs at 01:00",)),
        ("0 12 * * *", "Europe/Vienna", ()),
        ("30 2 * * *", "UTC", ()),
        ("30 2 * * mon", "Europe/Vienna", ()),  # clocks are changed on Sundays
    ],
)
def test_each_change_that_a_time_falls_into(cron: str, zone: str, said: tuple[str, ...]) -> None:
    assert clock_change_notes(parse_cron(cron), ZoneInfo(zone), NOW) == said


def test_what_is_said_is_what_happens() -> None:
    cron, zone = parse_cron("30 2 * * *"), ZoneInfo("Europe/Vienna")
    local = []
    for moment in occurrences(cron, zone, NOW):
        if moment > NOW + LOOKED_AHEAD:
            break
        local.append(moment.astimezone(zone))
    assert [each for each in local if each.strftime("%m-%d") == "03-28"] == [datetime(2027, 3, 28, 3, tzinfo=zone)]
    assert len([each for each in local if each.strftime("%m-%d") == "10-31"]) == 1
    assert len(local) == LOOKED_AHEAD // timedelta(days=1)
