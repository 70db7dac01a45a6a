"""Cron expressions in English."""

from __future__ import annotations

import pytest

from pantry_tui.schedule.cron import parse_cron
from pantry_tui.schedule.words import in_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 2 * * *", "every day at 02:00"),
        ("@hourly", "every hour"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0 */4 * * *", "every day at 00:00, 04:00, 08:00, 12:00, 16:00 and 20:00"),
        ("*/15 8-17 * * mon-fri", "every 15 minutes from 08:00 to 17:59, on Monday to Friday"),
        ("0 0 1,15 * *", "on the 1st and 15th of the month at 00:00"),
        ("0 0 2,3,22 * *", "on the 2nd, 3rd and 22nd of the month at 00:00"),
        ("0 0 1 * mon", "on the 1st of the month or on every Monday at 00:00"),
        ("0 0 L * *", "on the last day of the month at 00:00"),
        ("0 0 1,L * *", "on the 1st and last day of the month at 00:00"),
        ("0 0 * * sat#1", "on the first Saturday of the month at 00:00"),
        ("0 0 * * l5", "on the last Friday of the month at 00:00"),
        ("0 0 * * 0,6", "on Saturday and Sunday at 00:00"),
        ("5,20 * * * *", "at 5 and 20 minutes past every hour"),
        ("1 * * * *", "at 1 minute past every hour"),
        ("*/7 * * * *", "at 0, 7, 14, 21, 28, 35, 42, 49 and 56 minutes past every hour"),
        ("0-30 2,5 * * sun", "at 0 to 30 minutes past the hour in the hours 02 and 05, on Sunday"),
        ("30 3 * 1,7 *", "every day in January and July at 03:30"),
        ("0 0 1 jan *", "on the 1st of the month in January at 00:00"),
        ("0 2 * * * 30", "every day at 02:00:30"),
        ("* * * * * */10", "every 10 seconds"),
        ("*/5 3 * * * 0,30", "every 30 seconds, every 5 minutes in the hour 03"),
        ("* * * * * 7", "at second 7"),
    ],
)
def test_words(text: str, words: str) -> None:
    assert in_words(parse_cron(text, with_seconds=True)) == words
