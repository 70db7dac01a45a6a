"""What runs do when clocks are put forward and back, in zones that do it in different ways."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pantry_tui.errors import UsageError
from pantry_tui.schedule.cron import parse_cron
from pantry_tui.schedule.occurrences import next_runs, time_zone

# zone, expression, after (local), the next runs as the zone's clocks show them, with their distance from UTC
FORWARD = (
    ("Europe/Vienna", "30 2 * * *", "2026-03-28T03:00", ("2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00")),
    ("Europe/Vienna", "*/15 2 * * *", "2026-03-28T03:00", ("2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00")),
    (
        "Europe/Vienna",
        "*/30 * * * *",
        "2026-03-29T01:00",
        ("2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"),
    ),
    ("America/New_York", "0 2 * * *", "2026-03-07T12:00", ("2026-03-08T03:00-04:00", "2026-03-09T02:00-04:00")),
    ("America/St_Johns", "5 2 * * *", "2026-03-07T12:00", ("2026-03-08T03:00-02:30", "2026-03-09T02:05-02:30")),
    ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00", ("2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00")),
    ("Australia/Lord_Howe", "30 2 * * *", "2026-10-03T12:00", ("2026-10-04T02:30+11:00", "2026-10-05T02:30+11:00")),
    ("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00", ("2018-11-04T01:00-02:00", "2018-11-05T00:00-02:00")),
    ("Africa/Casablanca", "30 2 * * *", "2026-03-21T12:00", ("2026-03-22T03:00+01:00", "2026-03-23T02:30+01:00")),
    ("Pacific/Apia", "0 9 * * *", "2011-12-29T10:00", ("2011-12-31T00:00+14:00", "2011-12-31T09:00+14:00")),
)
BACK = (
    ("Europe/Vienna", "30 2 * * *", "2026-10-24T12:00", ("2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00")),
    (
        "Europe/Vienna",
        "*/30 * * * *",
        "2026-10-25T01:40",
        ("2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-25T03:00+01:00"),
    ),
    ("America/New_York", "30 1 * * *", "2026-10-31T12:00", ("2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00")),
    ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00", ("2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30")),
    (
        "Australia/Lord_Howe",
        "*/15 * * * *",
        "2026-04-05T01:20",
        ("2026-04-05T01:30+11:00", "2026-04-05T01:45+11:00", "2026-04-05T02:00+10:30"),
    ),
    ("America/Sao_Paulo", "30 23 * * *", "2018-02-17T12:00", ("2018-02-17T23:30-02:00", "2018-02-18T23:30-03:00")),
    ("Africa/Casablanca", "30 2 * * *", "2026-02-14T12:00", ("2026-02-15T02:30+01:00", "2026-02-16T02:30+00:00")),
    ("Europe/Dublin", "0 1 * * *", "2026-10-24T12:00", ("2026-10-25T01:00+01:00", "2026-10-26T01:00+00:00")),
)
STILL = (
    ("UTC", "30 2 * * *", "2026-03-28T12:00", ("2026-03-29T02:30+00:00", "2026-03-30T02:30+00:00")),
    ("Asia/Kathmandu", "0 2 * * *", "2026-03-28T12:00", ("2026-03-29T02:00+05:45", "2026-03-30T02:00+05:45")),
)


@pytest.mark.parametrize(("zone", "text", "after", "expected"), FORWARD + BACK + STILL)
def test_each_run_happens_once(zone: str, text: str, after: str, expected: tuple[str, ...]) -> None:
    place = time_zone(zone)

    found = next_runs(parse_cron(text), place, datetime.fromisoformat(after).replace(tzinfo=place), len(expected))

    assert [moment.astimezone(place).isoformat(timespec="minutes") for moment in found] == list(expected)


@pytest.mark.parametrize("minute", [0, 20, 40])
def test_asked_in_the_second_pass_of_a_repeated_hour(minute: int) -> None:
    place = time_zone("Europe/Vienna")
    second_pass = datetime(2026, 10, 25, 2, minute, tzinfo=place, fold=1)

    [found] = next_runs(parse_cron("30 2 * * *"), place, second_pass, 1)

    assert found == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "Europe", "a\0b", "x" * 5000])
def test_what_is_no_zone(name: str) -> None:
    with pytest.raises(UsageError, match="there is no time zone"):
        time_zone(name)
