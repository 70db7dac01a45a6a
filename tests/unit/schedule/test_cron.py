"""Which cron expressions are taken, and what those that are refused are told."""

from __future__ import annotations

import pytest

from pantry_tui.errors import UsageError
from pantry_tui.schedule.cron import parse_cron


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("0 2 * * *", "0 2 * * *"),
        ("  0\t2 * *  * ", "0 2 * * *"),
        ("@daily", "0 0 * * *"),
        ("@Hourly", "0 * * * *"),
        ("0 2 * JAN-mar MON", "0 2 * jan-mar mon"),
        ("*/15 8-17/3 1,15,L * *", "*/15 8-17/3 1,15,l * *"),
        ("0 0 * * sat#1", "0 0 * * sat#1"),
        ("0 0 * * L5", "0 0 * * l5"),
        ("0 0 * * fri-0", "0 0 * * fri-0"),
        ("0 0 29 2 *", "0 0 29 2 *"),
    ],
)
def test_what_is_taken(text: str, normal: str) -> None:
    assert parse_cron(text).text == normal


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("R 2 * * *", "field of the minute is 'r'", "write the time itself"),
        ("0 r(1-5) * * *", "field of the hour is 'r(1-5)'", "write the time itself"),
        ("H 2 * * *", "drawn by lot", "write the time itself"),
        ("59/15 * * * *", "'59/15', which programs read differently", "write 59 alone"),
        ("6/10 * * * *", "'6/10', which programs read differently", "6-59/10"),
        ("0 0 31 2 *", "never run", "correct the day of the month"),
        ("0 0 31 4,6,9,11 *", "never run", "correct the day of the month"),
        ("0 0 30 feb *", "never run", "correct the day of the month"),
        ("0 0 2 * * *", "it has six fields", "--seconds"),
        ("0 0 2 * * * 2027", "it has 7 fields", "five fields"),
        ("0 2 * *", "it has 4 fields", "five fields"),
        ("daily", "it has 1 field", "five fields"),
        ("", "it has 0 fields", "five fields"),
        ("@reboot", "no form @reboot", "@daily"),
        ("@every 1h", "no form @every 1h", "@daily"),
        ("60 * * * *", "field of the minute cannot be '60'", "from 0 to 59"),
        ("0 24 * * *", "field of the hour cannot be '24'", "from 0 to 23"),
        ("0 0 0 * *", "field of the day of the month cannot be '0'", "from 1 to 31"),
        ("0 0 * 13 *", "field of the month cannot be '13'", "from 1 to 12"),
        ("0 0 * * 8", "field of the weekday cannot be '8'", "from 0 to 7"),
        ("0 0 * mon *", "field of the month cannot be 'mon'", "jan to dec"),
        ("0 0 ? * *", "cannot be '?'", "from 1 to 31"),
        ("0 0 15W * *", "cannot be '15w'", "L for the last"),
        ("0 22-2 * * *", "range 22-2, which runs backwards", "22-23,0-2"),
        ("0 0 * * fri-mon", "range fri-mon, which runs backwards", "5-6,0-1"),
        ("5-5 * * * *", "range 5-5, which is one value", "write 5 alone"),
        ("0 0 * * mon-1", "range mon-1, which is one value", "write 1 alone"),
        ("0 0 * * 7-0", "range 7-0, which is one value", "write 7 alone"),
        ("0 0 15 * L5", "a day of the month and a weekday like fri#2", "two schedules"),
        ("*/90 * * * *", "no step of 90 fits between 0 and 59", "list the values"),
        ("*/0 * * * *", "no step of 0", "list the values"),
        ("1,,2 * * * *", "cannot be ''", "lists a,b"),
        ("*-5 * * * *", "cannot be '*-5'", "ranges a-b"),
        ("-5 * * * *", "cannot be '-5'", "from 0 to 59"),
        ("٣ * * * *", "cannot be '٣'", "from 0 to 59"),
        ("0 0 * * sat#6", "cannot be 'sat#6'", "fri#2"),
        ("0 0 * * 1,3#2", "cannot be read", "five fields"),
        ("*" * 201, "201 characters", "at most 200"),
    ],
)
def test_what_is_refused(text: str, what: str, remedy: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_cron(text)

    assert what in refusal.value.message
    assert remedy in (refusal.value.remedy or "")


def test_seconds_are_taken_where_they_are_asked_for() -> None:
    assert parse_cron("0 2 * * * */20", with_seconds=True).seconds == (0, 20, 40)
    assert parse_cron("0 2 * * *", with_seconds=True).seconds == (0,)
